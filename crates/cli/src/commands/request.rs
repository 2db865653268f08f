//! `procura request`: asks for more capabilities and waits until they are decided.

use procura_client::{CapabilityAsk, Client, Connected};

use super::agent_or_only;
use super::approval::settle;
use super::asked::{Asked, Hints};
use super::page::Page;
use super::standing::outcome;
use crate::error::CommandError;
use crate::outcome::Outcome;
use crate::printer::Printer;

/// Ask for more capabilities for a connected agent and wait for approval
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The agent
    agent: Option<String>,
    #[command(flatten)]
    asked: Asked,
    #[command(flatten)]
    hints: Hints,
    /// Show where to approve and exit without waiting
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    page: Page,
}

pub(crate) async fn run(
    arguments: Arguments,
    client: &Client,
    printer: &Printer,
) -> Result<Outcome, CommandError> {
    let mut ask = CapabilityAsk {
        hints: arguments.hints.into(),
        ..CapabilityAsk::default()
    };
    for (name, limits) in arguments.asked.with_limits()? {
        ask = ask.with_capability(name, limits);
    }
    if ask.capabilities.is_empty() {
        let message = "say what to ask for with --capability NAME";
        return Err(CommandError::Usage(message.to_owned()));
    }
    let agent = agent_or_only(client, arguments.agent)?;
    match client.request_capability(&agent, ask).await? {
        Connected::Active(standing) => Ok(outcome(printer, &standing)),
        Connected::Pending(pending) => {
            arguments.page.offer(&pending.approval, printer);
            settle(client, printer, &pending, arguments.no_wait).await
        }
    }
}
