//! `[[openapi]]`: descriptions whose operations are offered.

use std::collections::BTreeMap;

use procura_adapters::openapi::Source;
use procura_adapters::openapi::rule::Rule;
use procura_agent_auth::capability::{ApprovalStrength, CapabilityName};
use procura_agent_auth::constraint::Constraints;
use procura_fetch::FetchPolicy;
use serde::Deserialize;
use serde_json::Value;

use super::Upstreams;
use super::upstream::reach;
use crate::gateway::Described;

/// One description.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OpenapiSection {
    source: String,
    upstream: String,
    /// Whether the address of the description may be internal.
    #[serde(default)]
    internal: bool,
    #[serde(default)]
    include: Vec<String>,
    #[serde(default)]
    exclude: Vec<String>,
    #[serde(default)]
    variables: BTreeMap<String, String>,
    #[serde(default)]
    rule: Vec<Rule>,
}

impl OpenapiSection {
    pub(super) fn judge(self, upstreams: &Upstreams) -> Result<Described, String> {
        let named = |problem: String| format!("openapi {:?}: {problem}", self.source);
        let source = Source::from(self.source.as_str());
        let reach = match &source {
            Source::Url(url) => reach(url, self.internal),
            Source::File(_) => FetchPolicy::server(),
        };
        for (at, rule) in self.rule.iter().enumerate() {
            judge_rule(rule).map_err(|problem| named(format!("rule {}: {problem}", at + 1)))?;
        }
        Ok(Described {
            upstream: upstreams.find(&self.upstream).map_err(named)?,
            source,
            reach,
            include: self.include,
            exclude: self.exclude,
            rules: self.rule,
            variables: self.variables,
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

/// What is wrong with what a rule says of operations or tools.
pub(super) fn judge_outcome(
    default: Option<bool>,
    approval: Option<ApprovalStrength>,
    rename: Option<&str>,
    constraints: Option<&Value>,
) -> Result<(), String> {
    if default == Some(true) && approval == Some(ApprovalStrength::Presence) {
        let problem = "default: what needs presence cannot be granted without approval";
        return Err(problem.to_owned());
    }
    if let Some(name) = rename {
        name.parse::<CapabilityName>()
            .map_err(|error| format!("rename: {error}"))?;
    }
    if let Some(limits) = constraints {
        Constraints::parse(limits).map_err(|error| format!("constraints: {error}"))?;
    }
    Ok(())
}
