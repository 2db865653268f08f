//! `procura doctor`: which hop between here and an executed capability is broken.

use procura_client::{Client, Connect, Hop, HopState};
use serde_json::json;

use crate::error::{CommandError, harmless};
use crate::exit::Exit;
use crate::outcome::Outcome;

/// Try each hop to a service, and say which one is broken and what to do
///
/// Nothing is changed at the service, unless --register is given.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(help = "The service, for example https://bank.example")]
    url: String,
    /// Try registering an agent, too. It stays: 'procura disconnect' ends it
    #[arg(long)]
    register: bool,
}

pub(crate) async fn run(arguments: Arguments, client: &Client) -> Result<Outcome, CommandError> {
    let agent = || Connect::new("Procura doctor");
    let hops = client
        .examine(&arguments.url, arguments.register.then(agent))
        .await;
    let broken = hops.iter().find(|hop| hop.state == HopState::Broken);
    let value = json!({ "hops": hops, "broken": broken.map(|hop| hop.name) });
    let mut lines: Vec<_> = hops.iter().flat_map(lines).collect();
    lines.push(match broken {
        Some(hop) => format!("The {} hop is broken.", hop.name),
        None => "No hop is broken.".to_owned(),
    });
    let exit = match broken {
        Some(_) => Exit::Server,
        None => Exit::Done,
    };
    Ok(Outcome::done(&value, lines.join("\n")).with_exit(exit))
}

fn lines(hop: &Hop) -> Vec<String> {
    let mark = match hop.state {
        HopState::Works => "ok",
        HopState::Noted => "note",
        HopState::Untried => "skipped",
        HopState::Broken => "BROKEN",
    };
    let mut lines = vec![format!(
        "{mark:<8} {:<13} {}",
        hop.name,
        harmless(&hop.finding)
    )];
    lines.extend(
        hop.advice
            .as_ref()
            .map(|advice| format!("{:<22} hint: {advice}", "")),
    );
    lines
}
