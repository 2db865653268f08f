//! `procura connect`: registers an agent at a provider and waits until it is approved.

use clap::ValueEnum;
use procura_agent_auth::agent::Mode;
use procura_client::{Client, Connect, Connected};

use super::approval::settle;
use super::asked::{Asked, Hints};
use super::page::Page;
use super::standing::outcome;
use crate::error::CommandError;
use crate::outcome::Outcome;
use crate::printer::Printer;

/// Connect an agent to a service and wait for approval
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The service: a URL or the name of a known one
    provider: String,
    #[command(flatten)]
    asked: Asked,
    /// On whose authority the agent acts
    #[arg(long, value_enum, default_value_t = ModeName::Delegated)]
    mode: ModeName,
    /// What to call the agent
    #[arg(long, default_value = "Procura agent")]
    name: String,
    #[command(flatten)]
    hints: Hints,
    /// Show where to approve and exit without waiting
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    page: Page,
}

/// `--mode`.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum ModeName {
    /// For a person, who approves what it may do
    Delegated,
    /// For itself; the service's policy decides
    Autonomous,
}

pub(crate) async fn run(
    arguments: Arguments,
    client: &Client,
    printer: &Printer,
) -> Result<Outcome, CommandError> {
    let mut request = Connect {
        mode: match arguments.mode {
            ModeName::Delegated => Mode::Delegated,
            ModeName::Autonomous => Mode::Autonomous,
        },
        hints: arguments.hints.into(),
        ..Connect::new(arguments.name)
    };
    for (name, limits) in arguments.asked.with_limits()? {
        request = request.with_capability(name, limits);
    }
    match client.connect(&arguments.provider, request).await? {
        Connected::Active(standing) => Ok(outcome(printer, &standing)),
        Connected::Pending(pending) => {
            arguments.page.offer(&pending.approval, printer);
            settle(client, printer, &pending, arguments.no_wait).await
        }
    }
}
