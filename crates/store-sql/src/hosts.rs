use async_trait::async_trait;
use procura_agent_auth::host::{Host, HostJwks, HostStatus, PreviousKey};
use procura_agent_auth::id::{HostId, UserId};
use procura_agent_auth::jwks::JwksUrl;
use procura_keys::clock::Timestamp;
use procura_keys::key::PublicKey;
use procura_keys::thumbprint::Thumbprint;
use procura_store::agent_auth::{HostChange, HostStore, KeyAdoption};
use procura_store::{Page, StoreError, StoreResult};

use crate::column::{self, corrupt, millis, records, time};
use crate::error::{failed, failed_on};
use crate::transaction::SqlTransaction;

#[async_trait]
impl HostStore for SqlTransaction {
    async fn insert_host(&mut self, host: &Host) -> StoreResult<()> {
        let thumbprint = host.thumbprint();
        let user_id = host.user_id.as_ref().map(|id| id.0.as_str());
        let defaults = serde_json::json!(host.default_capabilities).to_string();
        let jwks_url = host.jwks.as_ref().map(|jwks| jwks.url.as_str());
        let previous = host.jwks.as_ref().and_then(|jwks| jwks.previous.as_ref());
        let previous_thumbprint = previous.map(|previous| previous.thumbprint.as_str());
        sqlx::query!(
            "INSERT INTO aap_hosts (id, name, public_key, thumbprint, jwks_url,
                previous_thumbprint, previous_until, user_id, default_capabilities, status,
                activated_at, last_used_at, created_at, updated_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
            host.id.as_str(),
            host.name,
            host.public_key.as_bytes().as_slice(),
            thumbprint.as_str(),
            jwks_url,
            previous_thumbprint,
            millis(previous.map(|previous| previous.until)),
            user_id,
            defaults,
            host.status.as_str(),
            millis(host.activated_at),
            millis(host.last_used_at),
            host.created_at.as_millis(),
            host.updated_at.as_millis(),
        )
        .execute(self.connection())
        .await
        .map_err(failed_on(HOST))?;
        Ok(())
    }

    async fn load_host(&mut self, id: &HostId) -> StoreResult<Host> {
        sqlx::query_as!(
            HostRow,
            "SELECT * FROM aap_hosts WHERE id = $1",
            id.as_str()
        )
        .fetch_optional(self.connection())
        .await
        .map_err(failed)?
        .ok_or(StoreError::NotFound(HOST))?
        .try_into()
    }

    async fn find_host_by_thumbprint(
        &mut self,
        thumbprint: &Thumbprint,
    ) -> StoreResult<Option<Host>> {
        let row = sqlx::query_as!(
            HostRow,
            "SELECT * FROM aap_hosts WHERE thumbprint = $1",
            thumbprint.as_str(),
        );
        let row = row.fetch_optional(self.connection()).await;
        row.map_err(failed)?.map(Host::try_from).transpose()
    }

    async fn find_host_by_jwks_url(&mut self, url: &JwksUrl) -> StoreResult<Option<Host>> {
        let row = sqlx::query_as!(
            HostRow,
            "SELECT * FROM aap_hosts WHERE jwks_url = $1",
            url.as_str(),
        );
        let row = row.fetch_optional(self.connection()).await;
        row.map_err(failed)?.map(Host::try_from).transpose()
    }

    async fn list_hosts(&mut self, page: Page<HostId>) -> StoreResult<Vec<Host>> {
        let after = page.after.as_ref().map_or("", HostId::as_str);
        let rows = sqlx::query_as!(
            HostRow,
            "SELECT * FROM aap_hosts WHERE id > $1 ORDER BY id LIMIT $2",
            after,
            i64::from(page.limit),
        );
        records(rows.fetch_all(self.connection()).await.map_err(failed)?)
    }

    async fn list_hosts_by_user(&mut self, user: &UserId) -> StoreResult<Vec<Host>> {
        let rows = sqlx::query_as!(
            HostRow,
            "SELECT * FROM aap_hosts WHERE user_id = $1 ORDER BY id",
            user.0,
        );
        records(rows.fetch_all(self.connection()).await.map_err(failed)?)
    }

    async fn apply_host(&mut self, change: &HostChange) -> StoreResult<()> {
        let becomes_active = change.to == HostStatus::Active && change.from != HostStatus::Active;
        let activated_at = becomes_active.then_some(change.at.as_millis());
        let link = change.link.as_ref().map(|id| id.0.as_str());
        let done = sqlx::query!(
            "UPDATE aap_hosts
            SET status = $3, user_id = coalesce($4, user_id),
                activated_at = coalesce($5, activated_at), updated_at = $6
            WHERE id = $1 AND status = $2
                AND (user_id IS NULL OR user_id = coalesce($4, user_id))",
            change.id.as_str(),
            change.from.as_str(),
            change.to.as_str(),
            link,
            activated_at,
            change.at.as_millis(),
        )
        .execute(self.connection())
        .await
        .map_err(failed_on(HOST))?;
        (done.rows_affected() == 1)
            .then_some(())
            .ok_or(StoreError::Conflict(HOST))
    }

