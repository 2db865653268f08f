//! `procura status`: asks a provider where an agent stands.

use procura_client::Client;

use super::agent_or_only;
use super::approval::settle;
use super::page::Page;
use super::standing::shown;
use crate::error::CommandError;
use crate::outcome::Outcome;
use crate::printer::Printer;

/// Ask the service where an agent stands and what it holds
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The agent
    agent: Option<String>,
    /// If it waits for approval, show where to approve and wait for the decision
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    page: Page,
}

pub(crate) async fn run(
    arguments: Arguments,
    client: &Client,
    printer: &Printer,
) -> Result<Outcome, CommandError> {
    let agent = agent_or_only(client, arguments.agent)?;
    let standing = client.status(&agent).await?;
    // Asking has updated what the agent waits for.
    match client.pending(&agent) {
        Ok(pending) if arguments.wait => {
            arguments.page.offer(&pending.approval, printer);
            settle(client, printer, &pending, false).await
        }
        _ => Ok(shown(printer, &standing)),
    }
}
