//! Rules of the configuration: which operations are offered, under which name, and what approving them takes.

use http::Method;
use procura_agent_auth::capability::ApprovalStrength;
use serde::Deserialize;
use serde_json::Value;

use super::glob::fits;

/// What rules look at.
#[derive(Clone, Debug)]
pub(super) struct Subject<'o> {
    pub(super) method: &'o Method,
    pub(super) path: &'o str,
    pub(super) id: Option<&'o str>,
    pub(super) name: &'o str,
    pub(super) tags: Vec<&'o str>,
    pub(super) deprecated: bool,
}

/// A rule: conditions, which all have to hold, and what then holds. Of several rules, the last one that says
/// something about a matter decides it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// Methods, such as `GET`.
    pub methods: Vec<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// Patterns for the path, as the description writes it.
    pub paths: Vec<String>,
    /// Patterns for the name or the operation's id.
    pub operations: Vec<String>,
    /// Whether the operation is deprecated.
    pub deprecated: Option<bool>,

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

/// What the rules decided about one operation.
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

impl Rule {
    fn holds(&self, subject: &Subject<'_>) -> bool {
        let among = |wanted: &[String], has: &dyn Fn(&String) -> bool| {
            wanted.is_empty() || wanted.iter().any(has)
        };
        among(&self.methods, &|method| {
            method.eq_ignore_ascii_case(subject.method.as_str())
        }) && among(&self.tags, &|tag| subject.tags.contains(&tag.as_str()))
            && among(&self.paths, &|pattern| fits(pattern, subject.path))
            && among(&self.operations, &|pattern| subject.is_named(pattern))
            && self
                .deprecated
                .is_none_or(|deprecated| deprecated == subject.deprecated)
    }
}

impl Subject<'_> {
    /// Whether a pattern fits the name, the id or the path.
    pub(super) fn is_meant(&self, pattern: &str) -> bool {
        self.is_named(pattern) || fits(pattern, self.path)
    }

    fn is_named(&self, pattern: &str) -> bool {
        fits(pattern, self.name) || self.id.is_some_and(|id| fits(pattern, id))
    }
}

/// Applies the rules. What none of them says: reading takes a sign-in, everything else presence, and nothing is a
/// default.
pub(super) fn judge(rules: &[Rule], subject: &Subject<'_>) -> Verdict {
    let mut verdict = Verdict {
        offer: true,
        approval: if reads(subject.method) {
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

/// Whether a method only reads (RFC 9110 §9.2.1).
fn reads(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn verdict(rules: Value, method: &Method, name: &str) -> Verdict {
        let rules: Vec<Rule> = serde_json::from_value(rules).unwrap();
        let subject = Subject {
            method,
            path: "/pets/{id}",
            id: Some("petOp"),
            name,
            tags: vec!["pets"],
            deprecated: false,
        };
        judge(&rules, &subject)
    }

    #[test]
    fn reading_takes_a_sign_in_and_changing_takes_presence() {
        for (method, expected) in [
            (Method::GET, ApprovalStrength::Session),
            (Method::HEAD, ApprovalStrength::Session),
            (Method::POST, ApprovalStrength::Presence),
            (Method::DELETE, ApprovalStrength::Presence),
        ] {
            let verdict = verdict(json!([]), &method, "x");
            assert_eq!((verdict.approval, verdict.default), (expected, false));
        }
    }

    #[test]
    fn the_last_rule_that_says_something_decides() {
        let rules = json!([
            { "tags": ["pets"], "approval": "none", "default": true },
            { "operations": ["list_*"], "approval": "session", "constraints": { "limit": { "max": 9 } } },
            { "methods": ["get"], "paths": ["/pets/*"], "describe": "Pets" },
            { "tags": ["stores"], "offer": false },
            { "deprecated": true, "offer": false }
        ]);
        let listed = verdict(rules.clone(), &Method::GET, "list_pets");
        assert_eq!(listed.approval, ApprovalStrength::Session);
        assert!(listed.offer && listed.default);
        assert_eq!(listed.describe.as_deref(), Some("Pets"));
        assert_eq!(listed.constraints, Some(json!({ "limit": { "max": 9 } })));
        let made = verdict(rules, &Method::POST, "make_pet");
        assert_eq!(made.approval, ApprovalStrength::None);
        assert_eq!(made.describe, None);
    }

    #[test]
    fn a_rule_with_a_word_nobody_knows_is_refused() {
        assert!(serde_json::from_value::<Rule>(json!({ "aproval": "none" })).is_err());
    }
}
