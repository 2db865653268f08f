//! `procura describe`: shows one capability in full.

use procura_agent_auth::wire::capability::{Capability, GrantStatus};
use procura_client::Client;
use serde_json::Value;

use crate::error::{CommandError, harmless};
use crate::json::indented;
use crate::outcome::Outcome;

/// Show one capability in full: what it does, and what arguments it takes
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The service: a URL or the name of a known one
    provider: String,
    /// The capability
    name: String,
    /// Say whether this agent holds it
    #[arg(long, value_name = "AGENT")]
    agent: Option<String>,
}

pub(crate) async fn run(arguments: Arguments, client: &Client) -> Result<Outcome, CommandError> {
    let Arguments {
        provider,
        name,
        agent,
    } = arguments;
    let described = client.describe(&provider, &name, agent.as_deref()).await?;
    let text = text(&described);
    Ok(Outcome::done(&described, text))
}

fn text(capability: &Capability) -> String {
    let mut lines = vec![format!(
        "{}: {}",
        harmless(capability.name.as_str()),
        harmless(&capability.description)
    )];
    match capability.grant_status {
        Some(GrantStatus::Granted) => lines.push("The agent holds it.".to_owned()),
        Some(GrantStatus::NotGranted) => lines.push("The agent does not hold it.".to_owned()),
        None => {}
    }
    if let Some(location) = &capability.location {
        lines.push(format!("It is executed at {}", harmless(location)));
    }
    lines.push(schema("Arguments", capability.input.as_ref()));
    if capability.output.is_some() {
        lines.push(schema("Result", capability.output.as_ref()));
    }
    lines.join("\n")
}

fn schema(name: &str, schema: Option<&Value>) -> String {
    match schema {
        Some(schema) => format!("{name} (JSON Schema):\n{}", indented(schema)),
        None => format!("{name}: none"),
    }
}
