use std::ops::Range;

use async_trait::async_trait;
use procura_agent_auth::agent::Agent;
use procura_agent_auth::capability::CapabilityName;
use procura_agent_auth::grant::{Grant, GrantStatus};
use procura_agent_auth::host::Host;
use procura_agent_auth::id::{AgentId, GrantId, HostId};
use procura_people::person::{Email, Person};

use super::MemoryTransaction;
use super::state::length;
use crate::audit::AuditRecord;
use crate::search::{AgentSearch, AuditSearch, HostSearch, SearchStore};
use crate::{Page, StoreResult};

#[async_trait]
impl SearchStore for MemoryTransaction {
    async fn search_agents(
        &mut self,
        search: &AgentSearch,
        page: Page<AgentId>,
    ) -> StoreResult<Vec<Agent>> {
        let agents = self.state.agents.values();
        let found = agents.filter(|agent| {
            is_wanted(search.status.as_ref(), &agent.state.status())
                && is_wanted(search.mode.as_ref(), &agent.mode)
                && is_wanted(search.host_id.as_ref(), &agent.host_id)
                && (search.user_id.is_none() || search.user_id == agent.user_id)
        });
        let named = found.map(|agent| (Some(agent.name.as_str()), &agent.id, agent));
        Ok(page_of(named, search.name.as_deref(), &page))
    }

    async fn search_hosts(
        &mut self,
        search: &HostSearch,
        page: Page<HostId>,
    ) -> StoreResult<Vec<Host>> {
        let hosts = self.state.hosts.values();
        let found = hosts.filter(|host| {
            is_wanted(search.status.as_ref(), &host.status)
                && (search.user_id.is_none() || search.user_id == host.user_id)
        });
        let named = found.map(|host| (host.name.as_deref(), &host.id, host));
        Ok(page_of(named, search.name.as_deref(), &page))
    }

    async fn search_persons(
        &mut self,
        prefix: &str,
        page: Page<Email>,
    ) -> StoreResult<Vec<Person>> {
        let persons = self.state.persons.values();
        let mut found: Vec<_> = persons
            .filter(|person| person.email.as_str().starts_with(prefix))
            .filter(|person| {
                page.after
                    .as_ref()
                    .is_none_or(|after| person.email > *after)
            })
            .cloned()
            .collect();
        found.sort_unstable_by(|one, other| one.email.cmp(&other.email));
        found.truncate(length(page.limit));
        Ok(found)
    }

    async fn list_holders(
        &mut self,
        capability: &CapabilityName,
        page: Page<GrantId>,
    ) -> StoreResult<Vec<Grant>> {
        let grants = self.state.grants.iter();
        let mut found: Vec<_> = grants
            .filter(|grant| grant.capability == *capability)
            .filter(|grant| grant.state.status() == GrantStatus::Active)
            .filter(|grant| page.after.as_ref().is_none_or(|after| grant.id < *after))
            .cloned()
            .collect();
        found.sort_unstable_by(|one, other| other.id.cmp(&one.id));
        found.truncate(length(page.limit));
        Ok(found)
    }

    async fn search_audit(
        &mut self,
        search: &AuditSearch,
        places: Range<i64>,
        limit: u32,
    ) -> StoreResult<Vec<AuditRecord>> {
        if places.is_empty() {
            return Ok(Vec::new());
        }
        let records = self.state.audit.range(places).rev();
        let found = records.filter(|(_, record)| search.matches(record));
        let records = found.take(length(limit));
        Ok(records.map(|(_, record)| record.as_ref().clone()).collect())
    }
}

/// Whether a record has what is looked for, if anything is.
fn is_wanted<T: PartialEq>(wanted: Option<&T>, has: &T) -> bool {
    wanted.is_none_or(|wanted| wanted == has)
}

/// By name when one is looked for, and newest first otherwise. The rows come oldest first.
fn page_of<'a, K: Ord + 'a, V: Clone + 'a>(
    rows: impl Iterator<Item = (Option<&'a str>, &'a K, &'a V)>,
    prefix: Option<&str>,
    page: &Page<K>,
) -> Vec<V> {
    let mut rows: Vec<_> = rows
        .map(|(name, id, row)| (name.map(str::to_ascii_lowercase), id, row))
        .collect();
    if let Some(prefix) = prefix {
        let prefix = prefix.to_ascii_lowercase();
        rows.retain(|(name, ..)| {
            name.as_deref()
                .is_some_and(|name| name.starts_with(&prefix))
        });
        rows.sort_unstable_by(|one, other| (&one.0, one.1).cmp(&(&other.0, other.1)));
    } else {
        rows.reverse();
    }
    let start = match &page.after {
        None => 0,
        Some(after) => rows
            .iter()
            .position(|(_, id, _)| *id == after)
            .map_or(rows.len(), |at| at + 1),
    };
    let page = rows.into_iter().skip(start).take(length(page.limit));
    page.map(|(.., row)| row.clone()).collect()
}
