//! `procura capabilities`: lists what a provider offers.

use procura_agent_auth::wire::capability::{CapabilitySummary, GrantStatus};
use procura_client::Client;
use serde_json::json;

use crate::error::CommandError;
use crate::outcome::Outcome;
use crate::table::table;

/// List what a service offers
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The service: a URL or the name of a known one
    provider: String,
    /// List only what the service finds for these words
    #[arg(long, value_name = "WORDS")]
    query: Option<String>,
    /// Say for each capability whether this agent holds it
    #[arg(long, value_name = "AGENT")]
    agent: Option<String>,
}

pub(crate) async fn run(arguments: Arguments, client: &Client) -> Result<Outcome, CommandError> {
    let Arguments {
        provider,
        query,
        agent,
    } = arguments;
    let listed = client.capabilities(&provider, query.as_deref(), agent.as_deref());
    let listed = listed.await?;
    let text = match (listed.is_empty(), &agent) {
        (true, _) => "Nothing is offered, or nothing fits.".to_owned(),
        (false, Some(_)) => with_grants(&listed),
        (false, None) => plain(&listed),
    };
    Ok(Outcome::done(&json!({ "capabilities": listed }), text))
}

fn plain(listed: &[CapabilitySummary]) -> String {
    let rows = listed
        .iter()
        .map(|it| [it.name.to_string(), it.description.clone()]);
    table(["NAME", "DESCRIPTION"], &rows.collect::<Vec<_>>())
}

fn with_grants(listed: &[CapabilitySummary]) -> String {
    let rows = listed.iter().map(|it| {
        let granted = it.grant_status == Some(GrantStatus::Granted);
        let granted = if granted { "yes" } else { "no" };
        [
            it.name.to_string(),
            granted.to_owned(),
            it.description.clone(),
        ]
    });
    table(
        ["NAME", "GRANTED", "DESCRIPTION"],
        &rows.collect::<Vec<_>>(),
    )
}
