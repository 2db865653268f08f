//! Results in pieces: pumped from the backend to the agent, and cut when the agent may no longer act (§5.11).
//!
//! The token is checked when the stream opens and may run out while it flows; the agent, its host and its grant
//! are looked at twice a second, and as soon as something about them changes.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use procura_adapters::{BackendError, Told};
use procura_agent_auth::refusal::Refusal;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{Running, watch};
use crate::context::Context;
use crate::error::ServiceError;

/// What travels on a stream.
#[derive(Debug)]
pub enum Piece {
    /// A part of the result.
    Data(Value),
    /// It ends here, for this reason.
    Cut(ServiceError),
    /// It is complete; this is the result, if the pieces were not.
    Done(Option<Value>),
}

/// Starts pumping and returns the other end.
pub(super) fn start(
    ctx: &Context,
    running: Arc<Running>,
    told: BoxStream<'static, Result<Told, BackendError>>,
) -> mpsc::Receiver<Piece> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let ctx = ctx.clone();
    tokio::spawn(async move {
        let outcome = pump(&ctx, &running, told, &sender).await;
        if let Err(error) = running.finish(&ctx, outcome).await {
            tracing::error!(%error, "the end of a stream could not be recorded");
        }
    });
    receiver
}

/// Moves pieces until one side ends or the agent may no longer act. Returns the outcome to record.
async fn pump(
    ctx: &Context,
    running: &Running,
    mut told: BoxStream<'static, Result<Told, BackendError>>,
    sender: &mpsc::Sender<Piece>,
) -> &'static str {
    let end = Instant::now() + ctx.policy().max_stream;
    let mut refused = pin!(watch::until_refused(ctx, running));
    loop {
        let next = tokio::select! {
            () = sender.closed() => return "aborted",
            () = tokio::time::sleep_until(end) => Err(Refusal::StreamTooLong.into()),
            error = &mut refused => Err(error),
            () = ctx.stopping().streams_end() => Err(Refusal::ServerStopping.into()),
            next = told.next() => next.transpose().map_err(ServiceError::from),
        };
        let (piece, outcome) = match next {
            Ok(Some(Told::Progress(value))) => (Piece::Data(value), None),
            Ok(Some(Told::Result(value))) => (Piece::Done(Some(value)), Some("ok")),
            Ok(None) => (Piece::Done(None), Some("ok")),
            Err(error) => {
                let outcome = super::outcome(&error);
                (Piece::Cut(error), Some(outcome))
            }
        };
        // Waiting for a slow reader must not outlast a revocation, so the time to wait is bounded.
        match (
            tokio::time::timeout(SLOWEST_READER, sender.send(piece)).await,
            outcome,
        ) {
            (Ok(Ok(())), None) => {}
            (Ok(Ok(())), Some(outcome)) => return outcome,
            (Ok(Err(_)) | Err(_), outcome) => return outcome.unwrap_or("aborted"),
        }
    }
}

/// How many pieces may wait for a slow reader: few, since what waits is sent even after a revocation.
const AHEAD: usize = 1;
const SLOWEST_READER: Duration = Duration::from_secs(30);
