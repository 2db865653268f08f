use procura_agent_auth::id::{AgentId, ApprovalId, HostId};
use procura_people::person::PersonId;

use super::state::State;
use crate::{StoreError, StoreResult};

/// A record that another one points at.
#[derive(Debug)]
pub(super) enum Reference {
    Host(HostId),
    Agent(AgentId),
    Approval(ApprovalId),
    Person(PersonId),
}

impl Reference {
    pub(super) fn require_in(&self, state: &State) -> StoreResult<()> {
        let (exists, what) = match self {
            Self::Host(id) => (state.hosts.contains_key(id), "host"),
            Self::Agent(id) => (state.agents.contains_key(id), "agent"),
            Self::Approval(id) => (state.approvals.contains_key(id), "approval request"),
            Self::Person(id) => (state.persons.contains_key(id), "person"),
        };
        if exists {
            Ok(())
        } else {
            Err(StoreError::NotFound(what))
        }
    }
}
