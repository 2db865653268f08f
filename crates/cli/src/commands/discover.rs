//! `procura discover`: finds a provider at a URL and remembers it.

use std::path::PathBuf;

use clap::ValueEnum;
use procura_client::{Client, Compat, Provider};
use serde_json::{Value, json};

use crate::error::{CommandError, harmless};
use crate::outcome::Outcome;

/// Look at the service at a URL and remember it
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(
        help = "The service, for example https://bank.example",
        required_unless_present = "file"
    )]
    url: Option<String>,
    /// Ask the service even if its last answer is still fresh
    #[arg(long)]
    refresh: bool,
    /// Take a discovery document from this file, and never ask the service for it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["url", "refresh"])]
    file: Option<PathBuf>,
    /// Whose deviations from the specification it shares, from now on [default: find out]
    #[arg(long, value_name = "WHOSE")]
    compat: Option<Deviations>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Deviations {
    /// Find out: after a refusal, call once more as these services want it, and keep what works
    Auto,
    /// Nobody's
    Strict,
    /// Those of services made with better-auth: they refuse tokens of agents that name their host
    BetterAuth,
}

impl Deviations {
    fn said(self) -> Option<Compat> {
        match self {
            Self::Auto => None,
            Self::Strict => Some(Compat::Strict),
            Self::BetterAuth => Some(Compat::BetterAuth),
        }
    }
}

pub(crate) async fn run(arguments: Arguments, client: &Client) -> Result<Outcome, CommandError> {
    let url = arguments.url.unwrap_or_default();
    let provider = match arguments.file {
        Some(file) => {
            let failed =
                |error| CommandError::Usage(format!("cannot read {}: {error}", file.display()));
            client.configure(&std::fs::read(&file).map_err(failed)?)?
        }
        None if arguments.refresh => client.rediscover(&url).await?,
        None => client.discover(&url).await?,
    };
    if let Some(whose) = arguments.compat {
        client.set_compat(provider.issuer(), whose.said())?;
    }
    Ok(Outcome::done(&value(&provider), text(&provider)))
}

/// The three members of §6.2.3, and the whole document.
fn value(provider: &Provider) -> Value {
    let discovery = provider.discovery();
    json!({
        "name": discovery.provider_name,
        "description": discovery.description,
        "issuer": discovery.issuer,
        "discovery": discovery,
    })
}

fn text(provider: &Provider) -> String {
    let discovery = provider.discovery();
    let modes: Vec<_> = discovery.modes.iter().map(|mode| mode.as_str()).collect();
    let rows = [
        ("Name", discovery.provider_name.clone()),
        ("Description", discovery.description.clone()),
        ("Issuer", discovery.issuer.clone()),
        ("Version", discovery.version.clone()),
        ("Modes", modes.join(", ")),
        ("Approval", discovery.approval_methods.join(", ")),
        ("Keys", discovery.algorithms.join(", ")),
    ];
    let line = |(name, value): (&str, String)| format!("{name:<12} {}", harmless(&value));
    rows.map(line).join("\n")
}
