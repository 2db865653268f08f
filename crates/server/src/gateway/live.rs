//! Servers whose tools come, change and go while this one runs.
//!
//! Each server has a task of its own, which asks for its tools, puts what became of them into the catalogue, and asks
//! again when the server says that they changed, when it was started anew, and every few minutes. One that does not
//! answer is asked again after a pause that grows, and holds up nobody. What it offered stays: calls of it say that it
//! is out of order, and the grants are good once it is back.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use procura_adapters::BackendError;
use procura_service::Context;
use procura_service::agent_auth::outdated;
use procura_service::catalogue::Catalogue;
use serde_json::Value;
use tokio::sync::{Mutex as Turn, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::mcp::Judged;
use super::{Quarantined, Report, ToolServer};

/// The tasks, which end when this goes.
pub(crate) struct Live {
    gateway: Arc<Gateway>,
    tasks: JoinSet<()>,
    /// How many servers have answered, or not, for the first time.
    heard: watch::Receiver<usize>,
}

impl Live {
    /// Begins to ask. What the catalogue has now stays in it, whatever the servers offer.
    pub(crate) fn begin(ctx: Context, servers: Vec<ToolServer>) -> Self {
        let waiting = servers.iter().map(|_| Judged::none(NOT_YET.to_owned()));
        let gateway = Arc::new(Gateway {
            base: ctx.catalogue(),
            judged: Turn::new(waiting.collect()),
            reports: Mutex::default(),
            servers,
            ctx,
        });
        let (count, heard) = watch::channel(0);
        let mut tasks = JoinSet::new();
        for at in 0..gateway.servers.len() {
            tasks.spawn(follow(Arc::clone(&gateway), at, count.clone()));
        }
        Self {
            gateway,
            tasks,
            heard,
        }
    }

    /// What became of each server's tools, once all have answered or this time is over.
    pub(crate) async fn reports(&mut self, patience: Duration) -> Vec<Report> {
        let all = self.gateway.servers.len();
        // Who has not answered by then is told as such.
        let _ = timeout(patience, self.heard.wait_for(|heard| *heard == all)).await;
        let judged = self.gateway.judged.lock().await;
        self.gateway.compose(&judged).1
    }

    /// Ends the tasks, and comes back when they are gone.
    pub(crate) async fn end(mut self) {
        self.tasks.shutdown().await;
    }
}

struct Gateway {
    ctx: Context,
    /// What is offered besides.
    base: Arc<Catalogue>,
    servers: Vec<ToolServer>,
    /// What is known of each server. Held while that is put into effect, so that changes take turns.
    judged: Turn<Vec<Judged>>,
    /// What was told of each server last, so that it is told once.
    reports: Mutex<Vec<Vec<Quarantined>>>,
}

impl Gateway {
    /// Everything that is offered, in the order of the configuration: of two servers that claim a name, the first one
    /// has it.
    fn compose(&self, judged: &[Judged]) -> (Catalogue, Vec<Report>) {
        let mut catalogue = Catalogue::clone(&self.base);
        let servers = self.servers.iter().zip(judged);
        let reports = servers
            .map(|(server, judged)| server.offer(judged, &mut catalogue))
            .collect();
        (catalogue, reports)
    }

    /// Puts into effect what a server's tools are now.
    async fn settle(&self, at: usize, now: Judged) -> Result<(), BackendError> {
        let mut judged = self.judged.lock().await;
        judged[at] = now;
        let (catalogue, reports) = self.compose(&judged);
        let revoked = outdated::offer(&self.ctx, catalogue).await;
        let revoked = revoked.map_err(|error| BackendError::Failed(error.to_string()))?;
        let server = self.servers[at].server.name();
        if let Some(report) = reports.get(at) {
            let offered = report.offered.len();
            tracing::info!(
                server,
                offered,
                revoked,
                "the tools of an MCP server were read"
            );
        }
        self.tell_of_quarantined(&reports);
        Ok(())
    }

    /// Tells of a server that did not answer; once, until it has.
    async fn missed(&self, at: usize, error: &BackendError, failures: u32, is_unknown: bool) {
        if failures == 0 {
            let server = self.servers[at].server.name();
            tracing::warn!(server, %error, "an MCP server cannot be asked for its tools; it is asked again");
        }
        if is_unknown {
            self.judged.lock().await[at] = Judged::none(format!("{error}; it is asked again"));
        }
    }

    fn tell_of_quarantined(&self, reports: &[Report]) {
        let told = self.reports.lock();
        let mut told = told.unwrap_or_else(PoisonError::into_inner);
        told.resize(reports.len(), Vec::new());
        for (told, report) in told.iter_mut().zip(reports) {
            let is_new = |one: &&Quarantined| !told.contains(one) && one.reason != NOT_YET;
            for Quarantined { operation, reason } in report.quarantined.iter().filter(is_new) {
                let source = &report.source;
                tracing::warn!(source, operation, reason, "an operation is not offered");
            }
            told.clone_from(&report.quarantined);
        }
    }
}

/// Asks one server for its tools, again and again.
async fn follow(gateway: Arc<Gateway>, at: usize, heard: watch::Sender<usize>) {
    let mut known = None;
    let mut failures = 0;
    let mut outcome = ask(&gateway, at, &mut known).await;
    heard.send_modify(|heard| *heard += 1);
    loop {
        let asked = Instant::now();
        match outcome {
            Ok(()) => {
                failures = 0;
                tokio::select! {
                    () = gateway.servers[at].server.changed() => sleep_until(asked + LEAST).await,
                    () = sleep(AGAIN) => {}
                }
            }
            Err(error) => {
                gateway.missed(at, &error, failures, known.is_none()).await;
                sleep(pause(&error, failures)).await;
                failures += 1;
            }
        }
        outcome = ask(&gateway, at, &mut known).await;
    }
}

/// Reads a server's tools and puts them into effect if they are not those that are `known`.
async fn ask(
    gateway: &Gateway,
    at: usize,
    known: &mut Option<Vec<Value>>,
) -> Result<(), BackendError> {
    let server = &gateway.servers[at];
    let tools = server.ask().await?;
    if known.as_ref() != Some(&tools) {
        gateway.settle(at, server.judge(&tools)).await?;
        *known = Some(tools);
    }
    Ok(())
}

/// How long to leave a server alone that has not answered so often before.
fn pause(error: &BackendError, failures: u32) -> Duration {
    match error {
        BackendError::Unavailable { retry_after } | BackendError::Busy { retry_after } => {
            (*retry_after).clamp(FIRST_PAUSE, LONGEST_PAUSE)
        }
        _ => FIRST_PAUSE
            .saturating_mul(1 << failures.min(10))
            .min(LONGEST_PAUSE),
    }
}

/// In reports, of a server that has had no time to answer.
const NOT_YET: &str = "it has not answered yet; its tools are offered once it has";
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// How often a server is asked that says nothing by itself.
const AGAIN: Duration = Duration::from_mins(5);
/// A server that changes all the time is not asked more often than this.
const LEAST: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_grows_to_a_minute_and_is_the_servers_own_where_that_is_known() {
        let failed = BackendError::Failed("x".to_owned());
        let seconds = |error: &BackendError, failures| pause(error, failures).as_secs();
        let grown = [0, 1, 5, 6, 40].map(|failures| seconds(&failed, failures));
        assert_eq!(grown, [1, 2, 32, 60, 60]);
        let retry_after = Duration::from_secs(7);
        assert_eq!(seconds(&BackendError::Unavailable { retry_after }, 3), 7);
        let retry_after = Duration::from_hours(1);
        assert_eq!(seconds(&BackendError::Busy { retry_after }, 0), 60);
    }
}
