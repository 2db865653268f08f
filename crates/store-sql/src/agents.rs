use async_trait::async_trait;
use procura_agent_auth::agent::{Agent, AgentJwks, AgentState, AgentStatus, Mode};
use procura_agent_auth::id::{AgentId, HostId, UserId};
use procura_keys::clock::Timestamp;
use procura_keys::key::PublicKey;
use procura_keys::thumbprint::Thumbprint;
use procura_store::agent_auth::{AgentChange, AgentFilter, AgentStore};
use procura_store::{Page, StoreError, StoreResult};

use crate::column::{self, corrupt, millis, records, time};
use crate::dialect;
use crate::error::{failed, failed_on};
use crate::transaction::SqlTransaction;

#[async_trait]
impl AgentStore for SqlTransaction {
    async fn insert_agent(&mut self, agent: &Agent) -> StoreResult<()> {
        let thumbprint = agent.thumbprint();
        let user_id = agent.user_id.as_ref().map(|id| id.0.as_str());
        let jwks_url = agent.jwks.as_ref().map(|jwks| jwks.url.as_str());
        let jwks_kid = agent.jwks.as_ref().map(|jwks| jwks.kid.as_str());
        sqlx::query!(
            "INSERT INTO aap_agents (id, host_id, user_id, name, mode, public_key, thumbprint,
                jwks_url, jwks_kid, status, activated_at, pending_until, last_used_at, created_at,
                updated_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
            agent.id.as_str(),
            agent.host_id.as_str(),
            user_id,
            agent.name,
            agent.mode.as_str(),
            agent.public_key.as_bytes().as_slice(),
            thumbprint.as_str(),
            jwks_url,
            jwks_kid,
            agent.state.status().as_str(),
            millis(agent.state.activated_at()),
            millis(agent.state.pending_until()),
            millis(agent.last_used_at),
            agent.created_at.as_millis(),
            agent.updated_at.as_millis(),
        )
        .execute(self.connection())
        .await
        .map_err(failed_on(AGENT))?;
        Ok(())
    }

    async fn find_agent(&mut self, id: &AgentId) -> StoreResult<Option<Agent>> {
        let row = sqlx::query_as!(
            AgentRow,
            "SELECT * FROM aap_agents WHERE id = $1",
            id.as_str(),
        );
        let row = row.fetch_optional(self.connection()).await;
        row.map_err(failed)?.map(Agent::try_from).transpose()
    }

    async fn find_agent_by_key(
        &mut self,
        host: &HostId,
        key: &Thumbprint,
    ) -> StoreResult<Option<Agent>> {
        let row = sqlx::query_as!(
            AgentRow,
            "SELECT * FROM aap_agents WHERE host_id = $1 AND thumbprint = $2",
            host.as_str(),
            key.as_str(),
        );
        let row = row.fetch_optional(self.connection()).await;
        row.map_err(failed)?.map(Agent::try_from).transpose()
    }

    async fn list_agents(
        &mut self,
        filter: &AgentFilter,
        page: Page<AgentId>,
    ) -> StoreResult<Vec<Agent>> {
        records(self.agent_rows(filter, page).await.map_err(failed)?)
    }

    async fn apply_agent(&mut self, change: &AgentChange) -> StoreResult<()> {
        let user_id = change.user_id.as_ref().map(|id| id.0.as_str());
        let done = sqlx::query!(
            "UPDATE aap_agents
            SET status = $3, activated_at = $4, pending_until = $5,
                user_id = coalesce($6, user_id), updated_at = $7
            WHERE id = $1 AND status = $2",
            change.id.as_str(),
            change.from.as_str(),
            change.to.status().as_str(),
            millis(change.to.activated_at()),
            millis(change.to.pending_until()),
            user_id,
            change.at.as_millis(),
        )
        .execute(self.connection())
        .await
        .map_err(failed_on(AGENT))?;
        (done.rows_affected() == 1)
            .then_some(())
            .ok_or(StoreError::Conflict(AGENT))
    }

