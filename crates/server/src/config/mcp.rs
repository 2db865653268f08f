//! `[[mcp]]`: servers of the Model Context Protocol whose tools are offered.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use procura_adapters::http::{Upstream, UpstreamSettings};
use procura_adapters::mcp::rule::Rule;
use procura_adapters::mcp::{McpServer, McpSettings, Program, Way};
use procura_fetch::FetchPolicy;
use procura_service::system::SystemClock;
use serde::Deserialize;
use url::Url;

use super::openapi::judge_outcome;
use super::span::Span;
use super::upstream::{CredentialSection, reach};
use crate::gateway::ToolServer;

/// One server.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct McpSection {
    name: String,
    /// The program that is the server, unless it is at a URL.
    command: Option<String>,
    #[serde(default)]
    args: Vec<String>,
    /// Variables of the environment that the process gets beside [`USUAL`].
    #[serde(default)]
    env: Vec<String>,
    url: Option<Url>,
    /// Whether the URL may lead to an internal address that is not this machine.
    #[serde(default)]
    internal: bool,
    #[serde(default)]
    credential: CredentialSection,
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
        for (at, rule) in self.rule.iter().enumerate() {
            judge_rule(rule).map_err(|problem| named(format!("rule {}: {problem}", at + 1)))?;
        }
        let way = self.way().map_err(named)?;
        let mut settings = McpSettings::new(self.name.clone(), way);
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

impl McpSection {
    fn way(&self) -> Result<Way, String> {
        let started = !self.args.is_empty() || !self.env.is_empty();
        let called = self.internal || !matches!(self.credential, CredentialSection::None);
        match (&self.command, &self.url) {
            (Some(command), None) if command.is_empty() => {
                Err("command: has to name a program".to_owned())
            }
            (Some(_), None) if called => {
                Err("internal and credential are for a server at a url".to_owned())
            }
            (Some(command), None) => Ok(Way::Program(Program {
                command: command.clone(),
                args: self.args.clone(),
                env: environment(&self.env)?,
            })),
            (None, Some(_)) if started => {
                Err("args and env are for a server that a command starts".to_owned())
            }
            (None, Some(url)) => self.upstream(url).map(Way::Http),
            _ => Err("has to have either a command or a url".to_owned()),
        }
    }

    fn upstream(&self, url: &Url) -> Result<Arc<Upstream>, String> {
        let mut settings = UpstreamSettings::new(url.clone());
        // Its list of tools is one for all, and is asked for before there is a person.
        if matches!(self.credential, CredentialSection::Person { .. }) {
            let problem = "credential: an MCP server cannot take the keys of people";
            return Err(problem.to_owned());
        }
        settings.credential = self.credential.judge("")?;
        if let Some(Span(timeout)) = self.timeout {
            settings.timeout = timeout;
        }
        let reach = FetchPolicy {
            stream_idle_timeout: settings.timeout.max(QUIET),
            ..reach(url, self.internal)
        };
        let upstream = Upstream::new(settings, &reach, Arc::new(SystemClock));
        let hint = if self.internal {
            ""
        } else {
            "; set internal = true for a server of your own network"
        };
        let upstream = upstream.map_err(|error| format!("url: {error}{hint}"))?;
        Ok(Arc::new(upstream))
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

/// How long the stream of a server's own notices may be silent before it is opened again.
const QUIET: Duration = Duration::from_mins(15);
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
        let far = "name = 'far'\nurl = 'https://tools.example/mcp'";
        assert_eq!(judge(far).unwrap().server.name(), "far");
        for (bad, words) in [
            ("name = 'a'\ncommand = ''", "has to name a program"),
            ("name = 'a'", "either a command or a url"),
            (
                "name = 'a'\ncommand = 'a'\nurl = 'https://a.example'",
                "either a command or a url",
            ),
            (
                "name = 'a'\nurl = 'https://a.example'\nargs = ['b']",
                "args and env",
            ),
            ("name = 'a'\ncommand = 'a'\ninternal = true", "internal"),
            ("name = 'a'\nurl = 'http://10.0.0.1/mcp'", "internal = true"),
            ("name = 'a'\nurl = 'https://u:p@a.example/mcp'", "user"),
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
