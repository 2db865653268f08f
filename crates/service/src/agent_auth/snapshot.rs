//! What the path of every call needs of an agent, loaded once and kept until a write touches it.
//!
//! A snapshot is dropped by every write that changes what it holds, before that write is reported as done, so
//! that the next request sees the change. A load that began before such a write cannot put its result in
//! afterwards: each shard counts its drops, and a result from before the latest drop is not kept.
//!
//! What other processes change is told by the store. A process trusts its memory for half a second after the last
//! moment of which it knows that it was told everything; then it asks the store each time, and refuses if that does not
//! answer. Changes are told in milliseconds, so this is for the day on which something is broken.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use procura_agent_auth::agent::Agent;
use procura_agent_auth::grant::Grant;
use procura_agent_auth::host::Host;
use procura_agent_auth::id::{AgentId, HostId};
use procura_agent_auth::lifetime::{self, LifetimePolicy};
use procura_agent_auth::refusal::Refusal;
use procura_keys::clock::Timestamp;
use procura_store::nodes::News;
use procura_store::{StoreError, StoreResult};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::context::Context;
use crate::error::ServiceResult;

/// An agent with its host and grants, as of one moment.
#[derive(Debug)]
pub struct AgentSnapshot {
    /// The agent.
    pub agent: Agent,
    /// Its host.
    pub host: Host,
    /// The thumbprint of the host's key: the `iss` of the agent's tokens.
    pub issuer: String,
    /// All its grants.
    pub grants: Vec<Grant>,
    /// When it last made an authenticated request, in milliseconds; moves on without a new snapshot.
    last_used: AtomicI64,
}

impl AgentSnapshot {
    fn new(agent: Agent, host: Host, grants: Vec<Grant>) -> Self {
        let last_used = AtomicI64::new(agent.last_used_at.map_or(i64::MIN, Timestamp::as_millis));
        let issuer = host.thumbprint().into();
        Self {
            agent,
            host,
            issuer,
            grants,
            last_used,
        }
    }

    /// Notes an authenticated request.
    pub(crate) fn note_use(&self, at: Timestamp) {
        self.last_used.fetch_max(at.as_millis(), Ordering::Relaxed);
    }

    /// Whether the agent may still act. Its latest use counts, be it on record or not.
    pub(crate) fn require_active(
        &self,
        policy: &LifetimePolicy,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        self.host.status.require_not_ended()?;
        let refreshed = self.refreshed();
        let agent = refreshed.as_ref().map_or(&self.agent, |it| &it.agent);
        lifetime::state_at(agent, policy, now)
            .status()
            .require_active()?;
        self.host.status.require_active()
    }

    /// What the store has now, with the latest use here or in any other process.
    pub(crate) async fn with_uses_elsewhere(&self, ctx: &Context) -> ServiceResult<Self> {
        let stored = read_in_time(ctx, &self.agent.id).await?;
        let stored = stored.ok_or(Refusal::AgentRevoked)?;
        stored
            .last_used
            .fetch_max(self.last_used.load(Ordering::Relaxed), Ordering::Relaxed);
        Ok(stored.refreshed().unwrap_or(stored))
    }

    /// The agent with its latest use, when that is later than what the record says.
    pub(crate) fn refreshed(&self) -> Option<Self> {
        let used = Timestamp::from_millis(self.last_used.load(Ordering::Relaxed));
        let known = self
            .agent
            .last_used_at
            .unwrap_or(Timestamp::from_millis(i64::MIN));
        (used > known).then(|| {
            let agent = Agent {
                last_used_at: Some(used),
                ..self.agent.clone()
            };
            Self::new(agent, self.host.clone(), self.grants.clone())
        })
    }
}

/// The snapshots in memory.
#[derive(Debug)]
pub(crate) struct Snapshots {
    shards: Vec<Mutex<Shard>>,
    /// Until when they may be trusted, where other processes change what they are made of.
    lease: Option<Lease>,
}

/// Until when what others may change can be trusted.
#[derive(Debug)]
struct Lease {
    start: Instant,
    /// In milliseconds from the start.
    end: AtomicU64,
}

impl Lease {
    fn holds(&self) -> bool {
        let now = Instant::now().saturating_duration_since(self.start);
        now.as_millis() < u128::from(self.end.load(Ordering::Relaxed))
    }

    fn renew(&self, current: Instant) {
        let end = (current + LEASE).saturating_duration_since(self.start);
        let end = u64::try_from(end.as_millis()).unwrap_or(0);
        self.end.store(end, Ordering::Relaxed);
    }

    fn end(&self) {
        self.end.store(0, Ordering::Relaxed);
    }
}

#[derive(Debug, Default)]
struct Shard {
    held: HashMap<AgentId, Arc<AgentSnapshot>>,
    /// How many drops there were. Who listens is told of each.
    drops: watch::Sender<u64>,
}

