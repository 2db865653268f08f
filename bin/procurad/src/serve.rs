//! `procurad serve`.

use std::process::ExitCode;

use anyhow::Context as _;
use procura_server::config::Config;
use procura_server::serve::Serve;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::ServeCommand;
use crate::output;

pub(crate) async fn run(command: ServeCommand) -> anyhow::Result<ExitCode> {
    let config = Config::load(&command.config, command.listen.as_deref())?;
    let serve = Serve {
        config,
        data: command.data,
        no_rate_limits: command.no_rate_limits,
    };
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let running = serve.start().await?;
    output::line(&running.issuer)?;
    if let Some(setup) = &running.setup {
        output::note(&format!(
            "There is no administrator yet. Whoever opens this link within an hour becomes one:\n{setup}"
        ));
    }
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: open requests are finished first");
    };
    running.run(stop).await?;
    Ok(ExitCode::SUCCESS)
}
