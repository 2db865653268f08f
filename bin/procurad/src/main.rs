//! `procurad`: everything that serves. Parses arguments, calls a face, maps the result to an exit code.

mod admin;
mod args;
mod demo;
mod output;
mod report;
mod serve;
mod telemetry;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Args, Command};

fn main() -> ExitCode {
    let args = Args::parse();
    let _telemetry = match telemetry::start(&args.command, args.log_format) {
        Ok(telemetry) => telemetry,
        Err(error) => return output::failure(&error),
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return output::failure(&error.into()),
    };
    let result = runtime.block_on(async {
        match args.command {
            Command::Serve(command) => serve::run(command).await,
            Command::Admin(command) => Box::pin(admin::run(command)).await,
            Command::Demo(command) => demo::run(command).await,
        }
    });
    match result {
        Ok(code) => code,
        Err(error) => output::failure(&error),
    }
}
