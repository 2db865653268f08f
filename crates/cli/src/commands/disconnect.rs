//! `procura disconnect`: ends an agent for good.

use procura_client::Client;
use serde_json::json;

use crate::error::{CommandError, harmless};
use crate::outcome::Outcome;

/// Revoke an agent at its service and forget it here, both for good
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The agent
    agent: String,
    /// Only forget it here, for a service that no longer exists
    #[arg(long)]
    forget_only: bool,
}

pub(crate) async fn run(arguments: Arguments, client: &Client) -> Result<Outcome, CommandError> {
    let (connection, status) = if arguments.forget_only {
        (client.forget(&arguments.agent)?, "forgotten")
    } else {
        (client.disconnect(&arguments.agent).await?, "revoked")
    };
    let text = format!(
        "Agent {} at {} is {status}.",
        harmless(&connection.agent_id),
        harmless(&connection.issuer)
    );
    let value = json!({ "agent_id": connection.agent_id, "status": status });
    Ok(Outcome::done(&value, text))
}
