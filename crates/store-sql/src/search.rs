//! One statement for each index that can lead to what is looked for; the other conditions judge what it finds. Where
//! PostgreSQL would take such a condition for a reason to sort, it is a `CASE`, of which it expects less.

use std::ops::Range;

use async_trait::async_trait;
use procura_agent_auth::agent::{Agent, AgentStatus, Mode};
use procura_agent_auth::capability::CapabilityName;
use procura_agent_auth::grant::Grant;
use procura_agent_auth::host::{Host, HostStatus};
use procura_agent_auth::id::{AgentId, GrantId, HostId};
use procura_people::person::{Email, Person};
use procura_store::audit::AuditRecord;
use procura_store::search::{AgentSearch, AuditSearch, HostSearch, SearchStore};
use procura_store::{Page, StoreResult};

use crate::agents::AgentRow;
use crate::audit::AuditRow;
use crate::column::records;
use crate::dialect;
use crate::error::failed;
use crate::grants::GrantRow;
use crate::hosts::HostRow;
use crate::persons::PersonRow;
use crate::transaction::SqlTransaction;

#[async_trait]
impl SearchStore for SqlTransaction {
    async fn search_agents(
        &mut self,
        search: &AgentSearch,
        page: Page<AgentId>,
    ) -> StoreResult<Vec<Agent>> {
        let rows = match &search.name {
            Some(prefix) => self.agents_by_name(prefix, search, page).await,
            None => self.newest_agents(search, page).await,
        };
        records(rows.map_err(failed)?)
    }

    async fn search_hosts(
        &mut self,
        search: &HostSearch,
        page: Page<HostId>,
    ) -> StoreResult<Vec<Host>> {
        let rows = match &search.name {
            Some(prefix) => self.hosts_by_name(prefix, search, page).await,
            None => self.newest_hosts(search, page).await,
        };
        records(rows.map_err(failed)?)
    }

    async fn search_persons(
        &mut self,
        prefix: &str,
        page: Page<Email>,
    ) -> StoreResult<Vec<Person>> {
        let after = page.after.as_ref().map_or("", Email::as_str);
        let rows = sqlx::query_as!(
            PersonRow,
            "SELECT * FROM persons WHERE email >= $1 AND email < $2 AND email > $3
            ORDER BY email LIMIT $4",
            prefix,
            end_of(prefix),
            after,
            i64::from(page.limit),
        );
        records(rows.fetch_all(self.connection()).await.map_err(failed)?)
    }

    async fn list_holders(
        &mut self,
        capability: &CapabilityName,
        page: Page<GrantId>,
    ) -> StoreResult<Vec<Grant>> {
        let before = page.after.as_ref().map_or(LAST, GrantId::as_str);
        let rows = sqlx::query_as!(
            GrantRow,
            "SELECT id, agent_id, capability, constraints, status, approval_id, decided_by, reason,
                expires_at, uses_allowed, uses_left, form, created_at, updated_at
            FROM aap_grants WHERE capability = $1 AND status = 'active' AND id < $2
            ORDER BY id DESC LIMIT $3",
            capability.as_str(),
            before,
            i64::from(page.limit),
        );
        records(rows.fetch_all(self.connection()).await.map_err(failed)?)
    }

    async fn search_audit(
        &mut self,
        search: &AuditSearch,
        places: Range<i64>,
        limit: u32,
    ) -> StoreResult<Vec<AuditRecord>> {
        let rows = self.audit_rows(search, places, limit).await;
        records(rows.map_err(failed)?)
    }
}

/// Agents.
impl SqlTransaction {
    /// Goes on behind the agent that the page names, in the order of names.
    async fn agents_by_name(
        &mut self,
        prefix: &str,
        search: &AgentSearch,
        page: Page<AgentId>,
    ) -> sqlx::Result<Vec<AgentRow>> {
        let prefix = prefix.to_ascii_lowercase();
        let after = page.after.as_ref().map_or("", AgentId::as_str);
        let name = sqlx::query_scalar!("SELECT name FROM aap_agents WHERE id = $1", after)
            .fetch_optional(self.connection())
            .await?;
        let start = name.map_or_else(|| prefix.clone(), |name| name.to_ascii_lowercase());
        sqlx::query_as!(
            AgentRow,
            "SELECT * FROM aap_agents
            WHERE lower(name) >= $1 AND lower(name) < $2 AND (lower(name) > $1 OR id > $3)
                AND CASE WHEN status = $5 THEN true ELSE $5 IS NULL END
                AND CASE WHEN mode = $6 THEN true ELSE $6 IS NULL END
                AND CASE WHEN host_id = $7 THEN true ELSE $7 IS NULL END
                AND CASE WHEN user_id = $8 THEN true ELSE $8 IS NULL END
            ORDER BY lower(name), id LIMIT $4",
            start,
            end_of(&prefix),
            after,
            i64::from(page.limit),
            search.status.map(AgentStatus::as_str),
            search.mode.map(Mode::as_str),
            search.host_id.as_ref().map(HostId::as_str),
            search.user_id.as_ref().map(|id| id.0.as_str()),
        )
        .fetch_all(self.connection())
        .await
    }