    async fn rotate_agent_key(
        &mut self,
        id: &AgentId,
        from: &Thumbprint,
        to: &PublicKey,
        at: Timestamp,
    ) -> StoreResult<()> {
        let thumbprint = Thumbprint::of(to);
        let done = sqlx::query!(
            "UPDATE aap_agents SET public_key = $3, thumbprint = $4, updated_at = $5
            WHERE id = $1 AND thumbprint = $2",
            id.as_str(),
            from.as_str(),
            to.as_bytes().as_slice(),
            thumbprint.as_str(),
            at.as_millis(),
        )
        .execute(self.connection())
        .await
        .map_err(failed_on(AGENT))?;
        (done.rows_affected() == 1)
            .then_some(())
            .ok_or(StoreError::Conflict(AGENT))
    }

    async fn touch_agents(&mut self, uses: &[(AgentId, Timestamp)]) -> StoreResult<()> {
        let uses: Vec<_> = uses
            .iter()
            .map(|(id, at)| (id.as_str(), at.as_millis()))
            .collect();
        let uses = serde_json::json!(uses).to_string();
        let done = dialect::touch_agents(self.connection(), &uses).await;
        done.map_err(failed)
    }

    async fn claim_agents_of_host(
        &mut self,
        host: &HostId,
        user: &UserId,
        at: Timestamp,
    ) -> StoreResult<Vec<AgentId>> {
        let claimed = sqlx::query_scalar!(
            "UPDATE aap_agents SET status = 'claimed', pending_until = NULL, user_id = $2, updated_at = $3
            WHERE host_id = $1 AND mode = 'autonomous' AND activated_at IS NOT NULL
                AND status IN ('pending', 'active', 'expired')
            RETURNING id",
            host.as_str(),
            user.0,
            at.as_millis(),
        );
        oldest_first(claimed.fetch_all(self.connection()).await)
    }

    async fn revoke_agents_made_by(
        &mut self,
        host: &HostId,
        made: Timestamp,
        at: Timestamp,
    ) -> StoreResult<Vec<AgentId>> {
        let revoked = sqlx::query_scalar!(
            "UPDATE aap_agents SET status = 'revoked', pending_until = NULL, updated_at = $2
            WHERE host_id = $1 AND status IN ('pending', 'active', 'expired')
                AND created_at <= $3
            RETURNING id",
            host.as_str(),
            at.as_millis(),
            made.as_millis(),
        );
        oldest_first(revoked.fetch_all(self.connection()).await)
    }

    async fn revoke_agents_of_host(
        &mut self,
        host: &HostId,
        mode: Option<Mode>,
        at: Timestamp,
    ) -> StoreResult<Vec<AgentId>> {
        let mode = mode.map(Mode::as_str);
        let revoked = sqlx::query_scalar!(
            "UPDATE aap_agents SET status = 'revoked', pending_until = NULL, updated_at = $2
            WHERE host_id = $1 AND status IN ('pending', 'active', 'expired')
                AND mode = coalesce($3, mode)
            RETURNING id",
            host.as_str(),
            at.as_millis(),
            mode,
        );
        oldest_first(revoked.fetch_all(self.connection()).await)
    }
}

