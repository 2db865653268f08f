use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::Arc;

use async_trait::async_trait;
use procura_agent_auth::agent::{Agent, AgentState, AgentStatus};
use procura_agent_auth::grant::{Grant, GrantState, GrantStatus};
use procura_agent_auth::host::HostStatus;
use procura_agent_auth::id::{AgentId, ApprovalId, UserId};
use procura_keys::clock::Timestamp;

use super::MemoryTransaction;
use super::dependent::Dependent;
use super::state::{State, length};
use crate::StoreResult;
use crate::housekeeping::HousekeepingStore;

#[async_trait]
impl HousekeepingStore for MemoryTransaction {
    async fn delete_forgotten(&mut self, now: Timestamp, limit: u32) -> StoreResult<u64> {
        let seen = Arc::make_mut(&mut self.change()?.seen);
        Ok(remove(seen, limit, |forget_at| *forget_at <= now))
    }

    async fn delete_expired_sessions(&mut self, now: Timestamp, limit: u32) -> StoreResult<u64> {
        let sessions = Arc::make_mut(&mut self.change()?.sessions);
        Ok(remove(sessions, limit, |session| !session.is_live(now)))
    }

    async fn delete_stale_agents(
        &mut self,
        before: Timestamp,
        now: Timestamp,
        limit: u32,
    ) -> StoreResult<Vec<AgentId>> {
        let state = self.change()?;
        let waits = |agent: &Agent| {
            let never_active = matches!(
                agent.state,
                AgentState::Pending {
                    activated_at: None,
                    ..
                }
            );
            never_active && agent.created_at < before
        };
        let gone = waiting_in_vain(state, now, limit, waits);
        Arc::make_mut(&mut state.agents).retain(|id, _| !gone.contains(id));
        self.remove_requests_and_grants(&gone)?;
        Ok(gone)
    }

    async fn expire_stale_reactivations(
        &mut self,
        before: Timestamp,
        now: Timestamp,
        limit: u32,
    ) -> StoreResult<Vec<AgentId>> {
        let state = self.change()?;
        let waits = |agent: &Agent| {
            let was_active = agent.state.activated_at().is_some();
            was_active && agent.state.status() == AgentStatus::Pending && agent.updated_at < before
        };
        let expired = waiting_in_vain(state, now, limit, waits);
        for agent in Arc::make_mut(&mut state.agents).values_mut() {
            if let (true, Some(activated_at)) =
                (expired.contains(&agent.id), agent.state.activated_at())
            {
                agent.state = AgentState::Expired { activated_at };
                agent.updated_at = now;
            }
        }
        Ok(expired)
    }

    async fn delete_stale_hosts(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        let state = self.change()?;
        let agents = Arc::clone(&state.agents);
        let hosts = Arc::make_mut(&mut state.hosts);
        Ok(remove_sorted(hosts, limit, |host| {
            host.status == HostStatus::Pending
                && host.created_at < before
                && !agents.values().any(|agent| agent.host_id == host.id)
        }))
    }

    async fn delete_old_approvals(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        let state = self.change()?;
        let grants = Arc::clone(&state.grants);
        let awaited = |id: &ApprovalId| grants.iter().any(|grant| waits_for(grant) == Some(id));
        let approvals = Arc::make_mut(&mut state.approvals);
        Ok(remove_sorted(approvals, limit, |approval| {
            approval.expires_at < before && !awaited(&approval.id)
        }))
    }

    async fn delete_unanswered_grants(
        &mut self,
        before: Timestamp,
        limit: u32,
    ) -> StoreResult<u64> {
        let state = self.change()?;
        let (agents, approvals) = (Arc::clone(&state.agents), Arc::clone(&state.approvals));
        Ok(remove_grants(state, limit, |grant| {
            let request = waits_for(grant).and_then(|id| approvals.get(id));
            let agent = agents.get(&grant.agent_id);
            request.is_some_and(|request| request.expires_at < before)
                && agent.is_some_and(|agent| agent.state.status() != AgentStatus::Pending)
        }))
    }

    async fn delete_ended_grants(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        let state = self.change()?;
        let agents = Arc::clone(&state.agents);
        Ok(remove_grants(state, limit, |grant| {
            let settled = matches!(
                grant.state.status(),
                GrantStatus::Denied | GrantStatus::Withdrawn | GrantStatus::Revoked
            );
            let agent = agents.get(&grant.agent_id);
            settled && grant.updated_at < before && agent.is_some_and(has_ended)
        }))
    }

