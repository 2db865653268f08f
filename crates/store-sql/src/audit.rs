use async_trait::async_trait;
use procura_agent_auth::id::UserId;
use procura_keys::clock::Timestamp;
use procura_keys::digest::{from_base64url, to_base64url};
use procura_store::audit::{Activity, AuditEntry, AuditRecord, AuditStore};
use procura_store::{StoreError, StoreResult};
use serde_json::{Value, json};

use crate::column::{self, corrupt, records};
use crate::dialect;
use crate::error::failed;
use crate::transaction::SqlTransaction;

#[async_trait]
impl AuditStore for SqlTransaction {
    fn salt_audit(&mut self, seed: [u8; 32]) {
        self.salt = seed;
    }

    /// One statement for all, since what the path of every call writes comes in batches.
    async fn append_audit(&mut self, entries: Vec<AuditEntry>) -> StoreResult<()> {
        let mut last = self.last_audit().await?;
        let mut rows = Vec::with_capacity(entries.len());
        for entry in entries {
            let record = AuditRecord::following(last, entry, &self.salt);
            last = Some((record.sequence, record.hash));
            rows.extend(to_row(&record));
        }
        let rows = Value::Array(rows).to_string();
        let done = dialect::insert_audit(self.connection(), &rows).await;
        done.map_err(failed)
    }

    async fn list_audit(&mut self, after: i64, limit: u32) -> StoreResult<Vec<AuditRecord>> {
        let rows = sqlx::query_as!(
            AuditRow,
            "SELECT * FROM audit_log WHERE sequence > $1 ORDER BY sequence LIMIT $2",
            after,
            i64::from(limit),
        );
        records(rows.fetch_all(self.connection()).await.map_err(failed)?)
    }

    async fn list_last_audit(&mut self, limit: u32) -> StoreResult<Vec<AuditRecord>> {
        let rows = sqlx::query_as!(
            AuditRow,
            "SELECT * FROM audit_log ORDER BY sequence DESC LIMIT $1",
            i64::from(limit),
        );
        let mut rows = rows.fetch_all(self.connection()).await.map_err(failed)?;
        rows.reverse();
        records(rows)
    }

