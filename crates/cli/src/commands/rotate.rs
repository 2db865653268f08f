//! `procura rotate`: replaces the key of an agent, or of this machine.

use procura_client::{Client, HostRotation};
use serde_json::json;

use crate::error::{CommandError, harmless};
use crate::exit::Exit;
use crate::outcome::Outcome;
use crate::printer::Printer;

/// Replace the key of an agent, or with --host this machine's
///
/// What is connected stays connected. When it is cut off, run it again; until then both keys are kept.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The agent
    #[arg(required_unless_present = "host", conflicts_with = "host")]
    agent: Option<String>,
    /// Replace this machine's key at every service met so far
    #[arg(long)]
    host: bool,
}

pub(crate) async fn run(
    arguments: Arguments,
    client: &Client,
    printer: &Printer,
) -> Result<Outcome, CommandError> {
    let Some(agent) = arguments.agent else {
        return Ok(host(&client.rotate_host_key().await?, printer));
    };
    let rotated = client.rotate_agent_key(&agent).await?;
    let id = harmless(&rotated.agent_id);
    let text = format!("Agent {id} has a new key, {}.", rotated.thumbprint);
    Ok(Outcome::done(&rotated, text))
}

fn host(rotation: &HostRotation, printer: &Printer) -> Outcome {
    for left in &rotation.remaining {
        printer.insist(&format!(
            "warning: {} was not told: {}",
            harmless(&left.issuer),
            harmless(&left.error.to_string())
        ));
    }
    let remaining: Vec<_> = rotation
        .remaining
        .iter()
        .map(|it| json!({ "issuer": it.issuer, "reason": it.error.to_string() }))
        .collect();
    let value = json!({
        "complete": rotation.is_complete,
        "rotated": rotation.rotated,
        "remaining": remaining,
    });
    let told = rotation.rotated.len();
    if rotation.is_complete {
        let text = format!("This machine has a new key. Services that know it: {told}.");
        return Outcome::done(&value, text);
    }
    let text = format!(
        "{told} services know the new key. The old one is kept for the others; run this again when they can be \
         reached."
    );
    Outcome::done(&value, text).with_exit(Exit::Server)
}
