//! Results of tools, as the specification shapes them.

use procura_client::{AgentStanding, Connection, Pending, Provider};
use serde_json::{Value, json};

/// A provider in short (§6.2.1, §6.2.3).
pub(super) fn provider(provider: &Provider) -> Value {
    let discovery = provider.discovery();
    json!({
        "name": discovery.provider_name,
        "description": discovery.description,
        "issuer": discovery.issuer,
    })
}

/// An agent in short.
pub(super) fn connection(connection: &Connection) -> Value {
    let held = connection.grants.iter();
    let held = held.filter(|grant| grant.status == "active");
    json!({
        "agent_id": connection.agent_id,
        "name": connection.name,
        "provider": connection.provider,
        "issuer": connection.issuer,
        "mode": connection.mode,
        "status": connection.status,
        "capabilities": held.map(|grant| grant.capability.as_str()).collect::<Vec<_>>(),
        "waits_for_approval": connection.approval.is_some(),
    })
}

/// Where an agent stands, with what a model should know about it beside.
pub(super) fn standing(standing: &AgentStanding) -> Value {
    let mut value = json!(standing);
    if !standing.wider.is_empty() {
        value["warning"] = json!(
            "The service granted more than was asked for, so those capabilities are not used. Tell the person."
        );
    }
    value
}

/// What waits for a decision: what to show the person, and how to go on.
pub(super) fn pending(pending: &Pending) -> Value {
    let mut value = crate::commands::pending_value(pending);
    if let Some(message) = &pending.approval.binding_message {
        value["approval"]["binding_message"] = json!(message);
    }
    value["next"] = json!(next(pending));
    value
}

fn next(pending: &Pending) -> String {
    let approval = &pending.approval;
    let show = match (&approval.verification_uri, &approval.user_code) {
        (Some(page), Some(code)) => {
            format!("Show the person this address and code, both in full: {page} and {code}.")
        }
        (Some(page), None) => format!("Show the person this address in full: {page}."),
        _ => "The service asks the person itself; tell them to look there.".to_owned(),
    };
    let elsewhere = if approval.is_elsewhere {
        " Warn them that it is not on the service's own domain."
    } else {
        ""
    };
    format!(
        "{show}{elsewhere} Only they may approve it: do not open it for them. Then call agent_status with agent_id \
         {:?} and wait_seconds.",
        pending.agent_id
    )
}
