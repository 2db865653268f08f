//! What the path of every call needs of an agent, loaded once and kept until a write touches it.
//!
//! A snapshot is dropped by every write that changes what it holds, before that write is reported as done, so
//! that the next request sees the change. A load that began before such a write cannot put its result in
//! afterwards: each shard counts its drops, and a result from before the latest drop is not kept.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use procura_agent_auth::agent::Agent;
use procura_agent_auth::grant::Grant;
use procura_agent_auth::host::Host;
use procura_agent_auth::id::{AgentId, HostId};
use procura_agent_auth::lifetime::{self, LifetimePolicy};
use procura_agent_auth::refusal::Refusal;
use procura_keys::clock::Timestamp;
use procura_store::StoreResult;
use tokio::sync::watch;

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
}

#[derive(Debug, Default)]
struct Shard {
    held: HashMap<AgentId, Arc<AgentSnapshot>>,
    /// How many drops there were. Who listens is told of each.
    drops: watch::Sender<u64>,
}

impl Default for Snapshots {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }
}

impl Snapshots {
    /// The snapshot of an agent, from memory or the store. `None` when no such agent exists.
    pub(crate) async fn load(
        &self,
        ctx: &Context,
        id: &AgentId,
    ) -> StoreResult<Option<Arc<AgentSnapshot>>> {
        let drops = {
            let shard = self.shard(id);
            if let Some(snapshot) = shard.held.get(id) {
                return Ok(Some(Arc::clone(snapshot)));
            }
            *shard.drops.borrow()
        };
        let mut tx = ctx.read().await?;
        let Some(agent) = tx.find_agent(id).await? else {
            return Ok(None);
        };
        let host = tx.load_host(&agent.host_id).await?;
        let grants = tx.list_grants_by_agent(id).await?;
        let snapshot = Arc::new(AgentSnapshot::new(agent, host, grants));
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

const SHARDS: usize = 64;
/// Some 100,000 agents in all.
const MAX_PER_SHARD: usize = 1600;
