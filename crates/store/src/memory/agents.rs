use std::sync::Arc;

use async_trait::async_trait;
use procura_agent_auth::agent::{Agent, AgentState, Mode};
use procura_agent_auth::id::{AgentId, HostId, UserId};
use procura_keys::clock::Timestamp;
use procura_keys::key::PublicKey;
use procura_keys::thumbprint::Thumbprint;

use super::MemoryTransaction;
use super::dependent::Dependent;
use super::state::{State, length, rows_after};
use crate::agent_auth::{AgentChange, AgentFilter, AgentStore};
use crate::{Page, StoreError, StoreResult};

#[async_trait]
impl AgentStore for MemoryTransaction {
    async fn insert_agent(&mut self, agent: &Agent) -> StoreResult<()> {
        let agents = Arc::make_mut(&mut self.change()?.agents);
        let taken = |other: &Agent| {
            other.id == agent.id
                || (other.host_id == agent.host_id && other.public_key == agent.public_key)
        };
        if agents.values().any(taken) {
            return Err(StoreError::Conflict("agent"));
        }
        agents.insert(agent.id.clone(), agent.clone());
        self.check_later(Dependent::Agent(agent.id.clone()));
        Ok(())
    }

    async fn find_agent(&mut self, id: &AgentId) -> StoreResult<Option<Agent>> {
        Ok(self.state.agents.get(id).cloned())
    }

    async fn find_agent_by_key(
        &mut self,
        host: &HostId,
        key: &Thumbprint,
    ) -> StoreResult<Option<Agent>> {
        let mut agents = self.state.agents.values();
        Ok(agents
            .find(|agent| agent.host_id == *host && agent.thumbprint() == *key)
            .cloned())
    }

    async fn list_agents(
        &mut self,
        filter: &AgentFilter,
        page: Page<AgentId>,
    ) -> StoreResult<Vec<Agent>> {
        let agents = rows_after(&self.state.agents, page.after.as_ref());
        let matching = agents.filter(|agent| {
            filter
                .host_id
                .as_ref()
                .is_none_or(|id| agent.host_id == *id)
                && filter
                    .status
                    .is_none_or(|status| agent.state.status() == status)
        });
        Ok(matching.take(length(page.limit)).cloned().collect())
    }

    async fn apply_agent(&mut self, change: &AgentChange) -> StoreResult<()> {
        let agents = Arc::make_mut(&mut self.change()?.agents);
        let agent = agents
            .get_mut(&change.id)
            .filter(|agent| agent.state.status() == change.from)
            .ok_or(StoreError::Conflict("agent"))?;
        agent.state = change.to;
        if change.user_id.is_some() {
            agent.user_id.clone_from(&change.user_id);
        }
        agent.updated_at = change.at;
        Ok(())
    }

    async fn rotate_agent_key(
        &mut self,
        id: &AgentId,
        from: &Thumbprint,
        to: &PublicKey,
        at: Timestamp,
    ) -> StoreResult<()> {
        let agents = Arc::make_mut(&mut self.change()?.agents);
        let host_id = agents.get(id).map(|agent| agent.host_id.clone());
        let taken = |other: &Agent| {
            other.id != *id && Some(&other.host_id) == host_id.as_ref() && other.public_key == *to
        };
        if agents.values().any(taken) {
            return Err(StoreError::Conflict("agent"));
        }
        let agent = agents
            .get_mut(id)
            .filter(|agent| agent.thumbprint() == *from)
            .ok_or(StoreError::Conflict("agent"))?;
        agent.public_key = to.clone();
        agent.updated_at = at;
        Ok(())
    }

    async fn touch_agents(&mut self, uses: &[(AgentId, Timestamp)]) -> StoreResult<()> {
        let agents = Arc::make_mut(&mut self.change()?.agents);
        for (id, at) in uses {
            if let Some(agent) = agents.get_mut(id) {
                agent.last_used_at = agent.last_used_at.max(Some(*at));
            }
        }
        Ok(())
    }

    async fn claim_agents_of_host(
        &mut self,
        host: &HostId,
        user: &UserId,
        at: Timestamp,
    ) -> StoreResult<Vec<AgentId>> {
        Ok(end_agents(self.change()?, host, at, |agent| {
            let (Mode::Autonomous, Some(claimed)) = (agent.mode, claimed(agent.state)) else {
                return false;
            };
            agent.state = claimed;
            agent.user_id = Some(user.clone());
            true
        }))
    }

    async fn revoke_agents_made_by(
        &mut self,
        host: &HostId,
        made: Timestamp,
        at: Timestamp,
    ) -> StoreResult<Vec<AgentId>> {
        Ok(end_agents(self.change()?, host, at, |agent| {
            let ends = !has_ended(agent.state) && agent.created_at <= made;
            if ends {
                agent.state = agent.state.revoked();
            }
            ends
        }))
    }

    async fn revoke_agents_of_host(
        &mut self,
        host: &HostId,
        mode: Option<Mode>,
        at: Timestamp,
    ) -> StoreResult<Vec<AgentId>> {
        Ok(end_agents(self.change()?, host, at, |agent| {
            let ends = !has_ended(agent.state) && mode.is_none_or(|mode| agent.mode == mode);
            if ends {
                agent.state = agent.state.revoked();
            }
            ends
        }))
    }
}

/// Hands each agent of a host to `end`, which says whether it changed it.
fn end_agents(
    state: &mut State,
    host: &HostId,
    at: Timestamp,
    end: impl Fn(&mut Agent) -> bool,
) -> Vec<AgentId> {
    let mut ended = Vec::new();
    for agent in Arc::make_mut(&mut state.agents).values_mut() {
        if agent.host_id == *host && end(agent) {
            agent.updated_at = at;
            ended.push(agent.id.clone());
        }
    }
    ended
}

fn claimed(state: AgentState) -> Option<AgentState> {
    match state {
        AgentState::Active { activated_at }
        | AgentState::Expired { activated_at }
        | AgentState::Pending {
            activated_at: Some(activated_at),
            ..
        } => Some(AgentState::Claimed { activated_at }),
        _ => None,
    }
}

fn has_ended(state: AgentState) -> bool {
    match state {
        AgentState::Pending { .. } | AgentState::Active { .. } | AgentState::Expired { .. } => {
            false
        }
        AgentState::Revoked { .. } | AgentState::Rejected { .. } | AgentState::Claimed { .. } => {
            true
        }
    }
}
