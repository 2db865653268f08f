//! Results in pieces: pumped from the backend to the agent, and cut when the agent may no longer act (§5.11).
//!
//! The token is checked when the stream opens and may run out while it flows; the agent, its host and its grant
//! are looked at twice a second, and as soon as something about them changes.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use procura_adapters::BackendError;
use procura_agent_auth::refusal::Refusal;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use super::Running;
use crate::context::Context;
use crate::error::{ServiceError, ServiceResult};

/// What travels on a stream.
#[derive(Debug)]
pub enum Piece {
    /// A part of the result.
    Data(Value),
    /// It ends here, for this reason.
    Cut(ServiceError),
    /// It is complete.
    Done,
}

/// Starts pumping and returns the other end.
pub(super) fn start(
    ctx: &Context,
    running: Running,
    pieces: BoxStream<'static, Result<Value, BackendError>>,
) -> mpsc::Receiver<Piece> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let ctx = ctx.clone();
    tokio::spawn(async move {
        let outcome = pump(&ctx, &running, pieces, &sender).await;
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
    mut pieces: BoxStream<'static, Result<Value, BackendError>>,
    sender: &mpsc::Sender<Piece>,
) -> &'static str {
    let end = Instant::now() + ctx.policy().max_stream;
    let mut looks = tokio::time::interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut changes = ctx.snapshots().watch(&running.caller.snapshot.agent.id);
    loop {
        let next = tokio::select! {
            () = sender.closed() => return "aborted",
            () = tokio::time::sleep_until(end) => Err(Refusal::StreamTooLong.into()),
            () = either(looks.tick(), changes.changed()) => match still_permitted(ctx, running).await {
                Ok(()) => continue,
                Err(error) => Err(error),
            },
            piece = pieces.next() => match piece {
                Some(piece) => piece.map(Some).map_err(ServiceError::from),
                None => Ok(None),
            },
        };
        let (piece, outcome) = match next {
            Ok(Some(value)) => (Piece::Data(value), None),
            Ok(None) => (Piece::Done, Some("ok")),
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

/// Waits for the first of two things.
async fn either(one: impl Future, other: impl Future) {
    tokio::select! {
        _ = one => {}
        _ = other => {}
    }
}

/// Whether the agent, its host and its grant still permit the call.
async fn still_permitted(ctx: &Context, running: &Running) -> ServiceResult<()> {
    // A process that has lost its database does not hear of revocations any more, so it may not go on.
    ctx.journal().settle().await?;
    let agent_id = &running.caller.snapshot.agent.id;
    let Some(snapshot) = ctx.snapshots().load(ctx, agent_id).await? else {
        return Err(Refusal::AgentRevoked.into());
    };
    let now = ctx.now();
    // An open stream is a use: the idle clock does not run meanwhile, the other two do.
    snapshot.note_use(now);
    snapshot.require_active(&ctx.policy().lifetime, now)?;
    let held = |grant: &procura_agent_auth::grant::Grant| {
        grant.capability == running.name && grant.is_effective(now)
    };
    if snapshot.grants.iter().any(held) {
        Ok(())
    } else {
        Err(Refusal::CapabilityNotGranted {
            capability: running.name.clone(),
            removed: false,
        }
        .into())
    }
}

/// How many pieces may wait for a slow reader: few, since what waits is sent even after a revocation.
const AHEAD: usize = 1;
const LOOK_EVERY: Duration = Duration::from_millis(500);
const SLOWEST_READER: Duration = Duration::from_secs(30);
