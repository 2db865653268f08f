#![expect(
    clippy::needless_pass_by_value,
    reason = "tests hand over json!(…) as it stands"
)]

mod attacks;
mod bodies;
mod derivation;
mod documents;
mod references;
mod written;

use std::collections::BTreeMap;

use procura_fetch::FetchPolicy;
use serde_json::{Map, Value, json};

use super::rule::Rule;
use super::*;
use crate::http::outgoing::Outgoing;
use crate::http::{Credential, Plan as _};
use crate::{BackendError, Call};

/// A description of these paths and components.
fn description(version: &str, paths: Value, components: Value) -> Value {
    json!({
        "openapi": version,
        "info": { "title": "Shop", "version": "1", "description": "Sells\nthings.\n\nMore." },
        "servers": [{ "url": "https://shop.example/v1" }],
        "paths": paths,
        "components": components,
    })
}

async fn read(description: &Value) -> Documents {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shop.json");
    std::fs::write(&file, description.to_string()).unwrap();
    load(&Source::File(file), FetchPolicy::server())
        .await
        .unwrap()
}

/// What became of a description, with all that is offered, by name.
struct Outcome {
    derivation: Derivation,
    offered: Vec<Derived>,
}

fn derived(documents: &Documents) -> Outcome {
    derived_with(documents, &[], &Credential::None)
}

fn derived_with(documents: &Documents, rules: &[Rule], credential: &Credential) -> Outcome {
    let mut offered = Vec::new();
    let selection = Selection {
        include: &[],
        exclude: &[],
        rules,
        variables: &BTreeMap::new(),
        credential,
        usable_pattern: &|pattern| !pattern.contains("(?"),
    };
    let derivation = derive(documents, &selection, &mut |derived| {
        offered.push(derived);
        Ok(())
    });
    offered.sort_by(|a: &Derived, b| a.name.cmp(&b.name));
    Outcome {
        derivation,
        offered,
    }
}

/// The one capability of a description with one operation.
async fn only(operation: Value) -> Derived {
    only_of("post", "/x", operation, json!({})).await
}

async fn only_of(method: &str, path: &str, operation: Value, components: Value) -> Derived {
    let paths = json!({ path: { method: operation } });
    let mut outcome = derived(&read(&description("3.1.0", paths, components)).await);
    assert_eq!(outcome.derivation.quarantined, []);
    outcome.offered.remove(0)
}

fn planned(derived: &Derived, arguments: Value) -> Result<Outgoing, BackendError> {
    let arguments: Map<String, Value> = arguments.as_object().unwrap().clone();
    derived.plan.plan(Call {
        capability: "c",
        arguments: &arguments,
        in_pieces: false,
        agent_id: "a",
        host_id: "h",
        user_id: None,
        call_id: "call_1",
        vault: &crate::EmptyVault,
    })
}

fn body_text(outgoing: &Outgoing) -> String {
    let (_, bytes) = outgoing.body.as_ref().unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}
