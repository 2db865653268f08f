//! Rules of the configuration: which tools are offered, under which name, and what approving them takes.

use procura_agent_auth::capability::ApprovalStrength;
use serde::Deserialize;
use serde_json::Value;

use crate::openapi::glob::fits;

/// What rules look at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'t> {
    /// The tool, as the server calls it.
    pub(super) tool: &'t str,
    /// The capability's name.
    pub(super) name: &'t str,
    /// Whether the server says that it changes nothing.
    pub(super) read_only: bool,
}

/// A rule: conditions, which all have to hold, and what then holds. Of several rules, the last one that says
/// something about a matter decides it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// Patterns for the tool or the capability.
    pub tools: Vec<String>,
    /// What the server's annotation `readOnlyHint` says; without one, no.
    pub read_only: Option<bool>,

    /// Whether it is offered.
    pub offer: Option<bool>,
    /// What approving it takes.
    pub approval: Option<ApprovalStrength>,
    /// Whether new hosts have it as a default.
    pub default: Option<bool>,
    /// Its name.
    pub rename: Option<String>,
    /// What is said of it.
    pub describe: Option<String>,
    /// Limits on every grant of it.
    pub constraints: Option<Value>,
    /// Whether results have to fit their schema.
    pub check_output: Option<bool>,
}

/// What the rules decided about one tool.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Verdict {
    pub(super) offer: bool,
    pub(super) approval: ApprovalStrength,
    pub(super) default: bool,
    pub(super) rename: Option<String>,
    pub(super) describe: Option<String>,
    pub(super) constraints: Option<Value>,
    pub(super) check_output: bool,
}

impl Subject<'_> {
    /// Whether a pattern fits the tool or the capability.
    pub(super) fn is_meant(&self, pattern: &str) -> bool {
        fits(pattern, self.tool) || fits(pattern, self.name)
    }
}

impl Rule {
    fn holds(&self, subject: Subject<'_>) -> bool {
        let named = |pattern: &String| subject.is_meant(pattern);
        (self.tools.is_empty() || self.tools.iter().any(named))
            && self
                .read_only
                .is_none_or(|wanted| wanted == subject.read_only)
    }
}

/// Applies the rules. What none of them says: a tool that changes nothing takes a sign-in, every other presence, and
/// nothing is a default.
pub(super) fn judge(rules: &[Rule], subject: Subject<'_>) -> Verdict {
    let mut verdict = Verdict {
        offer: true,
        approval: if subject.read_only {
            ApprovalStrength::Session
        } else {
            ApprovalStrength::Presence
        },
        default: false,
        rename: None,
        describe: None,
        constraints: None,
        check_output: false,
    };
    for rule in rules.iter().filter(|rule| rule.holds(subject)) {
        verdict.offer = rule.offer.unwrap_or(verdict.offer);
        verdict.approval = rule.approval.unwrap_or(verdict.approval);
        verdict.default = rule.default.unwrap_or(verdict.default);
        verdict.check_output = rule.check_output.unwrap_or(verdict.check_output);
        verdict.rename = rule.rename.clone().or(verdict.rename);
        verdict.describe = rule.describe.clone().or(verdict.describe);
        verdict.constraints = rule.constraints.clone().or(verdict.constraints);
    }
    verdict
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn verdict(rules: Value, read_only: bool) -> Verdict {
        let rules: Vec<Rule> = serde_json::from_value(rules).unwrap();
        let subject = Subject {
            tool: "readFile",
            name: "files_read_file",
            read_only,
        };
        judge(&rules, subject)
    }

    #[test]
    fn what_changes_nothing_takes_a_sign_in_and_everything_else_presence() {
        assert_eq!(verdict(json!([]), true).approval, ApprovalStrength::Session);
        let changing = verdict(json!([]), false);
        assert_eq!(changing.approval, ApprovalStrength::Presence);
        assert!(changing.offer && !changing.default);
    }

    #[test]
    fn the_last_rule_that_says_something_decides() {
        let rules = json!([
            { "tools": ["files_*"], "approval": "none", "default": true },
            { "tools": ["readFile"], "approval": "session", "rename": "read" },
            { "read_only": false, "offer": false },
            { "tools": ["write*"], "describe": "Write" }
        ]);
        let reading = verdict(rules.clone(), true);
        assert_eq!(reading.approval, ApprovalStrength::Session);
        assert!(reading.offer && reading.default);
        assert_eq!(
            (reading.rename.as_deref(), reading.describe),
            (Some("read"), None)
        );
        assert!(!verdict(rules, false).offer);
    }

    #[test]
    fn a_rule_with_a_word_nobody_knows_is_refused() {
        assert!(serde_json::from_value::<Rule>(json!({ "readonly": true })).is_err());
    }
}
