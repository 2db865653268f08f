//! Load for one `procurad` on loopback: starts it, registers agents, signs tokens beforehand, sends, stops it, and prints
//! one JSON document.
//!
//! ```sh
//! cargo build --release --workspace --bin procurad --bin load
//! taskset -c 1 target/release/load --server-core 0
//! ```
//!
//! Between rounds the cost of one raw Ed25519 verification is taken on the core of the server, since times of a shared
//! machine say little and ratios more.

mod agents;
mod args;
mod connection;
mod drive;
mod mix;
mod report;
mod requests;
mod server;
mod verify;

use std::io::{Write as _, stdout};

use anyhow::{Result, ensure};
use clap::Parser as _;

use crate::agents::Agents;
use crate::args::{Args, Command};
use crate::report::Round;
use crate::server::Server;

fn main() -> Result<()> {
    let args = Args::parse();
    if let Some(Command::Verify) = args.command {
        writeln!(stdout(), "{}", verify::here()?)?;
        return Ok(());
    }
    let server = Server::start(&args)?;
    let agents = Agents::register(&server, args.agents)?;
    let mut rounds = Vec::new();
    let mut verification = verify::on(args.server_core)?;
    for _ in 0..args.rounds {
        let requests = requests::prepare(&server, &agents, &args)?;
        let cpu = server.cpu_time()?;
        let driven = drive::drive(&server.address, &requests, args.connections, args.rate)?;
        let cpu = server.cpu_time()?.saturating_sub(cpu);
        let after = verify::on(args.server_core)?;
        rounds.push(Round::new(&driven, cpu, verification.midpoint(after)));
        verification = after;
    }
    let memory = server.resident_kilobytes()?;
    server.stop()?;
    writeln!(stdout(), "{:#}", report::document(&args, &rounds, memory))?;
    let unexpected: usize = rounds.iter().map(|round| round.unexpected).sum();
    ensure!(
        unexpected == 0,
        "{unexpected} requests were not answered as they have to be"
    );
    Ok(())
}
