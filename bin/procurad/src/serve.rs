//! `procurad serve`.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use procura_server::config::Config;
use procura_server::gateway::{mcp_starter, starter};
use procura_server::serve::Serve;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::ServeCommand;
use crate::{output, report};

pub(crate) async fn run(command: ServeCommand) -> anyhow::Result<ExitCode> {
    let listen = command.listen.as_deref();
    let config = match (&command.config, &command.openapi, &command.mcp) {
        (Some(file), ..) => Config::load(file, listen)?,
        (None, Some(source), _) => {
            let text = starter(source, command.upstream.as_ref()).await;
            let text = text.map_err(anyhow::Error::msg)?;
            Config::parse(&text, listen).map_err(anyhow::Error::msg)?
        }
        (None, None, Some(command_line)) => {
            let text = mcp_starter(command_line).map_err(anyhow::Error::msg)?;
            Config::parse(&text, listen).map_err(anyhow::Error::msg)?
        }
        (None, None, None) => {
            bail!("give --config FILE, --openapi FILE-OR-URL or --mcp COMMAND-OR-URL")
        }
    };
    let described = command.config.is_none();
    let data = command.data.clone();
    let serve = Serve {
        config,
        data: command.data,
        no_rate_limits: command.no_rate_limits,
        patience: if command.mcp.is_some() {
            TO_INTRODUCE_ITSELF
        } else {
            TO_BE_THERE
        },
    };
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let mut hang_up = signal(SignalKind::hangup()).context("cannot listen for SIGHUP")?;
    let running = serve.start().await?;
    if described {
        for report in &running.reports {
            output::talk(&report::of_start(report, &running.issuer, &data))?;
        }
    }
    output::line(&running.issuer)?;
    if let Some(setup) = &running.setup {
        output::talk(&format!(
            "There is no administrator yet. Whoever opens this link within an hour becomes one:\n{setup}"
        ))?;
    }
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: open requests are finished first");
    };
    let reloader = running.reloader();
    let reloading = tokio::spawn(async move {
        while hang_up.recv().await.is_some() {
            reloader.reload();
        }
    });
    running.run(stop).await?;
    reloading.abort();
    Ok(ExitCode::SUCCESS)
}

/// How long connections wait for MCP servers of the configuration, which join later if they take longer.
const TO_BE_THERE: Duration = Duration::from_secs(3);
/// The same for a server that is the only thing to serve: it may have to be downloaded first.
const TO_INTRODUCE_ITSELF: Duration = Duration::from_secs(30);
