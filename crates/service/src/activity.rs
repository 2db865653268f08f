//! What was done for a person: they can look at it, take it with them and have it erased (AAP §9.2).
//!
//! A person's activity is the part of the audit log that concerns them and the agents that act for them, or
//! did so before they were claimed (§2.10). Every function takes the person whose activity it is and reaches
//! nobody else's: a page has to pass the one who is signed in.

use std::collections::HashMap;

use procura_agent_auth::id::{AgentId, HostId, UserId};
use procura_keys::clock::Timestamp;
use procura_people::person::PersonId;
use procura_store::audit::{AuditEntry, AuditRecord, CUT, Cut, ERASED, Erasure, Places};
use procura_store::{StoreError, StoreResult, Transaction};
use serde::Serialize;
use serde_json::Value;

use crate::audit;
use crate::context::Context;
use crate::error::ServiceResult;

/// One thing that was done, as shown to the person it concerns.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ActivityEntry {
    /// Its place in the audit log.
    pub sequence: i64,
    /// When.
    pub at: Timestamp,
    /// What, as a dotted name such as `capability.started`; `docs/audit.md` lists them.
    pub event: String,
    /// `ok`, a state, or the code of the refusal.
    pub outcome: String,
    /// Who did it, as a kind and a name such as `agent:agt_…`.
    pub actor: String,
    /// The agent concerned, with its name while the server knows it. Names are words of strangers.
    pub agent: Option<Named<AgentId>>,
    /// The host concerned, with its name while it has one.
    pub host: Option<Named<HostId>>,
    /// The capability concerned.
    pub capability: Option<String>,
    /// Whatever else was recorded; of arguments what the configuration keeps.
    pub detail: Value,
}

/// An identifier and what goes by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Named<T> {
    /// The identifier.
    pub id: T,
    /// The name.
    pub name: Option<String>,
}

/// A person's activity, newest first: at most `limit` entries from before the place `before`, or the latest
/// ones without it. The next page starts before the `sequence` of the last entry; there is none after a page
/// with fewer than `limit`.
pub async fn list_activity(
    ctx: &Context,
    person: &PersonId,
    before: Option<i64>,
    limit: u32,
) -> ServiceResult<Vec<ActivityEntry>> {
    ctx.journal().settle().await?;
    let mut tx = ctx.read().await?;
    let before = before.unwrap_or(i64::MAX);
    let records = tx
        .list_last_activity(&user(person), before, limit.min(MAX_PAGE))
        .await?;
    let mut names = Names::default();
    let mut entries = Vec::with_capacity(records.len());
    for record in records {
        if let Some(entry) = record.entry() {
            entries.push(names.show(tx.as_mut(), record.sequence, entry).await?);
        }
    }
    Ok(entries)
}

/// A person's activity for them to keep, oldest first: records in the form of `procurad admin audit export`,
/// to be written as one line of JSON each. At most a thousand from after the place `after`, which is 0 at
/// first and then the `sequence` of the last record; none are left when the answer is empty.
pub async fn export_activity(
    ctx: &Context,
    person: &PersonId,
    after: i64,
) -> ServiceResult<Vec<Value>> {
    ctx.journal().settle().await?;
    let mut tx = ctx.read().await?;
    let records = tx.list_activity(&user(person), after, MAX_PAGE).await?;
    Ok(records.iter().map(AuditRecord::to_value).collect())
}

/// Erases a person's activity up to now for good, and says how much there was. What happened and when stays,
/// without whom it concerned; the log says that it was erased, and its chain still holds.
pub async fn delete_activity(ctx: &Context, actor: &str, person: &PersonId) -> ServiceResult<u64> {
    let user = user(person);
    let mut tx = ctx.begin().await?;
    // Noted first, so that housekeeping goes on where a server stopped halfway.
    tx.insert_due_erasure(&user).await?;
    tx.commit().await?;
    erase_due(ctx, actor, &user).await
}

/// Carries out an erasure that was noted as due.
pub(crate) async fn erase_due(ctx: &Context, actor: &str, user: &UserId) -> ServiceResult<u64> {
    // What is under way is written first, or it would come into the log after the erasure.
    ctx.journal().settle().await?;
    let mut erased = 0;
    loop {
        let mut tx = ctx.begin().await?;
        let places = tx.erase_activity_of(user, BATCH).await?;
        record_erasure(tx.as_mut(), actor, PERSON, &places, ctx.now()).await?;
        let done = places.len() < BATCH as usize;
        if done {
            tx.delete_due_erasure(user).await?;
        }
        tx.commit().await?;
        erased += places.len() as u64;
        if done {
            return Ok(erased);
        }
    }
}

