//! `procura search`: finds providers in the directory by what they are wanted for.

use procura_client::{Client, Provider};
use serde_json::json;

use crate::error::CommandError;
use crate::outcome::Outcome;
use crate::table::table;

/// Search the directory for services that fit an intent, and remember them
///
/// The directory is that of --directory. A service it lists is used only if the service's own discovery document
/// says the same.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// What is wanted, in plain words: "send money"
    intent: String,
    /// At most this many services
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=50))]
    limit: u32,
}

pub(crate) async fn run(arguments: Arguments, client: &Client) -> Result<Outcome, CommandError> {
    let limit = Some(arguments.limit);
    let found = client.search_providers(&arguments.intent, limit).await?;
    let listed: Vec<_> = found
        .providers
        .iter()
        .map(super::providers::entry)
        .collect();
    let value = json!({ "providers": listed, "refused": found.refused });
    if found.providers.is_empty() {
        return Ok(Outcome::done(
            &value,
            "The directory knows no service for this.",
        ));
    }
    let rows: Vec<_> = found.providers.iter().map(row).collect();
    let text = table(["NAME", "ISSUER", "DESCRIPTION"], &rows);
    Ok(Outcome::done(&value, text))
}

fn row(provider: &Provider) -> [String; 3] {
    [
        provider.name().to_owned(),
        provider.issuer().to_owned(),
        provider.discovery().description.clone(),
    ]
}