impl SqlTransaction {
    /// One statement per filter, so that each has an index that fits.
    async fn agent_rows(
        &mut self,
        filter: &AgentFilter,
        page: Page<AgentId>,
    ) -> sqlx::Result<Vec<AgentRow>> {
        let after = page.after.as_ref().map_or("", AgentId::as_str);
        let host = filter.host_id.as_ref().map(HostId::as_str);
        let status = filter.status.map(AgentStatus::as_str);
        match (host, status) {
            (None, None) => {
                sqlx::query_as!(
                    AgentRow,
                    "SELECT * FROM aap_agents WHERE id > $1 ORDER BY id LIMIT $2",
                    after,
                    i64::from(page.limit),
                )
                .fetch_all(self.connection())
                .await
            }
            (Some(host), None) => {
                sqlx::query_as!(
                    AgentRow,
                    "SELECT * FROM aap_agents WHERE host_id = $3 AND id > $1
                    ORDER BY id LIMIT $2",
                    after,
                    i64::from(page.limit),
                    host,
                )
                .fetch_all(self.connection())
                .await
            }
            (None, Some(status)) => {
                sqlx::query_as!(
                    AgentRow,
                    "SELECT * FROM aap_agents WHERE status = $3 AND id > $1
                    ORDER BY id LIMIT $2",
                    after,
                    i64::from(page.limit),
                    status,
                )
                .fetch_all(self.connection())
                .await
            }
            (Some(host), Some(status)) => {
                sqlx::query_as!(
                    AgentRow,
                    "SELECT * FROM aap_agents WHERE host_id = $3 AND status = $4 AND id > $1
                    ORDER BY id LIMIT $2",
                    after,
                    i64::from(page.limit),
                    host,
                    status,
                )
                .fetch_all(self.connection())
                .await
            }
        }
    }
}

fn oldest_first(ids: sqlx::Result<Vec<String>>) -> StoreResult<Vec<AgentId>> {
    let mut ids = ids.map_err(failed)?;
    ids.sort_unstable();
    ids.into_iter().map(|id| column::text(AGENT, id)).collect()
}

pub(crate) struct AgentRow {
    pub(crate) id: String,
    pub(crate) host_id: String,
    pub(crate) user_id: Option<String>,
    pub(crate) name: String,
    pub(crate) mode: String,
    pub(crate) public_key: Vec<u8>,
    pub(crate) thumbprint: String,
    pub(crate) jwks_url: Option<String>,
    pub(crate) jwks_kid: Option<String>,
    pub(crate) status: String,
    pub(crate) activated_at: Option<i64>,
    pub(crate) pending_until: Option<i64>,
    pub(crate) last_used_at: Option<i64>,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

impl TryFrom<AgentRow> for Agent {
    type Error = StoreError;

    fn try_from(row: AgentRow) -> StoreResult<Self> {
        let modes = [Mode::Delegated, Mode::Autonomous];
        let status = column::name(AGENT, &AgentStatus::ALL, AgentStatus::as_str, &row.status)?;
        let state = AgentState::from_parts(status, time(row.activated_at))
            .ok_or_else(|| corrupt(AGENT, &format_args!("{status} without having been active")))?
            .waiting_until(time(row.pending_until));
        if state.pending_until() != time(row.pending_until) {
            return Err(corrupt(
                AGENT,
                &format_args!("{status} with an end to its waiting"),
            ));
        }
        let jwks = jwks(row.jwks_url, row.jwks_kid)?;
        Ok(Self {
            id: column::text(AGENT, row.id)?,
            host_id: column::text(AGENT, row.host_id)?,
            user_id: row.user_id.map(UserId),
            name: row.name,
            mode: column::name(AGENT, &modes, Mode::as_str, &row.mode)?,
            public_key: column::public_key(AGENT, &row.public_key, &row.thumbprint)?,
            jwks,
            state,
            last_used_at: time(row.last_used_at),
            created_at: Timestamp::from_millis(row.created_at),
            updated_at: Timestamp::from_millis(row.updated_at),
        })
    }
}

fn jwks(url: Option<String>, kid: Option<String>) -> StoreResult<Option<AgentJwks>> {
    match (url, kid) {
        (Some(url), Some(kid)) => Ok(Some(AgentJwks {
            url: column::text(AGENT, url)?,
            kid,
        })),
        (None, None) => Ok(None),
        _ => Err(corrupt(AGENT, &"a published key without its URL or kid")),
    }
}

const AGENT: &str = "agent";
