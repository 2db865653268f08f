use async_trait::async_trait;
use procura_keys::clock::Timestamp;
use procura_store::secrets::{Secret, SecretStore};
use procura_store::{StoreError, StoreResult};

use crate::column;
use crate::error::{failed, failed_on};
use crate::transaction::SqlTransaction;

#[async_trait]
impl SecretStore for SqlTransaction {
    async fn insert_secret(&mut self, secret: &Secret) -> StoreResult<()> {
        sqlx::query!(
            "INSERT INTO secrets (purpose, number, value, created_at) VALUES ($1, $2, $3, $4)",
            secret.purpose,
            secret.number,
            secret.value.as_slice(),
            secret.created_at.as_millis(),
        )
        .execute(self.connection())
        .await
        .map_err(failed_on(SECRET))?;
        Ok(())
    }

    async fn list_secrets(&mut self, purpose: &str) -> StoreResult<Vec<Secret>> {
        let rows = sqlx::query_as!(
            SecretRow,
            "SELECT purpose, number, value, created_at FROM secrets
            WHERE purpose = $1 ORDER BY number DESC",
            purpose,
        );
        let rows = rows.fetch_all(self.connection()).await.map_err(failed)?;
        rows.into_iter().map(Secret::try_from).collect()
    }

    async fn delete_secrets_before(&mut self, purpose: &str, number: i64) -> StoreResult<()> {
        let removed = sqlx::query!(
            "DELETE FROM secrets WHERE purpose = $1 AND number < $2",
            purpose,
            number,
        );
        removed.execute(self.connection()).await.map_err(failed)?;
        Ok(())
    }
}

struct SecretRow {
    purpose: String,
    number: i64,
    value: Vec<u8>,
    created_at: i64,
}

impl TryFrom<SecretRow> for Secret {
    type Error = StoreError;

    fn try_from(row: SecretRow) -> StoreResult<Self> {
        Ok(Self {
            purpose: row.purpose,
            number: row.number,
            value: column::digest(SECRET, row.value)?,
            created_at: Timestamp::from_millis(row.created_at),
        })
    }
}

const SECRET: &str = "secret";
