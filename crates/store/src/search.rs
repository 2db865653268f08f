//! Finding records among many, for people who look: page by page, newest first unless said otherwise.

use std::ops::Range;

use async_trait::async_trait;
use procura_agent_auth::agent::{Agent, AgentStatus, Mode};
use procura_agent_auth::capability::CapabilityName;
use procura_agent_auth::grant::Grant;
use procura_agent_auth::host::{Host, HostStatus};
use procura_agent_auth::id::{AgentId, GrantId, HostId, UserId};
use procura_people::person::{Email, Person};

use crate::audit::AuditRecord;
use crate::{Page, StoreResult};

/// Which agents to find. An empty search finds all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentSearch {
    /// Whose name begins like this, whatever the case of its ASCII letters. They come in the order of their names.
    pub name: Option<String>,
    /// In this stored state.
    pub status: Option<AgentStatus>,
    /// Of this mode.
    pub mode: Option<Mode>,
    /// Of this host.
    pub host_id: Option<HostId>,
    /// Which act for this person.
    pub user_id: Option<UserId>,
}

/// Which hosts to find. An empty search finds all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostSearch {
    /// Whose name begins like this, whatever the case of its ASCII letters. They come in the order of their names.
    pub name: Option<String>,
    /// In this state.
    pub status: Option<HostStatus>,
    /// Linked to this person.
    pub user_id: Option<UserId>,
}

/// Which records of the audit log to find. An empty search finds all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditSearch {
    /// Of this event.
    pub event: Option<String>,
    /// With this outcome.
    pub outcome: Option<String>,
    /// About this capability.
    pub capability: Option<String>,
    /// About this person.
    pub user_id: Option<String>,
    /// About this host.
    pub host_id: Option<String>,
    /// About this agent.
    pub agent_id: Option<String>,
}

impl AuditSearch {
    /// Whether an index leads to what is looked for. Without one, only a part of the log should be looked through.
    pub fn is_indexed(&self) -> bool {
        self.user_id.is_some() || self.agent_id.is_some()
    }

    /// Whether this is what is looked for. What was erased is about nobody any more.
    pub fn matches(&self, record: &AuditRecord) -> bool {
        let activity = record.activity.as_ref();
        let is = |wanted: &Option<String>, has: Option<&String>| {
            wanted.as_ref().is_none_or(|wanted| has == Some(wanted))
        };
        is(&self.event, Some(&record.event))
            && is(&self.outcome, Some(&record.outcome))
            && is(
                &self.capability,
                activity.and_then(|it| it.capability.as_ref()),
            )
            && is(&self.user_id, activity.and_then(|it| it.user_id.as_ref()))
            && is(&self.host_id, activity.and_then(|it| it.host_id.as_ref()))
            && is(&self.agent_id, activity.and_then(|it| it.agent_id.as_ref()))
    }
}

/// Searches.
#[async_trait]
pub trait SearchStore {
    /// Agents that match.
    async fn search_agents(
        &mut self,
        search: &AgentSearch,
        page: Page<AgentId>,
    ) -> StoreResult<Vec<Agent>>;
    /// Hosts that match.
    async fn search_hosts(
        &mut self,
        search: &HostSearch,
        page: Page<HostId>,
    ) -> StoreResult<Vec<Host>>;
    /// Persons whose address begins like this, in the order of their addresses.
    async fn search_persons(&mut self, prefix: &str, page: Page<Email>)
    -> StoreResult<Vec<Person>>;
    /// Active grants of a capability.
    async fn list_holders(
        &mut self,
        capability: &CapabilityName,
        page: Page<GrantId>,
    ) -> StoreResult<Vec<Grant>>;
    /// Records of the audit log at these places that match.
    async fn search_audit(
        &mut self,
        search: &AuditSearch,
        places: Range<i64>,
        limit: u32,
    ) -> StoreResult<Vec<AuditRecord>>;
}
