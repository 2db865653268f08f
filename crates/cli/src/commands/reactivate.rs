//! `procura reactivate`: brings an expired agent back.

use procura_client::{Client, Connected};

use super::agent_or_only;
use super::approval::settle;
use super::page::Page;
use super::standing::outcome;
use crate::error::CommandError;
use crate::outcome::Outcome;
use crate::printer::Printer;

/// Bring an expired agent back, with what its service grants by default
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The agent
    agent: Option<String>,
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
    let agent = agent_or_only(client, arguments.agent)?;
    match client.reactivate(&agent).await? {
        Connected::Active(standing) => Ok(outcome(printer, &standing)),
        Connected::Pending(pending) => {
            arguments.page.offer(&pending.approval, printer);
            settle(client, printer, &pending, arguments.no_wait).await
        }
    }
}
