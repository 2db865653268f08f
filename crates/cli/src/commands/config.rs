//! `procura config`: what this command works with, where it is, and what opens it.

use std::path::PathBuf;

use clap::Subcommand;
use procura_client::{Client, ClientError, Keeper, Protection, SystemEntropy};
use serde_json::json;

use crate::error::{CommandError, harmless};
use crate::outcome::Outcome;
use crate::unlock;

/// Show where keys and connections are kept, and what is configured; or change what opens them
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Encrypt keys and connections under a new passphrase, which is asked for
    ///
    /// Whatever opened them before does not any more. The passphrase itself is never an argument, where every user of
    /// this machine could see it.
    Passphrase {
        /// Take the new passphrase from this file instead of asking
        #[arg(long, value_name = "FILE")]
        new_file: Option<PathBuf>,
    },
    /// Encrypt keys and connections under a key that the keychain of this system keeps
    Keychain,
}

pub(crate) fn run(arguments: Arguments, client: &Client) -> Result<Outcome, CommandError> {
    match arguments.action {
        None => show(client),
        Some(Action::Passphrase { new_file }) => {
            entrust(client, &unlock::new_passphrase(new_file.as_deref())?)
        }
        Some(Action::Keychain) => entrust(client, &unlock::keychain()?),
    }
}

fn entrust(client: &Client, keeper: &Keeper) -> Result<Outcome, CommandError> {
    let profile = client.profile().entrust(keeper, &SystemEntropy)?;
    let protection = protection(profile.protection());
    let text = format!("Keys and connections are {protection}.");
    let value = json!({ "data": profile.directory(), "protection": code(profile.protection()) });
    Ok(Outcome::done(&value, text))
}

fn protection(protection: Protection) -> String {
    match protection {
        Protection::Permissions => "not encrypted".to_owned(),
        Protection::Passphrase => "encrypted under a passphrase".to_owned(),
        Protection::Keychain(name) => format!("encrypted under a key in the {name}"),
    }
}

fn code(protection: Protection) -> &'static str {
    match protection {
        Protection::Permissions => "permissions",
        Protection::Passphrase => "passphrase",
        Protection::Keychain(_) => "keychain",
    }
}

fn show(client: &Client) -> Result<Outcome, CommandError> {
    let profile = client.profile();
    let agents = profile.connections().map_err(ClientError::from)?.len();
    let providers = client.providers()?.len();
    let options = client.options();
    let value = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "data": profile.directory(),
        "encrypted": profile.is_encrypted(),
        "protection": code(profile.protection()),
        "directory": options.directory,
        "host_name": options.host_name,
        "allow_loopback_http": options.allow_loopback_http,
        "agents": agents,
        "providers": providers,
    });
    let data = profile.directory().map(|it| it.display().to_string());
    let rows = [
        ("Version", env!("CARGO_PKG_VERSION").to_owned()),
        ("Data", data.unwrap_or_else(|| "in memory".to_owned())),
        ("Keys", protection(profile.protection())),
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