    async fn newest_agents(
        &mut self,
        search: &AgentSearch,
        page: Page<AgentId>,
    ) -> sqlx::Result<Vec<AgentRow>> {
        let before = page.after.as_ref().map_or(LAST, AgentId::as_str);
        let limit = i64::from(page.limit);
        let status = search.status.map(AgentStatus::as_str);
        let mode = search.mode.map(Mode::as_str);
        let user = search.user_id.as_ref().map(|id| id.0.as_str());
        if let Some(host) = search.host_id.as_ref().map(HostId::as_str) {
            sqlx::query_as!(
                AgentRow,
                "SELECT * FROM aap_agents
                WHERE host_id = $3 AND id < $1 AND status = coalesce($4, status)
                    AND mode = coalesce($5, mode)
                    AND coalesce(user_id, '') = coalesce($6, user_id, '')
                ORDER BY id DESC LIMIT $2",
                before,
                limit,
                host,
                status,
                mode,
                user,
            )
            .fetch_all(self.connection())
            .await
        } else if let Some(user) = user {
            sqlx::query_as!(
                AgentRow,
                "SELECT * FROM aap_agents
                WHERE user_id = $3 AND id < $1 AND status = coalesce($4, status)
                    AND mode = coalesce($5, mode)
                ORDER BY id DESC LIMIT $2",
                before,
                limit,
                user,
                status,
                mode,
            )
            .fetch_all(self.connection())
            .await
        } else if let Some(mode) = mode.filter(|_| leads(search)) {
            sqlx::query_as!(
                AgentRow,
                "SELECT * FROM aap_agents
                WHERE mode = $3 AND id < $1 AND status = coalesce($4, status)
                ORDER BY id DESC LIMIT $2",
                before,
                limit,
                mode,
                status,
            )
            .fetch_all(self.connection())
            .await
        } else if let Some(status) = status {
            sqlx::query_as!(
                AgentRow,
                "SELECT * FROM aap_agents
                WHERE status = $3 AND id < $1 AND mode = coalesce($4, mode)
                ORDER BY id DESC LIMIT $2",
                before,
                limit,
                status,
                mode,
            )
            .fetch_all(self.connection())
            .await
        } else {
            sqlx::query_as!(
                AgentRow,
                "SELECT * FROM aap_agents WHERE id < $1 ORDER BY id DESC LIMIT $2",
                before,
                limit,
            )
            .fetch_all(self.connection())
            .await
        }
    }
}

/// Whether the mode leads to agents better than their state does. Most agents act for somebody.
fn leads(search: &AgentSearch) -> bool {
    search.status.is_none() || search.mode == Some(Mode::Autonomous)
}

/// Hosts.
impl SqlTransaction {
    /// Goes on behind the host that the page names, in the order of names.
    async fn hosts_by_name(
        &mut self,
        prefix: &str,
        search: &HostSearch,
        page: Page<HostId>,
    ) -> sqlx::Result<Vec<HostRow>> {
        let prefix = prefix.to_ascii_lowercase();
        let after = page.after.as_ref().map_or("", HostId::as_str);
        let name = sqlx::query_scalar!("SELECT name FROM aap_hosts WHERE id = $1", after)
            .fetch_optional(self.connection())
            .await?;
        let start = name
            .flatten()
            .map_or_else(|| prefix.clone(), |name| name.to_ascii_lowercase());
        sqlx::query_as!(
            HostRow,
            "SELECT * FROM aap_hosts
            WHERE lower(name) >= $1 AND lower(name) < $2 AND (lower(name) > $1 OR id > $3)
                AND CASE WHEN status = $5 THEN true ELSE $5 IS NULL END
                AND CASE WHEN user_id = $6 THEN true ELSE $6 IS NULL END
            ORDER BY lower(name), id LIMIT $4",
            start,
            end_of(&prefix),
            after,
            i64::from(page.limit),
            search.status.map(HostStatus::as_str),
            search.user_id.as_ref().map(|id| id.0.as_str()),
        )
        .fetch_all(self.connection())
        .await
    }

