use async_trait::async_trait;
use procura_keys::clock::Timestamp;
use procura_store::StoreResult;
use procura_store::replay::{ReplayStore, SeenToken};

use crate::dialect;
use crate::error::failed;
use crate::transaction::SqlTransaction;

#[async_trait]
impl ReplayStore for SqlTransaction {
    /// One statement for all, since what the path of every call writes comes in batches.
    async fn insert_seen(&mut self, tokens: &[SeenToken]) -> StoreResult<()> {
        let rows: Vec<_> = tokens
            .iter()
            .map(|token| {
                (
                    dialect::stored(&token.signer),
                    dialect::stored(&token.jti),
                    token.forget_at.as_millis(),
                )
            })
            .collect();
        let rows = serde_json::json!(rows).to_string();
        let done = dialect::insert_seen(self.connection(), &rows).await;
        done.map_err(failed)
    }

    async fn list_seen(&mut self, now: Timestamp) -> StoreResult<Vec<SeenToken>> {
        let rows = sqlx::query!(
            "SELECT signer, jti, forget_at FROM seen_tokens WHERE forget_at > $1",
            now.as_millis(),
        );
        let rows = rows.fetch_all(self.connection()).await.map_err(failed)?;
        Ok(rows
            .into_iter()
            .map(|row| SeenToken {
                signer: dialect::original(row.signer),
                jti: dialect::original(row.jti),
                forget_at: Timestamp::from_millis(row.forget_at),
            })
            .collect())
    }
}
