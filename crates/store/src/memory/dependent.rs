use procura_agent_auth::grant::{Grant, GrantState};
use procura_agent_auth::id::{AgentId, ApprovalId, GrantId, HostId};
use procura_people::passkey::PasskeyId;
use procura_people::person::PersonId;

use super::state::State;
use crate::{StoreError, StoreResult};

/// A record that points at others, which have to exist when it is committed.
#[derive(Debug)]
pub(super) enum Dependent {
    Agent(AgentId),
    Grant(GrantId),
    Approval(ApprovalId),
    Session([u8; 32]),
    Passkey(PasskeyId),
    RecoveryCodes(PersonId),
    Identity((String, String)),
    VaultEntry((PersonId, String)),
}

impl Dependent {
    /// A record that is gone by now needs nothing.
    pub(super) fn check(&self, state: &State) -> StoreResult<()> {
        match self {
            Self::Agent(id) => state
                .agents
                .get(id)
                .map_or(Ok(()), |agent| require_host(state, &agent.host_id)),
            Self::Grant(id) => state
                .grants
                .iter()
                .find(|grant| grant.id == *id)
                .map_or(Ok(()), |grant| check_grant(state, grant)),
            Self::Approval(id) => state.approvals.get(id).map_or(Ok(()), |approval| {
                require_agent(state, &approval.agent_id)?;
                require_host(state, &approval.host_id)
            }),
            Self::Session(digest) => state
                .sessions
                .get(digest)
                .map_or(Ok(()), |session| require_person(state, &session.person_id)),
            Self::Passkey(id) => state
                .passkeys
                .get(id)
                .map_or(Ok(()), |passkey| require_person(state, &passkey.person_id)),
            Self::Identity(key) => state.identities.get(key).map_or(Ok(()), |identity| {
                require_person(state, &identity.person_id)
            }),
            Self::VaultEntry(key) => state
                .vault
                .get(key)
                .map_or(Ok(()), |entry| require_person(state, &entry.person_id)),
            Self::RecoveryCodes(person) => {
                let mut codes = state.recovery_codes.iter();
                if codes.any(|(owner, _)| owner == person) {
                    require_person(state, person)
                } else {
                    Ok(())
                }
            }
        }
    }
}

fn check_grant(state: &State, grant: &Grant) -> StoreResult<()> {
    require_agent(state, &grant.agent_id)?;
    match &grant.state {
        GrantState::Pending { approval_id } => require(
            state.approvals.contains_key(approval_id),
            "approval request",
        ),
        _ => Ok(()),
    }
}

fn require_host(state: &State, id: &HostId) -> StoreResult<()> {
    require(state.hosts.contains_key(id), "host")
}

fn require_agent(state: &State, id: &AgentId) -> StoreResult<()> {
    require(state.agents.contains_key(id), "agent")
}

fn require_person(state: &State, id: &PersonId) -> StoreResult<()> {
    require(state.persons.contains_key(id), "person")
}

fn require(exists: bool, what: &'static str) -> StoreResult<()> {
    exists.then_some(()).ok_or(StoreError::NotFound(what))
}
