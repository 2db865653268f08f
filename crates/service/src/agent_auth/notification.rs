//! How an agent stands, told as soon as it changes (§10.10.2): for as long as a request for approval is open, whoever
//! has its notification URL may listen.
//!
//! A listener is woken by every write that drops the snapshot of its agent, and looks again by itself now and then for
//! what time alone changes. It learns what `GET /agent/status` says and nothing else. How many may listen, to one
//! request and in all, is bounded, and so is how long.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use procura_agent_auth::approval::{Approval, ApprovalState};
use procura_agent_auth::id::ApprovalId;
use procura_agent_auth::notification::NotificationToken;
use procura_agent_auth::refusal::Refusal;
use procura_agent_auth::wire::status::StatusResponse;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout, timeout_at};

use super::views;
use crate::context::Context;
use crate::error::ServiceResult;

/// Starts listening by the secret part of a notification URL. The first status comes at once.
pub async fn listen(ctx: &Context, token: &str) -> ServiceResult<mpsc::Receiver<StatusResponse>> {
    let token = NotificationToken::parse(token).ok_or(Refusal::ApprovalNotFound)?;
    let mut tx = ctx.read().await?;
    let approval = tx.find_approval_by_notification(&token.digest()).await?;
    drop(tx);
    let approval = approval.ok_or(Refusal::ApprovalNotFound)?;
    if ctx.now() >= approval.expires_at {
        return Err(Refusal::ApprovalExpired.into());
    }
    let seat = Seat::take(ctx, &approval.id)?;
    let (sender, receiver) = mpsc::channel(AHEAD);
    let listener = Listener {
        changes: ctx.snapshots().watch(&approval.agent_id),
        ctx: ctx.clone(),
        approval,
        sender,
        _seat: seat,
    };
    tokio::spawn(listener.run());
    Ok(receiver)
}

struct Listener {
    ctx: Context,
    approval: Approval,
    changes: watch::Receiver<u64>,
    sender: mpsc::Sender<StatusResponse>,
    _seat: Seat,
}

impl Listener {
    async fn run(mut self) {
        let end = Instant::now() + self.ctx.policy().max_stream;
        let mut told = None;
        loop {
            // Marked before the look, so that a change during it is not missed.
            self.changes.mark_unchanged();
            let (status, is_over) = match self.look().await {
                Ok(Some(seen)) => seen,
                Ok(None) => return,
                Err(error) => {
                    tracing::error!(%error, "a listener could not be told how its agent stands");
                    return;
                }
            };
            let news = Some((status.status, status.agent_capability_grants.clone()));
            if news != told {
                told = news;
                if !matches!(
                    timeout(SLOWEST_READER, self.sender.send(status)).await,
                    Ok(Ok(()))
                ) {
                    return;
                }
            }
            if is_over || Instant::now() >= end {
                return;
            }
            tokio::select! {
                () = self.sender.closed() => return,
                // The client connects again, to another node.
                () = self.ctx.stopping().streams_end() => return,
                _ = timeout_at(end, timeout(LOOK_EVERY, self.changes.changed())) => {}
            }
        }
    }

    /// How the agent stands, and whether the request is over. `None` when the agent is gone.
    async fn look(&self) -> ServiceResult<Option<(StatusResponse, bool)>> {
        let now = self.ctx.now();
        let mut tx = self.ctx.read().await?;
        let approval = tx.find_approval(&self.approval.id).await?;
        let is_over = approval.is_none_or(|approval| {
            approval.state != ApprovalState::Open || now >= approval.expires_at
        });
        let Some(agent) = tx.find_agent(&self.approval.agent_id).await? else {
            return Ok(None);
        };
        let grants = tx.list_grants_by_agent(&agent.id).await?;
        let status = views::status(&self.ctx, &agent, &grants, now);
        Ok(Some((status, is_over)))
    }
}

/// Who listens at present.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listeners {
    seats: Arc<Mutex<HashMap<ApprovalId, usize>>>,
}

impl Listeners {
    fn lock(&self) -> MutexGuard<'_, HashMap<ApprovalId, usize>> {
        // A poisoned lock means a panic elsewhere; the map itself is whole after every operation.
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to listen, given back when it is dropped.
struct Seat {
    listeners: Listeners,
    approval: ApprovalId,
}

impl Seat {
    fn take(ctx: &Context, approval: &ApprovalId) -> Result<Self, Refusal> {
        let listeners = ctx.listeners().clone();
        let mut seats = listeners.lock();
        let all: usize = seats.values().sum();
        let here = seats.get(approval).copied().unwrap_or(0);
        if here >= PER_APPROVAL || all >= IN_ALL {
            let retry_after = ctx.policy().approval_interval;
            return Err(Refusal::RateLimited { retry_after });
        }
        seats.insert(approval.clone(), here + 1);
        drop(seats);
        Ok(Self {
            listeners,
            approval: approval.clone(),
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.listeners.lock();
        match seats.get_mut(&self.approval) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                seats.remove(&self.approval);
            }
        }
    }
}

/// Where listeners connect, before the secret part.
pub(super) const PATH: &str = "/agent/events/";
/// How many may listen to one request: a client, and the same client again while its old connection dies.
const PER_APPROVAL: usize = 3;
/// How many may listen in all.
const IN_ALL: usize = 1000;
/// How many events may wait for a slow reader.
const AHEAD: usize = 1;
const SLOWEST_READER: Duration = Duration::from_secs(10);
/// How soon what time alone changes is noticed.
const LOOK_EVERY: Duration = Duration::from_secs(2);
