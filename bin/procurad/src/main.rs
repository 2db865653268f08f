//! `procurad`: everything that serves. Parses arguments, calls a face, maps the result to an exit code.

mod admin;
mod args;
mod demo;
mod output;
mod report;
mod serve;

use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use crate::args::{Args, Command};

fn main() -> ExitCode {
    let args = Args::parse();
    log_to_stderr(&args.command);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return output::failure(&error.into()),
    };
    let result = runtime.block_on(async {
        match args.command {
            Command::Serve(command) => serve::run(command).await,
            Command::Admin(command) => admin::run(command).await,
            Command::Demo(command) => demo::run(command).await,
        }
    });
    match result {
        Ok(code) => code,
        Err(error) => output::failure(&error),
    }
}

/// A server tells what it does; the other commands speak for themselves unless something is wrong.
fn log_to_stderr(command: &Command) {
    let default = match command {
        // What MCP servers say is theirs: the library would log it word by word.
        Command::Serve(_) => "info,rmcp=warn",
        Command::Admin(_) => "warn",
        // The demo tells its story itself, and its development people are no surprise.
        Command::Demo(_) => "error",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .init();
}