impl Snapshots {
    /// None yet. `shared` says whether other processes change what they are made of.
    pub(crate) fn new(shared: bool) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            lease: shared.then(|| Lease {
                start: Instant::now(),
                end: AtomicU64::new(0),
            }),
        }
    }

    /// Whether other processes change what they are made of.
    pub(crate) fn are_shared(&self) -> bool {
        self.lease.is_some()
    }

    /// Whether what is in memory is what the store has.
    pub(crate) fn are_current(&self) -> bool {
        self.lease.as_ref().is_none_or(Lease::holds)
    }

    /// Takes in what another process, or this one, has changed.
    pub(crate) fn hear(&self, news: &News) {
        match news {
            News::Agent(agent) => self.drop_agents([agent]),
            News::Host(host) => self.drop_host(host),
            News::Current(current) => {
                if let Some(lease) = &self.lease {
                    lease.renew(*current);
                }
            }
        }
    }

    /// Trusts nothing from now on until it hears that it is current.
    pub(crate) fn distrust(&self) {
        if let Some(lease) = &self.lease {
            lease.end();
        }
    }

    /// Drops all of them.
    pub(crate) fn drop_all(&self) {
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.held.clear();
            shard.drops.send_modify(|drops| *drops += 1);
        }
    }

    /// The snapshot of an agent, from memory or the store. `None` when no such agent exists.
    pub(crate) async fn load(
        &self,
        ctx: &Context,
        id: &AgentId,
    ) -> StoreResult<Option<Arc<AgentSnapshot>>> {
        let drops = {
            let shard = self.shard(id);
            if let Some(snapshot) = shard.held.get(id).filter(|_| self.are_current()) {
                return Ok(Some(Arc::clone(snapshot)));
            }
            *shard.drops.borrow()
        };
        let Some(snapshot) = read_in_time(ctx, id).await? else {
            return Ok(None);
        };
        let snapshot = Arc::new(snapshot);
        self.keep(&snapshot, drops);
        Ok(Some(snapshot))
    }

    /// The snapshot of an agent that was judged before, if it may still act.
    pub(crate) async fn load_active(
        &self,
        ctx: &Context,
        id: &AgentId,
        now: Timestamp,
    ) -> ServiceResult<Arc<AgentSnapshot>> {
        let snapshot = self.load(ctx, id).await?.ok_or(Refusal::AgentRevoked)?;
        snapshot.require_active(&ctx.policy().lifetime, now)?;
        Ok(snapshot)
    }

    /// Puts a refreshed snapshot in place of the one it was made from.
    pub(crate) fn replace(&self, old: &Arc<AgentSnapshot>, new: &Arc<AgentSnapshot>) {
        let mut shard = self.shard(&new.agent.id);
        if shard
            .held
            .get(&new.agent.id)
            .is_some_and(|held| Arc::ptr_eq(held, old))
        {
            shard.held.insert(new.agent.id.clone(), Arc::clone(new));
        }
    }

    /// Drops the snapshots of these agents. Call it after the commit and before the answer.
    pub(crate) fn drop_agents<'a>(&self, agents: impl IntoIterator<Item = &'a AgentId>) {
        for id in agents {
            let mut shard = self.shard(id);
            shard.held.remove(id);
            shard.drops.send_modify(|drops| *drops += 1);
        }
    }

    /// Drops the snapshots of all agents of a host. Looks at every snapshot, which is fine for what is rare.
    pub(crate) fn drop_host(&self, host: &HostId) {
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.held.retain(|_, snapshot| snapshot.host.id != *host);
            shard.drops.send_modify(|drops| *drops += 1);
        }
    }

    /// Tells of every write that touches this agent, and of some that touch others.
    pub(crate) fn watch(&self, id: &AgentId) -> watch::Receiver<u64> {
        self.shard(id).drops.subscribe()
    }

    fn keep(&self, snapshot: &Arc<AgentSnapshot>, drops: u64) {
        let mut shard = self.shard(&snapshot.agent.id);
        if *shard.drops.borrow() != drops {
            return;
        }
        if shard.held.len() >= MAX_PER_SHARD {
            // Which ones go matters little: whoever is busy is back after one load.
            let half: Vec<_> = shard.held.keys().take(MAX_PER_SHARD / 2).cloned().collect();
            for id in half {
                shard.held.remove(&id);
            }
        }
        shard
            .held
            .insert(snapshot.agent.id.clone(), Arc::clone(snapshot));
    }

    fn shard(&self, id: &AgentId) -> MutexGuard<'_, Shard> {
        // The last digits of an identifier are random.
        let text = id.as_str().as_bytes();
        let digit = |back: usize| {
            text.get(text.len().wrapping_sub(back))
                .copied()
                .unwrap_or(0)
        };
        let at = (usize::from(digit(1)) * 31 + usize::from(digit(2))) % SHARDS;
        // A poisoned lock means a panic elsewhere; the map itself is whole after every operation.
        self.shards[at]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whoever asks should be refused soon when the store does not answer.
async fn read_in_time(ctx: &Context, id: &AgentId) -> StoreResult<Option<AgentSnapshot>> {
    let reading = timeout(READ_WITHIN, read(ctx, id)).await;
    reading.unwrap_or_else(|_| Err(StoreError::Unavailable("it does not answer in time".into())))
}

async fn read(ctx: &Context, id: &AgentId) -> StoreResult<Option<AgentSnapshot>> {
    let mut tx = ctx.read().await?;
    let Some(agent) = tx.find_agent(id).await? else {
        return Ok(None);
    };
    let host = tx.load_host(&agent.host_id).await?;
    let grants = tx.list_grants_by_agent(id).await?;
    Ok(Some(AgentSnapshot::new(agent, host, grants)))
}

/// For how long memory is trusted without news.
const LEASE: Duration = Duration::from_millis(500);
const READ_WITHIN: Duration = Duration::from_secs(5);
const SHARDS: usize = 64;
/// Some 100,000 agents in all.
const MAX_PER_SHARD: usize = 1600;
