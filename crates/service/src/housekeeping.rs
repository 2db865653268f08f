//! Removing what time has made useless (AAP §7.1, §9.2, §10.9): in short transactions, so that calls go on.

use std::time::Duration;

use procura_keys::clock::Timestamp;
use procura_store::StoreResult;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::context::Context;
use crate::error::ServiceResult;
use crate::{activity, audit, secrets};

/// Repeats a removal, each time in a transaction of its own, until it removes less than a batch. A macro, because
/// the futures of async closures cannot be shown to be `Send` when they borrow.
macro_rules! batches {
    ($ctx:expr, |$tx:ident| $removal:expr) => {{
        let mut all = 0;
        loop {
            let mut $tx = $ctx.begin().await?;
            let count = $removal.await?;
            $tx.commit().await?;
            all += count;
            if count < u64::from(BATCH) {
                break all;
            }
        }
    }};
}

/// For how long what is kept. What has no limit is kept for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// Agents and hosts that nobody ever approved, from when they were first seen.
    pub pending: Option<Duration>,
    /// Requests for approval, from when they could no longer be answered, and grants that wait for them.
    pub requests: Option<Duration>,
    /// Denied and revoked grants of agents that have ended.
    pub ended_grants: Option<Duration>,
    /// The part of audit records that is about people.
    pub activity: Option<Duration>,
    /// Audit records as a whole.
    pub audit: Option<Duration>,
    /// Whether the activity of people whose account is deleted is erased with it.
    pub erase_removed_people: bool,
}

/// What a run removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// Agents that nobody approved.
    pub agents: u64,
    /// Hosts that nobody approved.
    pub hosts: u64,
    /// Requests for approval.
    pub requests: u64,
    /// Grants.
    pub grants: u64,
    /// Audit records that lost the part which is about people.
    pub activity: u64,
    /// Audit records.
    pub records: u64,
    /// Sign-in sessions that had ended.
    pub sessions: u64,
    /// Names of tokens that are too old to be accepted.
    pub tokens: u64,
    /// Agents whose reactivation nobody approved, and that are expired again. Nothing of them was removed.
    pub expired: u64,
}

