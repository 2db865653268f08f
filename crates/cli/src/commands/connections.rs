//! `procura connections`: lists the connected agents.

use procura_client::{Client, ClientError, Connection};
use serde_json::{Value, json};

use crate::error::CommandError;
use crate::outcome::Outcome;
use crate::table::table;

/// List the connected agents, as the services last described them
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_: &Arguments, client: &Client) -> Result<Outcome, CommandError> {
    let connections = client.profile().connections().map_err(ClientError::from)?;
    let value = Value::Array(connections.iter().map(entry).collect());
    if connections.is_empty() {
        let text = "No agent is connected yet. 'procura connect PROVIDER' connects one.";
        return Ok(Outcome::done(&value, text));
    }
    let rows: Vec<_> = connections.iter().map(row).collect();
    let text = table(
        ["AGENT", "STATUS", "PROVIDER", "NAME", "CAPABILITIES"],
        &rows,
    );
    Ok(Outcome::done(&value, text))
}

fn entry(connection: &Connection) -> Value {
    json!({
        "agent_id": connection.agent_id,
        "name": connection.name,
        "provider": connection.provider,
        "issuer": connection.issuer,
        "mode": connection.mode,
        "status": connection.status,
        "created_at": connection.created_at,
        "agent_capability_grants": connection.grants,
    })
}

fn row(connection: &Connection) -> [String; 5] {
    let active = connection.grants.iter().filter(|it| it.status == "active");
    let names: Vec<_> = active.map(|it| it.capability.to_string()).collect();
    [
        connection.agent_id.clone(),
        connection.status.clone(),
        connection.provider.clone(),
        connection.name.clone(),
        names.join(", "),
    ]
}
