//! `procura host`: this machine's identity: showing it, ending it, and starting over.

use clap::Subcommand;
use procura_client::{Client, ClientError, HostIdentity, NewHost, RevokedHost};
use serde_json::json;

use crate::error::{CommandError, harmless};
use crate::exit::Exit;
use crate::json::one_line;
use crate::outcome::Outcome;
use crate::printer::Printer;

/// Show, revoke or replace this machine's identity
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show the thumbprint and the public key that services know this machine by
    Show {
        /// As this service sees it: its issuer. Needed where each service sees a key of its own
        #[arg(long, value_name = "ISSUER")]
        at: Option<String>,
    },
    /// Revoke this machine at a service, with all its agents there, for good
    Revoke {
        /// The service: a URL or the name of a known one
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        provider: Option<String>,
        /// At every service met so far
        #[arg(long)]
        all: bool,
    },
    /// Start over with a new identity, and forget all agents: they belong to the old one
    ///
    /// For a key that was stolen or revoked. Revoke the old identity first, here or on the services' own pages.
    New {
        /// Do it: the old key and all connections are gone afterwards
        #[arg(long, required = true)]
        yes: bool,
        /// Show each service a key of its own, so that services cannot tell that they know the same machine
        #[arg(long)]
        per_server: bool,
    },
}

pub(crate) async fn run(
    arguments: Arguments,
    client: &Client,
    printer: &Printer,
) -> Result<Outcome, CommandError> {
    match arguments.action {
        Action::Show { at } => show(client.host_identity(at.as_deref())?),
        Action::Revoke { provider, .. } => match provider {
            Some(provider) => Ok(revoked(&client.revoke_host(&provider).await?)),
            None => revoke_all(client, printer).await,
        },
        Action::New { per_server, .. } => Ok(renewed(&client.new_host(per_server)?)),
    }
}

fn show(identity: Option<HostIdentity>) -> Result<Outcome, CommandError> {
    let Some(identity) = identity else {
        return Err(CommandError::Usage(
            "there is no key to show; it is made on first use, and where each service sees its own, --at ISSUER \
             says which"
                .to_owned(),
        ));
    };
    let text = format!(
        "Thumbprint  {}\nPublic key  {}",
        identity.thumbprint,
        one_line(&identity.public_key)
    );
    Ok(Outcome::done(&identity, text))
}

fn revoked(ended: &RevokedHost) -> Outcome {
    let text = format!(
        "This machine is revoked at {}; {} agents ended with it.",
        harmless(&ended.issuer),
        ended.agents_revoked
    );
    Outcome::done(ended, text)
}

async fn revoke_all(client: &Client, printer: &Printer) -> Result<Outcome, CommandError> {
    let mut ended = Vec::new();
    let mut failed: Option<ClientError> = None;
    for provider in client.providers()? {
        match client.revoke_host(provider.issuer()).await {
            Ok(revoked) => ended.push(revoked),
            Err(error) => {
                let issuer = harmless(provider.issuer());
                let reason = harmless(&error.to_string());
                printer.insist(&format!("warning: not revoked at {issuer}: {reason}"));
                failed.get_or_insert(error);
            }
        }
    }
    let exit = failed.map_or(Exit::Done, |error| Exit::of(&error.into()));
    let text = format!("This machine is revoked at {} services.", ended.len());
    Ok(Outcome::done(&json!({ "revoked": ended }), text).with_exit(exit))
}

fn renewed(new: &NewHost) -> Outcome {
    let name = match &new.thumbprint {
        Some(thumbprint) => format!("This machine has a new identity, {thumbprint}."),
        None => "This machine has a new identity, a different one for each service.".to_owned(),
    };
    let text = format!("{name} {} agents are forgotten.", new.forgotten.len());
    Outcome::done(new, text)
}