    async fn newest_hosts(
        &mut self,
        search: &HostSearch,
        page: Page<HostId>,
    ) -> sqlx::Result<Vec<HostRow>> {
        let before = page.after.as_ref().map_or(LAST, HostId::as_str);
        let limit = i64::from(page.limit);
        let status = search.status.map(HostStatus::as_str);
        if let Some(user) = &search.user_id {
            sqlx::query_as!(
                HostRow,
                "SELECT * FROM aap_hosts
                WHERE user_id = $3 AND id < $1 AND status = coalesce($4, status)
                ORDER BY id DESC LIMIT $2",
                before,
                limit,
                user.0,
                status,
            )
            .fetch_all(self.connection())
            .await
        } else {
            sqlx::query_as!(
                HostRow,
                "SELECT * FROM aap_hosts WHERE id < $1 AND status = coalesce($3, status)
                ORDER BY id DESC LIMIT $2",
                before,
                limit,
                status,
            )
            .fetch_all(self.connection())
            .await
        }
    }
}

/// The audit log.
impl SqlTransaction {
    async fn audit_rows(
        &mut self,
        search: &AuditSearch,
        places: Range<i64>,
        limit: u32,
    ) -> sqlx::Result<Vec<AuditRow>> {
        let stored = |text: &Option<String>| {
            let text = text.as_deref();
            text.map(|text| String::from(dialect::stored(text)))
        };
        let limit = i64::from(limit);
        let (event, outcome) = (stored(&search.event), stored(&search.outcome));
        let (capability, host) = (stored(&search.capability), stored(&search.host_id));
        let (user, agent) = (stored(&search.user_id), stored(&search.agent_id));
        if let Some(agent) = agent {
            sqlx::query_as!(
                AuditRow,
                "SELECT * FROM audit_log
                WHERE agent_id = $4 AND sequence >= $1 AND sequence < $2
                    AND event = coalesce($5, event) AND outcome = coalesce($6, outcome)
                    AND coalesce(capability, '') = coalesce($7, capability, '')
                    AND coalesce(host_id, '') = coalesce($8, host_id, '')
                    AND coalesce(user_id, '') = coalesce($9, user_id, '')
                ORDER BY sequence DESC LIMIT $3",
                places.start,
                places.end,
                limit,
                agent,
                event,
                outcome,
                capability,
                host,
                user,
            )
            .fetch_all(self.connection())
            .await
        } else if let Some(user) = user {
            sqlx::query_as!(
                AuditRow,
                "SELECT * FROM audit_log
                WHERE user_id = $4 AND sequence >= $1 AND sequence < $2
                    AND event = coalesce($5, event) AND outcome = coalesce($6, outcome)
                    AND coalesce(capability, '') = coalesce($7, capability, '')
                    AND coalesce(host_id, '') = coalesce($8, host_id, '')
                ORDER BY sequence DESC LIMIT $3",
                places.start,
                places.end,
                limit,
                user,
                event,
                outcome,
                capability,
                host,
            )
            .fetch_all(self.connection())
            .await
        } else {
            sqlx::query_as!(
                AuditRow,
                "SELECT * FROM audit_log
                WHERE sequence >= $1 AND sequence < $2
                    AND event = coalesce($4, event) AND outcome = coalesce($5, outcome)
                    AND coalesce(capability, '') = coalesce($6, capability, '')
                    AND coalesce(host_id, '') = coalesce($7, host_id, '')
                ORDER BY sequence DESC LIMIT $3",
                places.start,
                places.end,
                limit,
                event,
                outcome,
                capability,
                host,
            )
            .fetch_all(self.connection())
            .await
        }
    }
}

/// Where the texts end that begin with `prefix`, sorted by their bytes.
fn end_of(prefix: &str) -> String {
    format!("{prefix}{}", char::MAX)
}

/// Sorts behind every identifier.
const LAST: &str = "~";
