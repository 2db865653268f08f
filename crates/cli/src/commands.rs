//! The commands, one file each: its arguments, and a function from them to an outcome.

mod approval;
mod asked;
mod capabilities;
pub(crate) mod completions;
mod config;
mod connect;
mod connections;
mod describe;
mod disconnect;
mod discover;
mod doctor;
mod execute;
mod host;
#[cfg(feature = "mcp")]
mod mcp;
mod page;
mod providers;
mod reactivate;
mod request;
mod rotate;
mod search;
mod sign;
mod standing;
mod status;

#[cfg(feature = "mcp")]
pub(crate) use self::approval::pending_value;
use clap::Subcommand;
use procura_client::{Client, ClientError};

use crate::error::CommandError;
use crate::outcome::Outcome;
use crate::printer::Printer;

/// A command and its arguments.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Discover(discover::Arguments),
    Search(search::Arguments),
    Providers(providers::Arguments),
    Capabilities(capabilities::Arguments),
    Describe(describe::Arguments),
    Connect(connect::Arguments),
    Connections(connections::Arguments),
    Execute(execute::Arguments),
    Request(request::Arguments),
    Status(status::Arguments),
    Reactivate(reactivate::Arguments),
    Rotate(rotate::Arguments),
    Sign(sign::Arguments),
    Disconnect(disconnect::Arguments),
    Host(host::Arguments),
    Doctor(doctor::Arguments),
    Config(config::Arguments),
    Completions(completions::Arguments),
    #[cfg(feature = "mcp")]
    Mcp(mcp::Arguments),
}

impl Command {
    pub(crate) async fn run(
        self,
        client: &Client,
        printer: &Printer,
    ) -> Result<Outcome, CommandError> {
        match self {
            Self::Discover(arguments) => discover::run(arguments, client).await,
            Self::Search(arguments) => search::run(arguments, client).await,
            Self::Providers(arguments) => providers::run(&arguments, client),
            Self::Capabilities(arguments) => capabilities::run(arguments, client).await,
            Self::Describe(arguments) => describe::run(arguments, client).await,
            Self::Connect(arguments) => connect::run(arguments, client, printer).await,
            Self::Connections(arguments) => connections::run(&arguments, client),
            Self::Execute(arguments) => execute::run(arguments, client, printer).await,
            Self::Request(arguments) => request::run(arguments, client, printer).await,
            Self::Status(arguments) => status::run(arguments, client, printer).await,
            Self::Reactivate(arguments) => reactivate::run(arguments, client, printer).await,
            Self::Rotate(arguments) => rotate::run(arguments, client, printer).await,
            Self::Sign(arguments) => sign::run(arguments, client),
            Self::Disconnect(arguments) => disconnect::run(arguments, client).await,
            Self::Host(arguments) => host::run(arguments, client, printer).await,
            Self::Doctor(arguments) => doctor::run(arguments, client).await,
            Self::Config(arguments) => config::run(arguments, client),
            Self::Completions(arguments) => Ok(completions::run(&arguments)),
            #[cfg(feature = "mcp")]
            Self::Mcp(arguments) => mcp::run(arguments, client, printer).await,
        }
    }
}

/// The agent that is meant: the one named, else the only one there is.
fn agent_or_only(client: &Client, agent: Option<String>) -> Result<String, CommandError> {
    if let Some(agent) = agent {
        return Ok(agent);
    }
    let connections = client.profile().connections().map_err(ClientError::from)?;
    match connections.as_slice() {
        [only] => Ok(only.agent_id.clone()),
        [] => Err(CommandError::Usage(
            "no agent is connected yet; 'procura connect PROVIDER' connects one".to_owned(),
        )),
        several => {
            let ids: Vec<_> = several.iter().map(|it| it.agent_id.as_str()).collect();
            let ids = ids.join(", ");
            Err(CommandError::Usage(format!(
                "say which agent is meant: {ids}"
            )))
        }
    }
}