impl Removed {
    /// The counts by name, in a fixed order.
    pub fn counts(&self) -> [(&'static str, u64); 9] {
        [
            ("agents", self.agents),
            ("hosts", self.hosts),
            ("requests", self.requests),
            ("grants", self.grants),
            ("activity", self.activity),
            ("records", self.records),
            ("sessions", self.sessions),
            ("tokens", self.tokens),
            ("expired", self.expired),
        ]
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.agents += other.agents;
        self.hosts += other.hosts;
        self.requests += other.requests;
        self.grants += other.grants;
        self.activity += other.activity;
        self.records += other.records;
        self.sessions += other.sessions;
        self.tokens += other.tokens;
        self.expired += other.expired;
    }

    /// Whether anything went that somebody might look for. Sessions and tokens go all the time.
    fn is_worth_a_record(&self) -> bool {
        let used_up = Self {
            sessions: 0,
            tokens: 0,
            ..*self
        };
        used_up != Self::default()
    }
}

/// Removes everything whose time has come at `now`, and says how much that was.
pub async fn run(ctx: &Context, actor: &str, now: Timestamp) -> ServiceResult<Removed> {
    let mut removed = Removed {
        tokens: batches!(ctx, |tx| tx.delete_forgotten(now, BATCH)),
        sessions: batches!(ctx, |tx| tx.delete_expired_sessions(now, BATCH)),
        ..Removed::default()
    };
    remove_unanswered_challenges(ctx, now).await?;
    secrets::keep_house(ctx, actor, now).await?;
    batches!(ctx, |tx| tx.delete_old_jobs(now, BATCH));
    let before = now.minus(ctx.policy().notices.keep);
    batches!(ctx, |tx| tx.delete_old_notices(before, BATCH));
    remove_pending(ctx, now, &mut removed).await?;
    remove_settled(ctx, now, &mut removed).await?;
    remove_activity(ctx, actor, now, &mut removed).await?;
    if removed.is_worth_a_record() {
        let mut entry = audit::entry(now, "housekeeping.ran", actor.to_owned());
        entry.detail = json!(removed);
        let mut tx = ctx.begin().await?;
        tx.append_audit(vec![entry]).await?;
        tx.commit().await?;
    }
    ctx.note_removed(&removed);
    Ok(removed)
}

/// Challenges, links and sign-ins that nobody took up in time.
async fn remove_unanswered_challenges(ctx: &Context, now: Timestamp) -> ServiceResult<()> {
    let mut tx = ctx.begin().await?;
    tx.delete_expired_challenges(now).await?;
    tx.delete_expired_invitations(now).await?;
    tx.delete_expired_flows(now).await?;
    tx.commit().await?;
    Ok(())
}

/// Agents and hosts that wait for an approval which does not come.
async fn remove_pending(ctx: &Context, now: Timestamp, removed: &mut Removed) -> ServiceResult<()> {
    let Some(before) = since(now, ctx.policy().retention.pending) else {
        return Ok(());
    };
    loop {
        let mut tx = ctx.begin().await?;
        let agents = tx.delete_stale_agents(before, now, BATCH).await?;
        tx.commit().await?;
        ctx.snapshots().drop_agents(&agents);
        removed.agents += agents.len() as u64;
        if agents.len() < BATCH as usize {
            break;
        }
    }
    removed.hosts = batches!(ctx, |tx| tx.delete_stale_hosts(before, BATCH));
    loop {
        let expired = expire_reactivations(ctx, before, now).await?;
        removed.expired += expired;
        if expired < u64::from(BATCH) {
            return Ok(());
        }
    }
}

/// An agent that asked to come back, and about which nobody decided, may ask again.
async fn expire_reactivations(
    ctx: &Context,
    before: Timestamp,
    now: Timestamp,
) -> StoreResult<u64> {
    let mut tx = ctx.begin().await?;
    let expired = tx.expire_stale_reactivations(before, now, BATCH).await?;
    tx.revoke_grants_of_agents(&expired, now).await?;
    tx.cancel_approvals_of_agents(&expired).await?;
    tx.commit().await?;
    ctx.snapshots().drop_agents(&expired);
    Ok(expired.len() as u64)
}

/// Requests and grants that are over.
async fn remove_settled(ctx: &Context, now: Timestamp, removed: &mut Removed) -> ServiceResult<()> {
    let retention = &ctx.policy().retention;
    if let Some(before) = since(now, retention.requests) {
        removed.grants += batches!(ctx, |tx| tx.delete_unanswered_grants(before, BATCH));
        removed.requests = batches!(ctx, |tx| tx.delete_old_approvals(before, BATCH));
    }
    if let Some(before) = since(now, retention.ended_grants) {
        removed.grants += batches!(ctx, |tx| tx.delete_ended_grants(before, BATCH));
    }
    Ok(())
}

/// Activity that somebody wanted erased, and what is old.
async fn remove_activity(
    ctx: &Context,
    actor: &str,
    now: Timestamp,
    removed: &mut Removed,
) -> ServiceResult<()> {
    let retention = &ctx.policy().retention;
    let due = ctx.read().await?.list_due_erasures(BATCH).await?;
    for user in due {
        removed.activity += activity::erase_due(ctx, actor, &user).await?;
    }
    if let Some(before) = since(now, retention.activity) {
        removed.activity += activity::erase_before(ctx, before).await?;
    }
    if let Some(before) = since(now, retention.audit) {
        removed.records = activity::cut_before(ctx, before).await?;
    }
    Ok(())
}

fn since(now: Timestamp, kept_for: Option<Duration>) -> Option<Timestamp> {
    kept_for.map(|span| now.minus(span))
}

/// How many records one transaction removes, which is how long others may have to wait.
const BATCH: u32 = 500;
