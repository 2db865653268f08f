//! The bodies of `vectors/agent-auth/wire`, which other implementations check theirs with: each is read and
//! written again unchanged, and each member is as required or optional as its file says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::wire::{
    approval, capability, discovery, execute, grant, introspect, lifecycle, register, status,
};

/// Reads a value as one wire type and writes it again.
type Rewrite = fn(Value) -> serde_json::Result<Value>;

const FILES: [(&str, Rewrite); 23] = [
    ("agent-request", rewrite::<lifecycle::AgentRequest>),
    ("approval", rewrite::<approval::ApprovalObject>),
    ("capability", rewrite::<capability::Capability>),
    (
        "capability-describe-query",
        rewrite::<capability::DescribeQuery>,
    ),
    ("capability-list-query", rewrite::<capability::ListQuery>),
    (
        "capability-list-response",
        rewrite::<capability::ListResponse>,
    ),
    (
        "capability-summary",
        rewrite::<capability::CapabilitySummary>,
    ),
    ("compact-grant", rewrite::<grant::CompactGrant>),
    ("discovery", rewrite::<discovery::Discovery>),
    ("execute-job", rewrite::<execute::JobResponse>),
    ("execute-request", rewrite::<execute::ExecuteRequest>),
    ("execute-response", rewrite::<execute::ExecuteResponse>),
    ("grant", rewrite::<grant::GrantObject>),
    (
        "introspect-active",
        rewrite::<introspect::IntrospectResponse>,
    ),
    (
        "introspect-inactive",
        rewrite::<introspect::IntrospectResponse>,
    ),
    (
        "introspect-request",
        rewrite::<introspect::IntrospectRequest>,
    ),
    ("register-request", rewrite::<register::RegisterRequest>),
    ("register-response", rewrite::<register::RegisterResponse>),
    (
        "request-capability-request",
        rewrite::<register::CapabilityRequest>,
    ),
    (
        "request-capability-response",
        rewrite::<register::CapabilityResponse>,
    ),
    ("revoke-response", rewrite::<lifecycle::RevokeResponse>),
    ("status-query", rewrite::<status::StatusQuery>),
    ("status-response", rewrite::<status::StatusResponse>),
];

fn rewrite<T: DeserializeOwned + Serialize>(value: Value) -> serde_json::Result<Value> {
    serde_json::to_value(serde_json::from_value::<T>(value)?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Golden {
    #[serde(rename = "section")]
    _section: String,
    #[serde(rename = "about")]
    _about: String,
    members: BTreeMap<String, Presence>,
    examples: Vec<Map<String, Value>>,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Presence {
    Required,
    Optional,
    /// Optional, and null means the same as absent.
    Nullable,
}

fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "../../vectors/agent-auth/wire"]
        .iter()
        .collect()
}

fn golden(name: &str) -> Golden {
    let text = std::fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Calls `check` with the name of the file, its reader, and each example in turn.
fn for_each_example(check: impl Fn(&str, Rewrite, &Golden, &Map<String, Value>)) {
    for (name, rewrite) in FILES {
        let golden = golden(name);
        assert!(!golden.examples.is_empty(), "{name}");
        for example in &golden.examples {
            check(name, rewrite, &golden, example);
        }
    }
}

fn with(example: &Map<String, Value>, member: &str, value: Value) -> Value {
    let mut changed = example.clone();
    changed.insert(member.to_owned(), value);
    Value::Object(changed)
}

fn without(example: &Map<String, Value>, member: &str) -> Value {
    let mut changed = example.clone();
    changed.remove(member);
    Value::Object(changed)
}

#[test]
fn every_file_is_checked() {
    let files = std::fs::read_dir(folder()).unwrap();
    let files: BTreeSet<_> = files.map(|file| file.unwrap().file_name()).collect();
    let checked = FILES.map(|(name, _)| format!("{name}.json").into());
    assert_eq!(files, checked.into());
}

// AA-5.3-12, AA-5.5-03, AA-5.11-05, AA-5.11-07, AA-5.11-08, AA-5.11-09
#[test]
fn every_example_is_read_and_written_unchanged() {
    for_each_example(|name, rewrite, _, example| {
        let example = Value::Object(example.clone());
        let written = rewrite(example.clone());
        assert_eq!(written.unwrap(), example, "{name}");
    });
}

#[test]
fn the_examples_show_every_member_and_no_other() {
    for (name, _) in FILES {
        let golden = golden(name);
        let shown = golden.examples.iter().flat_map(Map::keys);
        let shown: BTreeSet<_> = shown.collect();
        assert_eq!(shown, golden.members.keys().collect(), "{name}");
    }
}

// AA-1.4.1-01, AA-3.2-02, AA-5.1-04, AA-5.1-07, AA-5.1-08, AA-5.1-10, AA-5.3-02, AA-5.3-12, AA-5.4-02
// AA-5.5-03, AA-5.11-03, AA-7-04
#[test]
fn a_required_member_is_neither_left_out_nor_null() {
    for_each_example(|name, rewrite, golden, example| {
        for (member, presence) in &golden.members {
            if *presence == Presence::Required {
                let missing = rewrite(without(example, member));
                assert!(missing.is_err(), "{name} without {member}");
                // The result of a capability may be null; nothing else that is required may.
                if member != "data" {
                    let null = rewrite(with(example, member, Value::Null));
                    assert!(null.is_err(), "{name} with {member} null");
                }
            }
        }
    });
}

// AA-5.3-02, AA-5.3-07, AA-7.2-03
#[test]
fn an_optional_member_may_be_left_out() {
    for_each_example(|name, rewrite, golden, example| {
        for (member, presence) in &golden.members {
            if *presence != Presence::Required {
                let read = rewrite(without(example, member));
                assert!(read.is_ok(), "{name} without {member}: {read:?}");
            }
        }
    });
}

// AA-1.4.1-01, AA-5.2-08, AA-5.12-05
#[test]
fn null_for_a_nullable_member_means_that_it_is_absent() {
    for_each_example(|name, rewrite, golden, example| {
        for (member, presence) in &golden.members {
            if *presence == Presence::Nullable {
                let null = rewrite(with(example, member, Value::Null));
                let absent = rewrite(without(example, member));
                assert_eq!(null.unwrap(), absent.unwrap(), "{name} {member}");
            }
        }
    });
}

// AA-5.1.1-04, AA-3.3.1-02
#[test]
fn a_member_nobody_knows_changes_nothing() {
    for_each_example(|name, rewrite, _, example| {
        let more = with(example, "unheard_of", serde_json::json!({"a": [1]}));
        let written = rewrite(more).unwrap();
        assert_eq!(written, Value::Object(example.clone()), "{name}");
    });
}
