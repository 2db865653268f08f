//! Each capability that is granted as a tool of its own, with the schema of its arguments and its limits.

use std::collections::BTreeMap;

use procura_agent_auth::wire::grant::GrantObject;
use procura_client::Connection;
use rmcp::model::{JsonObject, Tool, object};
use serde_json::{Value, json};

use super::catalogue;
use crate::error::harmless;
use crate::json::one_line;

/// A tool, and what it stands for.
pub(super) struct CapabilityTool {
    pub(super) tool: Tool,
    pub(super) agent_id: String,
    pub(super) capability: String,
}

/// The tools of all active agents. Names that would collide get a number, in the order the agents were connected.
pub(super) fn of(connections: &[Connection]) -> Vec<CapabilityTool> {
    let mut taken = BTreeMap::new();
    let active = connections.iter().filter(|it| it.status == "active");
    let held = active.flat_map(|agent| {
        let mut names = std::collections::BTreeSet::new();
        let grants = agent.grants.iter().filter(|grant| grant.status == "active");
        // Several grants of one capability are one tool: any of them may permit a call.
        grants
            .filter(move |grant| names.insert(grant.capability.clone()))
            .map(move |grant| (agent, grant))
    });
    held.map(|(agent, grant)| {
        let name = name(&agent.provider, grant.capability.as_str());
        let count = taken.entry(name.clone()).or_insert(0);
        *count += 1;
        let name = if *count == 1 {
            name
        } else {
            format!("{name}_{count}")
        };
        CapabilityTool {
            tool: Tool::new(name, description(agent, grant), schema(grant))
                .with_annotations(catalogue::acts()),
            agent_id: agent.agent_id.clone(),
            capability: grant.capability.to_string(),
        }
    })
    .collect()
}

/// `provider__capability` in the characters that MCP clients take, at most 60 of them.
fn name(provider: &str, capability: &str) -> String {
    let plain = |text: &str| -> String {
        let keep = |it: char| {
            if it.is_ascii_alphanumeric() || it == '-' {
                it
            } else {
                '_'
            }
        };
        text.chars().map(keep).collect()
    };
    let mut name = format!("{}__{}", plain(provider), plain(capability));
    name.truncate(60);
    name
}

fn description(agent: &Connection, grant: &GrantObject) -> String {
    let what = harmless(grant.description.as_deref().unwrap_or("A capability"));
    let limits = grant
        .constraints
        .as_ref()
        .map_or_else(String::new, |limits| {
            format!(" Limits: {}.", one_line(limits))
        });
    format!(
        "{what} At {}, as {}.{limits}",
        harmless(&agent.issuer),
        harmless(&agent.name)
    )
}

/// The capability's own schema, which comes from the service: anything but a schema of an object is none.
fn schema(grant: &GrantObject) -> JsonObject {
    match &grant.input {
        Some(Value::Object(schema)) if schema.get("type") == Some(&json!("object")) => {
            schema.clone()
        }
        _ => object(json!({ "type": "object" })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_to_what_clients_take() {
        assert_eq!(
            name("my bank", "transfer.domestic"),
            "my_bank__transfer_domestic"
        );
        assert_eq!(name("b", "ü"), "b___");
        assert_eq!(name(&"x".repeat(100), "y").len(), 60);
    }
}
