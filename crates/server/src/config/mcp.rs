//! `[[mcp]]`: servers of the Model Context Protocol whose tools are offered.

use std::collections::BTreeMap;
use std::sync::Arc;

use procura_adapters::mcp::rule::Rule;
use procura_adapters::mcp::{McpServer, McpSettings};
use serde::Deserialize;

use super::openapi::judge_outcome;
use super::span::Span;
use crate::gateway::ToolServer;

/// One server.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct McpSection {
    name: String,
    command: String,
    #[serde(default)]
    args: Vec<String>,
    /// Variables of the environment that the process gets beside [`USUAL`].
    #[serde(default)]
    env: Vec<String>,
    timeout: Option<Span>,
    start_timeout: Option<Span>,
    max_answer: Option<usize>,
    #[serde(default)]
    show_refusals: bool,
    #[serde(default)]
    prefix: String,
    #[serde(default)]
    include: Vec<String>,
    #[serde(default)]
    exclude: Vec<String>,
    #[serde(default)]
    rule: Vec<Rule>,
}

impl McpSection {
    pub(super) fn judge(self) -> Result<ToolServer, String> {
        let named = |problem: String| format!("mcp {:?}: {problem}", self.name);
        if self.command.is_empty() {
            return Err(named("command: has to name a program".to_owned()));
        }
        for (at, rule) in self.rule.iter().enumerate() {
            judge_rule(rule).map_err(|problem| named(format!("rule {}: {problem}", at + 1)))?;
        }
        let mut settings = McpSettings::new(self.name.clone(), self.command.clone());
        settings.env = environment(&self.env).map_err(named)?;
        settings.args = self.args;
        let span = |given: Option<Span>, usual| given.map_or(usual, |Span(span)| span);
        settings.timeout = span(self.timeout, settings.timeout);
        settings.start_timeout = span(self.start_timeout, settings.start_timeout);
        settings.max_answer = self.max_answer.unwrap_or(settings.max_answer);
        settings.show_refusals = self.show_refusals;
        if settings.timeout.is_zero() || settings.start_timeout.is_zero() {
            let problem = "timeout and start_timeout have to be more than nothing";
            return Err(format!("mcp {:?}: {problem}", self.name));
        }
        Ok(ToolServer {
            server: Arc::new(McpServer::new(settings)),
            prefix: self.prefix,
            include: self.include,
            exclude: self.exclude,
            rules: self.rule,
        })
    }
}

/// What is wrong with a rule whatever it meets.
fn judge_rule(rule: &Rule) -> Result<(), String> {
    judge_outcome(
        rule.default,
        rule.approval,
        rule.rename.as_deref(),
        rule.constraints.as_ref(),
    )
}

/// What the process gets of the environment: what programs cannot do without, and what is listed.
#[expect(
    clippy::disallowed_methods,
    reason = "the configuration is where the environment is read"
)]
fn environment(listed: &[String]) -> Result<BTreeMap<String, String>, String> {
    let mut environment = BTreeMap::new();
    for name in USUAL {
        environment.extend(
            std::env::var(name)
                .ok()
                .map(|value| (name.to_owned(), value)),
        );
    }
    for name in listed {
        let value = std::env::var(name)
            .map_err(|_| format!("env: the variable {name:?} is not set, or is not text"))?;
        environment.insert(name.clone(), value);
    }
    Ok(environment)
}

const USUAL: [&str; 6] = ["HOME", "LANG", "LOGNAME", "PATH", "TMPDIR", "USER"];

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(text: &str) -> Result<ToolServer, String> {
        let section: McpSection = toml::from_str(text).map_err(|error| error.to_string())?;
        section.judge()
    }

    #[test]
    fn a_server_is_a_program_and_what_of_it_is_offered() {
        let good = "name = 'files'\ncommand = 'mcp-files'\nargs = ['/srv']\nenv = ['PATH']\ntimeout = '5s'\n\
                    [[rule]]\ntools = ['read_*']\napproval = 'none'\ndefault = true";
        assert_eq!(judge(good).unwrap().server.name(), "files");
        for (bad, words) in [
            ("name = 'a'\ncommand = ''", "has to name a program"),
            ("name = 'a'\ncommand = 'a'\nurl = 'b'", "url"),
            (
                "name = 'a'\ncommand = 'a'\ntimeout = '0s'",
                "more than nothing",
            ),
            (
                "name = 'a'\ncommand = 'a'\nenv = ['PROCURA_NO_SUCH_VARIABLE']",
                "PROCURA_NO_SUCH_VARIABLE",
            ),
            (
                "name = 'a'\ncommand = 'a'\n[[rule]]\napproval = 'presence'\ndefault = true",
                "rule 1: default",
            ),
            (
                "name = 'a'\ncommand = 'a'\n[[rule]]\nrename = ''",
                "rule 1: rename",
            ),
        ] {
            let refused = judge(bad).unwrap_err();
            assert!(refused.contains(words), "{refused}");
        }
    }
}