    async fn delete_requests_and_grants_of(&mut self, user: &UserId) -> StoreResult<()> {
        let state = self.change()?;
        let theirs = |agent: &&Agent| agent.user_id.as_ref() == Some(user) && has_ended(agent);
        let ended: Vec<_> = state.agents.values().filter(theirs).collect();
        let ended: Vec<_> = ended.into_iter().map(|agent| agent.id.clone()).collect();
        self.remove_requests_and_grants(&ended)
    }

    async fn insert_due_erasure(&mut self, user: &UserId) -> StoreResult<()> {
        Arc::make_mut(&mut self.change()?.due_erasures).insert(user.0.clone());
        Ok(())
    }

    async fn list_due_erasures(&mut self, limit: u32) -> StoreResult<Vec<UserId>> {
        let due = self.state.due_erasures.iter().take(length(limit));
        Ok(due.cloned().map(UserId).collect())
    }

    async fn delete_due_erasure(&mut self, user: &UserId) -> StoreResult<()> {
        Arc::make_mut(&mut self.change()?.due_erasures).remove(&user.0);
        Ok(())
    }
}

impl MemoryTransaction {
    /// A grant that is left may not wait for a request that is gone.
    fn remove_requests_and_grants(&mut self, agents: &[AgentId]) -> StoreResult<()> {
        let state = self.change()?;
        Arc::make_mut(&mut state.grants).retain(|grant| !agents.contains(&grant.agent_id));
        Arc::make_mut(&mut state.approvals).retain(|_, one| !agents.contains(&one.agent_id));
        let waiting = state
            .grants
            .iter()
            .filter(|grant| waits_for(grant).is_some());
        let waiting: Vec<_> = waiting
            .map(|grant| Dependent::Grant(grant.id.clone()))
            .collect();
        for grant in waiting {
            self.check_later(grant);
        }
        Ok(())
    }
}

/// The first agents that `picked` accepts and that have no request which can still be answered.
fn waiting_in_vain(
    state: &State,
    now: Timestamp,
    limit: u32,
    picked: impl Fn(&Agent) -> bool,
) -> Vec<AgentId> {
    let answerable = |agent: &Agent| {
        let mut requests = state.approvals.values();
        requests.any(|one| one.agent_id == agent.id && one.require_open(now).is_ok())
    };
    let agents = state.agents.values();
    let agents = agents.filter(|agent| picked(agent) && !answerable(agent));
    let agents = agents.take(length(limit));
    agents.map(|agent| agent.id.clone()).collect()
}

fn waits_for(grant: &Grant) -> Option<&ApprovalId> {
    match &grant.state {
        GrantState::Pending { approval_id } => Some(approval_id),
        _ => None,
    }
}

fn has_ended(agent: &Agent) -> bool {
    matches!(
        agent.state.status(),
        AgentStatus::Revoked | AgentStatus::Rejected | AgentStatus::Claimed
    )
}

fn remove_grants(state: &mut State, limit: u32, goes: impl Fn(&Grant) -> bool) -> u64 {
    let mut left = length(limit);
    let grants = Arc::make_mut(&mut state.grants);
    let before = grants.len();
    grants.retain(|grant| {
        let stays = left == 0 || !goes(grant);
        left -= usize::from(!stays);
        stays
    });
    (before - grants.len()) as u64
}

fn remove<K: Eq + Hash, V>(
    table: &mut HashMap<K, V>,
    limit: u32,
    goes: impl Fn(&V) -> bool,
) -> u64 {
    let mut left = length(limit);
    let before = table.len();
    table.retain(|_, row| {
        let stays = left == 0 || !goes(row);
        left -= usize::from(!stays);
        stays
    });
    (before - table.len()) as u64
}

fn remove_sorted<K: Ord, V>(
    table: &mut BTreeMap<K, V>,
    limit: u32,
    goes: impl Fn(&V) -> bool,
) -> u64 {
    let mut left = length(limit);
    let before = table.len();
    table.retain(|_, row| {
        let stays = left == 0 || !goes(row);
        left -= usize::from(!stays);
        stays
    });
    (before - table.len()) as u64
}
