//! `procura config`: what this command works with, and where it is.

use procura_client::{Client, ClientError};
use serde_json::json;

use crate::error::{CommandError, harmless};
use crate::outcome::Outcome;

/// Show where keys and connections are kept, and what is configured
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_: &Arguments, client: &Client) -> Result<Outcome, CommandError> {
    let profile = client.profile();
    let agents = profile.connections().map_err(ClientError::from)?.len();
    let providers = client.providers()?.len();
    let options = client.options();
    let value = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "data": profile.directory(),
        "encrypted": profile.is_encrypted(),
        "directory": options.directory,
        "host_name": options.host_name,
        "allow_loopback_http": options.allow_loopback_http,
        "agents": agents,
        "providers": providers,
    });
    let data = profile.directory().map(|it| it.display().to_string());
    let encrypted = if profile.is_encrypted() { "yes" } else { "no" };
    let rows = [
        ("Version", env!("CARGO_PKG_VERSION").to_owned()),
        ("Data", data.unwrap_or_else(|| "in memory".to_owned())),
        ("Encrypted", encrypted.to_owned()),
        (
            "Directory",
            options
                .directory
                .clone()
                .unwrap_or_else(|| "none".to_owned()),
        ),
        (
            "Host name",
            options
                .host_name
                .clone()
                .unwrap_or_else(|| "none".to_owned()),
        ),
        ("Agents", agents.to_string()),
        ("Providers", providers.to_string()),
    ];
    let line = |(name, value): (&str, String)| format!("{name:<10}  {}", harmless(&value));
    Ok(Outcome::done(&value, rows.map(line).join("\n")))
}