/// Erases activity from before a moment, in batches. Returns how much there was.
pub(crate) async fn erase_before(ctx: &Context, before: Timestamp) -> ServiceResult<u64> {
    let mut erased = 0;
    loop {
        let mut tx = ctx.begin().await?;
        let places = tx.erase_activity_before(before, BATCH).await?;
        record_erasure(tx.as_mut(), POLICY, AGE, &places, ctx.now()).await?;
        tx.commit().await?;
        erased += places.len() as u64;
        if places.len() < BATCH as usize {
            return Ok(erased);
        }
    }
}

/// Cuts off the records from before a moment, in batches. The latest one always stays. Returns how many there
/// were.
pub(crate) async fn cut_before(ctx: &Context, before: Timestamp) -> ServiceResult<u64> {
    let mut cut = 0;
    loop {
        let mut tx = ctx.begin().await?;
        let oldest = tx.list_audit(0, BATCH).await?;
        let old = oldest.iter().take_while(|record| record.at < before);
        let count = old.clone().count();
        let Some(last) = old.last() else {
            return Ok(cut);
        };
        let mut entry = audit::entry(ctx.now(), CUT, POLICY.to_owned());
        entry.detail = Cut::detail(last);
        tx.append_audit(vec![entry]).await?;
        tx.cut_audit(last.sequence).await?;
        tx.commit().await?;
        cut += count as u64;
        if count < BATCH as usize {
            return Ok(cut);
        }
    }
}

/// The record names nobody: that a person's activity was erased must not become an activity of theirs.
async fn record_erasure(
    tx: &mut dyn Transaction,
    actor: &str,
    why: &str,
    places: &[i64],
    now: Timestamp,
) -> StoreResult<()> {
    if places.is_empty() {
        return Ok(());
    }
    let mut entry = audit::entry(now, ERASED, actor.to_owned());
    entry.detail = Erasure::detail(why, &Places::of(places));
    tx.append_audit(vec![entry]).await
}

/// What agents and hosts are called, looked up once.
#[derive(Default)]
struct Names {
    agents: HashMap<AgentId, Option<String>>,
    hosts: HashMap<HostId, Option<String>>,
}

impl Names {
    async fn show(
        &mut self,
        tx: &mut dyn Transaction,
        sequence: i64,
        entry: AuditEntry,
    ) -> StoreResult<ActivityEntry> {
        let agent = match entry.agent_id.and_then(|id| id.parse().ok()) {
            Some(id) => Some(self.agent(tx, id).await?),
            None => None,
        };
        let host = match entry.host_id.and_then(|id| id.parse().ok()) {
            Some(id) => Some(self.host(tx, id).await?),
            None => None,
        };
        Ok(ActivityEntry {
            sequence,
            at: entry.at,
            event: entry.event,
            outcome: entry.outcome,
            actor: entry.actor,
            agent,
            host,
            capability: entry.capability,
            detail: entry.detail,
        })
    }

    async fn agent(
        &mut self,
        tx: &mut dyn Transaction,
        id: AgentId,
    ) -> StoreResult<Named<AgentId>> {
        if !self.agents.contains_key(&id) {
            let name = tx.find_agent(&id).await?.map(|agent| agent.name);
            self.agents.insert(id.clone(), name);
        }
        let name = self.agents.get(&id).cloned().flatten();
        Ok(Named { id, name })
    }

    async fn host(&mut self, tx: &mut dyn Transaction, id: HostId) -> StoreResult<Named<HostId>> {
        if !self.hosts.contains_key(&id) {
            let name = match tx.load_host(&id).await {
                Err(StoreError::NotFound(_)) => None,
                host => host?.name,
            };
            self.hosts.insert(id.clone(), name);
        }
        let name = self.hosts.get(&id).cloned().flatten();
        Ok(Named { id, name })
    }
}

fn user(person: &PersonId) -> UserId {
    UserId(person.to_string())
}

/// Why activity was erased: a person is gone or wanted it.
const PERSON: &str = "person";
/// Why activity was erased: it had been kept for as long as configured.
const AGE: &str = "age";
const POLICY: &str = "policy";

/// The most records of one answer.
const MAX_PAGE: u32 = 1000;
/// How many records one transaction changes, which is how long others may have to wait.
const BATCH: u32 = 500;