    async fn unlink_host(&mut self, id: &HostId, from: &UserId, at: Timestamp) -> StoreResult<()> {
        let done = sqlx::query!(
            "UPDATE aap_hosts SET user_id = NULL, updated_at = $3 WHERE id = $1 AND user_id = $2",
            id.as_str(),
            from.0,
            at.as_millis(),
        )
        .execute(self.connection())
        .await
        .map_err(failed)?;
        (done.rows_affected() == 1)
            .then_some(())
            .ok_or(StoreError::Conflict(HOST))
    }

    async fn rotate_host_key(
        &mut self,
        id: &HostId,
        from: &Thumbprint,
        to: &PublicKey,
        at: Timestamp,
    ) -> StoreResult<()> {
        let thumbprint = Thumbprint::of(to);
        let done = sqlx::query!(
            "UPDATE aap_hosts SET public_key = $3, thumbprint = $4, updated_at = $5
            WHERE id = $1 AND thumbprint = $2",
            id.as_str(),
            from.as_str(),
            to.as_bytes().as_slice(),
            thumbprint.as_str(),
            at.as_millis(),
        )
        .execute(self.connection())
        .await
        .map_err(failed_on(HOST))?;
        (done.rows_affected() == 1)
            .then_some(())
            .ok_or(StoreError::Conflict(HOST))
    }

    async fn adopt_host_key(&mut self, adoption: &KeyAdoption) -> StoreResult<()> {
        let thumbprint = Thumbprint::of(&adoption.to);
        let done = sqlx::query!(
            "UPDATE aap_hosts
            SET public_key = $3, thumbprint = $4, previous_thumbprint = thumbprint,
                previous_until = $5, updated_at = $6
            WHERE id = $1 AND thumbprint = $2 AND jwks_url IS NOT NULL",
            adoption.id.as_str(),
            adoption.from.as_str(),
            adoption.to.as_bytes().as_slice(),
            thumbprint.as_str(),
            adoption.keep_until.as_millis(),
            adoption.at.as_millis(),
        )
        .execute(self.connection())
        .await
        .map_err(failed_on(HOST))?;
        (done.rows_affected() == 1)
            .then_some(())
            .ok_or(StoreError::Conflict(HOST))
    }

    async fn touch_host(
        &mut self,
        id: &HostId,
        at: Timestamp,
        name: Option<&str>,
    ) -> StoreResult<()> {
        sqlx::query!(
            "UPDATE aap_hosts
            SET last_used_at = CASE WHEN last_used_at > $2 THEN last_used_at ELSE $2 END,
                name = coalesce($3, name)
            WHERE id = $1",
            id.as_str(),
            at.as_millis(),
            name,
        )
        .execute(self.connection())
        .await
        .map_err(failed)?;
        Ok(())
    }
}

pub(crate) struct HostRow {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) public_key: Vec<u8>,
    pub(crate) thumbprint: String,
    pub(crate) jwks_url: Option<String>,
    pub(crate) previous_thumbprint: Option<String>,
    pub(crate) previous_until: Option<i64>,
    pub(crate) user_id: Option<String>,
    pub(crate) default_capabilities: String,
    pub(crate) status: String,
    pub(crate) activated_at: Option<i64>,
    pub(crate) last_used_at: Option<i64>,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

impl TryFrom<HostRow> for Host {
    type Error = StoreError;

    fn try_from(row: HostRow) -> StoreResult<Self> {
        let jwks = jwks(row.jwks_url, row.previous_thumbprint, row.previous_until)?;
        Ok(Self {
            id: column::text(HOST, row.id)?,
            name: row.name,
            public_key: column::public_key(HOST, &row.public_key, &row.thumbprint)?,
            jwks,
            user_id: row.user_id.map(UserId),
            default_capabilities: column::json(HOST, &row.default_capabilities)?,
            status: column::name(HOST, &HostStatus::ALL, HostStatus::as_str, &row.status)?,
            activated_at: time(row.activated_at),
            last_used_at: time(row.last_used_at),
            created_at: Timestamp::from_millis(row.created_at),
            updated_at: Timestamp::from_millis(row.updated_at),
        })
    }
}

fn jwks(
    url: Option<String>,
    previous: Option<String>,
    until: Option<i64>,
) -> StoreResult<Option<HostJwks>> {
    let previous = match (previous, time(until)) {
        (Some(thumbprint), Some(until)) => Some(PreviousKey {
            thumbprint: column::text(HOST, thumbprint)?,
            until,
        }),
        (None, None) => None,
        _ => return Err(corrupt(HOST, &"half of a previous key")),
    };
    match url {
        Some(url) => Ok(Some(HostJwks {
            url: column::text(HOST, url)?,
            previous,
        })),
        None if previous.is_none() => Ok(None),
        None => Err(corrupt(HOST, &"a previous key of one that publishes none")),
    }
}

const HOST: &str = "host";
