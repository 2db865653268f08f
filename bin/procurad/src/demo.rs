//! `procurad demo`: one agent's life at the example bank, from discovery to revocation, with a real server, a
//! real client and real HTTP in between. Every step is checked; the exit code is 0 only if all of them hold.

mod narrator;
mod person;
mod pretty;
mod stage;
mod story;

use std::process::ExitCode;

use crate::args::DemoCommand;
use crate::demo::stage::Stage;

pub(crate) async fn run(command: DemoCommand) -> anyhow::Result<ExitCode> {
    let stage = Stage::set(command.yes).await?;
    let told = story::tell(&stage).await;
    stage.clear().await?;
    told?;
    Ok(ExitCode::SUCCESS)
}
