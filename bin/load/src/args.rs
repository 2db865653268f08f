//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::mix::Mix;

/// Puts load on a procurad of its own and prints what came of it as JSON.
#[derive(Debug, Parser)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// The server's program; the one beside this program unless given
    #[arg(long, value_name = "FILE")]
    pub(crate) procurad: Option<PathBuf>,
    /// The server's configuration
    #[arg(
        long,
        value_name = "FILE",
        default_value = "examples/bank/procura.toml"
    )]
    pub(crate) config: PathBuf,
    /// The core the server is kept on, and where verification is measured; needs taskset
    #[arg(long, value_name = "NUMBER")]
    pub(crate) server_core: Option<usize>,
    /// How many agents call
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) agents: u32,
    /// How many requests a round has; a round that takes longer than its tokens live (60 s) fails
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) requests: u32,
    /// How many rounds
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,
    /// How many connections, each with one request at a time
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) connections: u32,
    /// Requests a second that arrive whether or not earlier ones were answered; without it each connection
    /// sends as soon as it has its answer
    #[arg(long, value_name = "PER_SECOND", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rate: Option<u32>,
    /// What is sent, in parts: execute, status, introspect, register, revoke
    #[arg(long, value_name = "KIND=PARTS,…", default_value = "execute=1")]
    pub(crate) mix: Mix,
    /// How many of a hundred requests are calls with a bad token: forged, for somebody else, replayed or expired
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=100))]
    pub(crate) hostile: u32,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Prints the CPU time of one Ed25519 verification in microseconds
    Verify,
}
