use async_trait::async_trait;
use procura_keys::clock::Timestamp;
use procura_people::person::PersonId;
use procura_people::vault::{SealedSecret, VaultEntry};
use procura_store::people::VaultStore;
use procura_store::{StoreError, StoreResult};

use crate::error::{failed, failed_on};
use crate::transaction::SqlTransaction;

#[async_trait]
impl VaultStore for SqlTransaction {
    async fn put_vault_entry(&mut self, entry: &VaultEntry) -> StoreResult<()> {
        sqlx::query!(
            "INSERT INTO vault_entries
                (person_id, service, key_id, wrapped_key, ciphertext, created_at)
            VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (person_id, service) DO UPDATE SET key_id = excluded.key_id,
                wrapped_key = excluded.wrapped_key, ciphertext = excluded.ciphertext,
                created_at = excluded.created_at",
            entry.person_id.0,
            entry.service,
            entry.secret.key_id,
            entry.secret.wrapped_key,
            entry.secret.ciphertext,
            entry.created_at.as_millis(),
        )
        .execute(self.connection())
        .await
        .map_err(failed_on(ENTRY))?;
        Ok(())
    }

    async fn find_vault_entry(
        &mut self,
        person: &PersonId,
        service: &str,
    ) -> StoreResult<Option<VaultEntry>> {
        let row = sqlx::query_as!(
            EntryRow,
            "SELECT * FROM vault_entries WHERE person_id = $1 AND service = $2",
            person.0,
            service,
        );
        let row = row.fetch_optional(self.connection()).await;
        Ok(row.map_err(failed)?.map(VaultEntry::from))
    }

    async fn list_vault_entries_by_person(
        &mut self,
        person: &PersonId,
    ) -> StoreResult<Vec<VaultEntry>> {
        let rows = sqlx::query_as!(
            EntryRow,
            "SELECT * FROM vault_entries WHERE person_id = $1 ORDER BY service",
            person.0,
        );
        let rows = rows.fetch_all(self.connection()).await.map_err(failed)?;
        Ok(rows.into_iter().map(VaultEntry::from).collect())
    }

    async fn list_vault_entries_under_other_keys(
        &mut self,
        key_id: &str,
        limit: u32,
    ) -> StoreResult<Vec<VaultEntry>> {
        // Two ranges, since an index finds no "other than".
        let rows = sqlx::query_as!(
            EntryRow,
            "SELECT * FROM vault_entries WHERE key_id < $1 OR key_id > $1 LIMIT $2",
            key_id,
            i64::from(limit),
        );
        let rows = rows.fetch_all(self.connection()).await.map_err(failed)?;
        Ok(rows.into_iter().map(VaultEntry::from).collect())
    }

    async fn rewrap_vault_entry(
        &mut self,
        entry: &VaultEntry,
        secret: &SealedSecret,
    ) -> StoreResult<()> {
        let done = sqlx::query!(
            "UPDATE vault_entries SET key_id = $3, wrapped_key = $4, ciphertext = $5
            WHERE person_id = $1 AND service = $2 AND key_id = $6 AND wrapped_key = $7
                AND ciphertext = $8",
            entry.person_id.0,
            entry.service,
            secret.key_id,
            secret.wrapped_key,
            secret.ciphertext,
            entry.secret.key_id,
            entry.secret.wrapped_key,
            entry.secret.ciphertext,
        )
        .execute(self.connection())
        .await
        .map_err(failed)?;
        (done.rows_affected() == 1)
            .then_some(())
            .ok_or(StoreError::Conflict(ENTRY))
    }

    async fn delete_vault_entry(&mut self, person: &PersonId, service: &str) -> StoreResult<()> {
        let done = sqlx::query!(
            "DELETE FROM vault_entries WHERE person_id = $1 AND service = $2",
            person.0,
            service,
        )
        .execute(self.connection())
        .await
        .map_err(failed)?;
        (done.rows_affected() == 1)
            .then_some(())
            .ok_or(StoreError::NotFound(ENTRY))
    }
}

struct EntryRow {
    person_id: String,
    service: String,
    key_id: String,
    wrapped_key: Vec<u8>,
    ciphertext: Vec<u8>,
    created_at: i64,
}

impl From<EntryRow> for VaultEntry {
    fn from(row: EntryRow) -> Self {
        Self {
            person_id: PersonId(row.person_id),
            service: row.service,
            secret: SealedSecret {
                key_id: row.key_id,
                wrapped_key: row.wrapped_key,
                ciphertext: row.ciphertext,
            },
            created_at: Timestamp::from_millis(row.created_at),
        }
    }
}

const ENTRY: &str = "vault entry";
