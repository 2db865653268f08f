//! `procura`: the agent's side of the Agent Auth Protocol on the command line.

use std::process::ExitCode;

use clap::Parser as _;
use procura_cli::{Arguments, run};

fn main() -> ExitCode {
    run(Arguments::parse()).into()
}
