//! The commands of `procura`, the agent's side of the Agent Auth Protocol on the command line.
//!
//! Data goes to standard output, talk to standard error, and the outcome to the exit code: see [`Exit`].
//! A command never asks a question back: what is missing is an error that says what to add.

mod commands;
mod environment;
mod error;
mod exit;
mod json;
#[cfg(feature = "mcp")]
mod mcp;
mod outcome;
mod printer;
mod table;
#[cfg(test)]
mod tests;
mod told;
mod unlock;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Parser;
use procura_client::{Client, ClientError, Notice, Options, Parts};

use self::commands::Command;
use self::error::{CommandError, harmless};
pub use self::exit::Exit;
pub use self::printer::Printer;
use self::told::Told;
use self::unlock::Unlock;

/// The agent's side of the Agent Auth Protocol: find services, connect agents to them, and run what
/// their owners allowed.
#[derive(Debug, Parser)]
#[command(name = "procura", version, after_help = AFTER_HELP, propagate_version = true)]
pub struct Arguments {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Options of every command")]
struct Globals {
    /// Keep keys and connections in this directory instead of the user's own
    #[arg(long, value_name = "DIR", global = true, env = "PROCURA_DATA")]
    data: Option<PathBuf>,
    #[command(flatten)]
    unlock: Unlock,
    /// Search this directory for services: its URL, without /api/search
    #[arg(long, value_name = "URL", global = true, env = "PROCURA_DIRECTORY")]
    directory: Option<String>,
    /// Accept http:// for servers on this machine, for development
    #[arg(long, global = true)]
    allow_loopback_http: bool,
    /// Print JSON on standard output, and errors as JSON on standard error
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    talk: Talk,
}

/// How much is said beside results.
#[derive(Debug, clap::Args)]
struct Talk {
    /// Say nothing on standard error but errors, warnings and what a person has to do
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Say on standard error what is asked of whom, and what came back
    #[arg(long, short, global = true, conflicts_with = "quiet")]
    verbose: bool,
}

/// Runs one command on the real network, profile and streams.
pub fn run(arguments: Arguments) -> Exit {
    let printer = Printer::system(arguments.globals.json, arguments.globals.talk.quiet);
    if let Command::Completions(arguments) = &arguments.command {
        // No reason to open anything.
        return printer.finish(&commands::completions::run(arguments));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let client = client(&arguments.globals, &printer);
    match (runtime.map_err(CommandError::Runtime), client) {
        (Ok(runtime), Ok(client)) => runtime.block_on(run_with(arguments, &client, &printer)),
        (Err(error), _) | (_, Err(error)) => printer.fail(&error),
    }
}

/// Runs one command with the given client and streams.
pub async fn run_with(arguments: Arguments, client: &Client, printer: &Printer) -> Exit {
    match arguments.command.run(client, printer).await {
        Ok(outcome) => printer.finish(&outcome),
        Err(error) => printer.fail(&error),
    }
}

fn client(globals: &Globals, printer: &Printer) -> Result<Client, CommandError> {
    let directory = match &globals.data {
        Some(directory) => directory.clone(),
        None => environment::data_directory().ok_or(CommandError::NoHome)?,
    };
    let (profile, unprotected) = globals.unlock.open(directory, printer)?;
    let listener = printer.clone();
    let options = Options {
        allow_loopback_http: globals.allow_loopback_http,
        host_name: environment::host_name(),
        directory: globals.directory.clone(),
        notices: Some(Arc::new(move |notice| {
            tell(&listener, notice, unprotected.as_ref());
        })),
        ..Options::default()
    };
    let mut parts = Parts::system(options.allow_loopback_http).map_err(ClientError::from)?;
    if globals.talk.verbose {
        parts.transport = Arc::new(Told::new(parts.transport, printer.clone()));
    }
    Ok(Client::new(profile, options, parts))
}

/// Passes a notice on, with what to do about keys that are not encrypted.
fn tell(printer: &Printer, notice: &Notice, unprotected: Option<&CommandError>) {
    if !notice.is_warning() {
        return printer.say(&notice.to_string());
    }
    printer.insist(&notice.to_string());
    if matches!(notice, Notice::HostKeyCreated { .. }) {
        if let Some(reason) = unprotected {
            printer.insist(&format!("  {}", harmless(&reason.to_string())));
        }
        printer.insist("hint: 'procura config passphrase' encrypts them");
    }
}

const AFTER_HELP: &str = "\
PROVIDER is a URL, or the name of a provider met before.
AGENT is an agent's id or the beginning of one. It may be left out while there is only one.

Exit codes:
  0  done
  2  the command line is wrong, or names something unknown
  3  the server refused
  4  the approval was denied, or nobody gave it in time
  5  the server cannot be reached, or does not speak the protocol
  6  the local state cannot be used

Keys and connections are kept in $XDG_DATA_HOME/procura, or ~/.local/share/procura.";