    async fn list_activity(
        &mut self,
        user: &UserId,
        after: i64,
        limit: u32,
    ) -> StoreResult<Vec<AuditRecord>> {
        let rows = sqlx::query_as!(
            AuditRow,
            "WITH concerning AS MATERIALIZED (
                SELECT sequence FROM (
                    SELECT sequence FROM audit_log WHERE user_id = $1 AND sequence > $2
                    ORDER BY sequence LIMIT $3
                ) AS of_person
                UNION
                SELECT sequence FROM (
                    SELECT audit_log.sequence
                    FROM aap_agents JOIN audit_log ON audit_log.agent_id = aap_agents.id
                    WHERE aap_agents.user_id = $1 AND audit_log.user_id IS NULL
                        AND audit_log.sequence > $2
                    ORDER BY audit_log.sequence LIMIT $3
                ) AS of_agents
                UNION
                SELECT sequence FROM (
                    SELECT audit_log.sequence
                    FROM aap_hosts JOIN audit_log ON audit_log.host_id = aap_hosts.id
                    WHERE aap_hosts.user_id = $1 AND audit_log.user_id IS NULL
                        AND audit_log.agent_id IS NULL AND audit_log.sequence > $2
                    ORDER BY audit_log.sequence LIMIT $3
                ) AS of_hosts
            )
            SELECT * FROM audit_log WHERE sequence IN (SELECT sequence FROM concerning)
            ORDER BY sequence LIMIT $3",
            user.0,
            after,
            i64::from(limit),
        );
        records(rows.fetch_all(self.connection()).await.map_err(failed)?)
    }

    async fn list_last_activity(
        &mut self,
        user: &UserId,
        before: i64,
        limit: u32,
    ) -> StoreResult<Vec<AuditRecord>> {
        let rows = sqlx::query_as!(
            AuditRow,
            "WITH concerning AS MATERIALIZED (
                SELECT sequence FROM (
                    SELECT sequence FROM audit_log WHERE user_id = $1 AND sequence < $2
                    ORDER BY sequence DESC LIMIT $3
                ) AS of_person
                UNION
                SELECT sequence FROM (
                    SELECT audit_log.sequence
                    FROM aap_agents JOIN audit_log ON audit_log.agent_id = aap_agents.id
                    WHERE aap_agents.user_id = $1 AND audit_log.user_id IS NULL
                        AND audit_log.sequence < $2
                    ORDER BY audit_log.sequence DESC LIMIT $3
                ) AS of_agents
                UNION
                SELECT sequence FROM (
                    SELECT audit_log.sequence
                    FROM aap_hosts JOIN audit_log ON audit_log.host_id = aap_hosts.id
                    WHERE aap_hosts.user_id = $1 AND audit_log.user_id IS NULL
                        AND audit_log.agent_id IS NULL AND audit_log.sequence < $2
                    ORDER BY audit_log.sequence DESC LIMIT $3
                ) AS of_hosts
            )
            SELECT * FROM audit_log WHERE sequence IN (SELECT sequence FROM concerning)
            ORDER BY sequence DESC LIMIT $3",
            user.0,
            before,
            i64::from(limit),
        );
        records(rows.fetch_all(self.connection()).await.map_err(failed)?)
    }

    async fn erase_activity_of(&mut self, user: &UserId, limit: u32) -> StoreResult<Vec<i64>> {
        let erased = sqlx::query_scalar!(
            "WITH concerning AS MATERIALIZED (
                SELECT sequence FROM (
                    SELECT sequence FROM audit_log
                    WHERE user_id = $1 AND event NOT IN ('activity.erased', 'audit.cut')
                    ORDER BY sequence LIMIT $2
                ) AS of_person
                UNION
                SELECT sequence FROM (
                    SELECT audit_log.sequence
                    FROM aap_agents JOIN audit_log ON audit_log.agent_id = aap_agents.id
                    WHERE aap_agents.user_id = $1 AND audit_log.user_id IS NULL
                        AND audit_log.event NOT IN ('activity.erased', 'audit.cut')
                    ORDER BY audit_log.sequence LIMIT $2
                ) AS of_agents
                UNION
                SELECT sequence FROM (
                    SELECT audit_log.sequence
                    FROM aap_hosts JOIN audit_log ON audit_log.host_id = aap_hosts.id
                    WHERE aap_hosts.user_id = $1 AND audit_log.user_id IS NULL
                        AND audit_log.agent_id IS NULL AND audit_log.event NOT IN ('activity.erased', 'audit.cut')
                    ORDER BY audit_log.sequence LIMIT $2
                ) AS of_hosts
            )
            UPDATE audit_log SET actor = NULL, user_id = NULL, host_id = NULL, agent_id = NULL,
                capability = NULL, jti = NULL, detail = NULL, salt = NULL
            WHERE sequence IN (SELECT sequence FROM concerning ORDER BY sequence LIMIT $2)
            RETURNING sequence AS \"sequence!\"",
            user.0,
            i64::from(limit),
        );
        in_order(erased.fetch_all(self.connection()).await)
    }

    async fn erase_activity_before(
        &mut self,
        before: Timestamp,
        limit: u32,
    ) -> StoreResult<Vec<i64>> {
        let erased = sqlx::query_scalar!(
            "UPDATE audit_log SET actor = NULL, user_id = NULL, host_id = NULL, agent_id = NULL,
                capability = NULL, jti = NULL, detail = NULL, salt = NULL
            WHERE sequence IN (
                SELECT sequence FROM (
                    SELECT sequence FROM audit_log
                    WHERE salt IS NOT NULL AND event NOT IN ('activity.erased', 'audit.cut')
                        AND at < $1
                    ORDER BY at, sequence LIMIT 1000
                ) AS picked LIMIT $2
            )
            RETURNING sequence AS \"sequence!\"",
            before.as_millis(),
            i64::from(limit),
        );
        in_order(erased.fetch_all(self.connection()).await)
    }

    async fn cut_audit(&mut self, through: i64) -> StoreResult<()> {
        sqlx::query!(
            "INSERT INTO audit_cuts (through) VALUES ($1) ON CONFLICT DO NOTHING",
            through,
        )
        .execute(self.connection())
        .await
        .map_err(failed)?;
        sqlx::query!("DELETE FROM audit_cuts WHERE through < $1", through)
            .execute(self.connection())
            .await
            .map_err(failed)?;
        sqlx::query!("DELETE FROM audit_log WHERE sequence <= $1", through)
            .execute(self.connection())
            .await
            .map_err(failed)?;
        Ok(())
    }
}

