use async_trait::async_trait;
use procura_keys::clock::Timestamp;
use procura_keys::digest::to_base64url;
use procura_store::audit::{AuditEntry, AuditRecord, AuditStore};
use procura_store::{StoreError, StoreResult};
use serde_json::{Value, json};

use crate::column::{self, records};
use crate::dialect;
use crate::error::failed;
use crate::transaction::SqlTransaction;

#[async_trait]
impl AuditStore for SqlTransaction {
    /// One statement for all, since what the path of every call writes comes in batches.
    async fn append_audit(&mut self, entries: Vec<AuditEntry>) -> StoreResult<()> {
        let mut last = self.last_audit().await?;
        let mut rows = Vec::with_capacity(entries.len());
        for entry in entries {
            let record = AuditRecord::following(last, entry);
            last = Some((record.sequence, record.hash));
            rows.push(to_row(&record));
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
fn to_row(record: &AuditRecord) -> Value {
    let entry = &record.entry;
    json!([
        record.sequence,
        entry.at.as_millis(),
        dialect::stored(&entry.event),
        dialect::stored(&entry.actor),
        entry.user_id.as_deref().map(dialect::stored),
        entry.host_id.as_deref().map(dialect::stored),
        entry.agent_id.as_deref().map(dialect::stored),
        entry.capability.as_deref().map(dialect::stored),
        dialect::stored(&entry.outcome),
        entry.jti.as_deref().map(dialect::stored),
        entry.detail.to_string(),
        to_base64url(&record.previous),
        to_base64url(&record.hash),
    ])
}

struct AuditRow {
    sequence: i64,
    at: i64,
    event: String,
    actor: String,
    user_id: Option<String>,
    host_id: Option<String>,
    agent_id: Option<String>,
    capability: Option<String>,
    outcome: String,
    jti: Option<String>,
    detail: String,
    previous: String,
    hash: String,
}

impl TryFrom<AuditRow> for AuditRecord {
    type Error = StoreError;

    fn try_from(row: AuditRow) -> StoreResult<Self> {
        Ok(Self {
            sequence: row.sequence,
            entry: AuditEntry {
                at: Timestamp::from_millis(row.at),
                event: dialect::original(row.event),
                actor: dialect::original(row.actor),
                user_id: row.user_id.map(dialect::original),
                host_id: row.host_id.map(dialect::original),
                agent_id: row.agent_id.map(dialect::original),
                capability: row.capability.map(dialect::original),
                outcome: dialect::original(row.outcome),
                jti: row.jti.map(dialect::original),
                detail: column::json(RECORD, &row.detail)?,
            },
            previous: column::encoded_digest(RECORD, &row.previous)?,
            hash: column::encoded_digest(RECORD, &row.hash)?,
        })
    }
}

const RECORD: &str = "audit record";
