//! `procura completions`: what a shell needs to complete these commands.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::outcome::Outcome;

/// Print a script that makes a shell complete these commands
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let mut command = crate::Arguments::command();
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "procura", &mut script);
    let text = String::from_utf8_lossy(&script).into_owned();
    Outcome::done(&text, text.trim_end())
}