impl SqlTransaction {
    async fn last_audit(&mut self) -> StoreResult<Option<(i64, [u8; 32])>> {
        let last =
            sqlx::query!("SELECT sequence, hash FROM audit_log ORDER BY sequence DESC LIMIT 1")
                .fetch_optional(self.connection())
                .await
                .map_err(failed)?;
        let Some(last) = last else {
            return Ok(None);
        };
        let hash = column::encoded_digest(RECORD, &last.hash)?;
        Ok(Some((last.sequence, hash)))
    }
}

/// In the order of the columns. The detail is a text of its own, so that it comes back as it was.
fn to_row(record: &AuditRecord) -> Option<Value> {
    let activity = record.activity.as_ref()?;
    Some(json!([
        record.sequence,
        record.at.as_millis(),
        dialect::stored(&record.event),
        dialect::stored(&record.outcome),
        dialect::stored(&activity.actor),
        activity.user_id.as_deref().map(dialect::stored),
        activity.host_id.as_deref().map(dialect::stored),
        activity.agent_id.as_deref().map(dialect::stored),
        activity.capability.as_deref().map(dialect::stored),
        activity.jti.as_deref().map(dialect::stored),
        activity.detail.to_string(),
        to_base64url(&activity.salt),
        to_base64url(&record.activity_hash),
        to_base64url(&record.previous),
        to_base64url(&record.hash),
    ]))
}

fn in_order(places: sqlx::Result<Vec<i64>>) -> StoreResult<Vec<i64>> {
    let mut places = places.map_err(failed)?;
    places.sort_unstable();
    Ok(places)
}

pub(crate) struct AuditRow {
    pub(crate) sequence: i64,
    pub(crate) at: i64,
    pub(crate) event: String,
    pub(crate) outcome: String,
    pub(crate) actor: Option<String>,
    pub(crate) user_id: Option<String>,
    pub(crate) host_id: Option<String>,
    pub(crate) agent_id: Option<String>,
    pub(crate) capability: Option<String>,
    pub(crate) jti: Option<String>,
    pub(crate) detail: Option<String>,
    pub(crate) salt: Option<String>,
    pub(crate) activity_hash: String,
    pub(crate) previous: String,
    pub(crate) hash: String,
}

impl TryFrom<AuditRow> for AuditRecord {
    type Error = StoreError;

    fn try_from(row: AuditRow) -> StoreResult<Self> {
        let activity = match (row.actor, row.detail, row.salt) {
            (Some(actor), Some(detail), Some(salt)) => Some(Activity {
                actor: dialect::original(actor),
                user_id: row.user_id.map(dialect::original),
                host_id: row.host_id.map(dialect::original),
                agent_id: row.agent_id.map(dialect::original),
                capability: row.capability.map(dialect::original),
                jti: row.jti.map(dialect::original),
                detail: column::json(RECORD, &detail)?,
                salt: decoded_salt(&salt)?,
            }),
            (None, None, None) => None,
            _ => return Err(corrupt(RECORD, &"half of an activity")),
        };
        Ok(Self {
            sequence: row.sequence,
            at: Timestamp::from_millis(row.at),
            event: dialect::original(row.event),
            outcome: dialect::original(row.outcome),
            activity,
            activity_hash: column::encoded_digest(RECORD, &row.activity_hash)?,
            previous: column::encoded_digest(RECORD, &row.previous)?,
            hash: column::encoded_digest(RECORD, &row.hash)?,
        })
    }
}

fn decoded_salt(column: &str) -> StoreResult<[u8; 16]> {
    let salt = from_base64url(column).and_then(|salt| salt.try_into().ok());
    salt.ok_or_else(|| corrupt(RECORD, &"its salt does not have 16 bytes"))
}

const RECORD: &str = "audit record";
