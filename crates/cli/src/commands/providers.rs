//! `procura providers`: lists the providers met so far.

use procura_client::{Client, Provider};
use serde_json::{Value, json};

use crate::error::CommandError;
use crate::outcome::Outcome;
use crate::table::table;

/// List the services met so far
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_: &Arguments, client: &Client) -> Result<Outcome, CommandError> {
    let providers = client.providers()?;
    let entries = providers.iter().map(entry);
    let value = Value::Array(entries.collect());
    if providers.is_empty() {
        let text = "No provider is known yet. 'procura discover URL' finds one.";
        return Ok(Outcome::done(&value, text));
    }
    let rows: Vec<_> = providers
        .iter()
        .map(|provider| {
            let discovery = provider.discovery();
            [
                discovery.provider_name.clone(),
                discovery.issuer.clone(),
                discovery.description.clone(),
            ]
        })
        .collect();
    let text = table(["NAME", "ISSUER", "DESCRIPTION"], &rows);
    Ok(Outcome::done(&value, text))
}

/// A provider in short (§6.2.1, §6.2.2).
pub(super) fn entry(provider: &Provider) -> Value {
    let discovery = provider.discovery();
    json!({
        "name": discovery.provider_name,
        "description": discovery.description,
        "issuer": discovery.issuer,
    })
}
