use std::collections::HashSet;

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
    async fn insert_seen(&mut self, tokens: &[SeenToken], now: Timestamp) -> StoreResult<u64> {
        // No row may be changed twice by one statement.
        let mut names = HashSet::with_capacity(tokens.len());
        let each_once = tokens
            .iter()
            .filter(|token| names.insert((&token.signer, &token.jti)));
        let rows = rows(each_once);
        let new = dialect::insert_seen(self.connection(), &rows, now.as_millis()).await;
        new.map_err(failed)
    }

    async fn find_seen(
        &mut self,
        tokens: &[SeenToken],
        now: Timestamp,
    ) -> StoreResult<Vec<SeenToken>> {
        let rows = rows(tokens.iter());
        let found = dialect::find_seen(self.connection(), &rows, now.as_millis()).await;
        Ok(found.map_err(failed)?.into_iter().map(from_row).collect())
    }

    async fn list_seen(&mut self, now: Timestamp) -> StoreResult<Vec<SeenToken>> {
        let rows = sqlx::query!(
            "SELECT signer, jti, forget_at FROM seen_tokens WHERE forget_at > $1",
            now.as_millis(),
        );
        let rows = rows.fetch_all(self.connection()).await.map_err(failed)?;
        let rows = rows.into_iter();
        Ok(rows
            .map(|row| from_row((row.signer, row.jti, row.forget_at)))
            .collect())
    }
}

/// A JSON array of `[signer, jti, forget_at]`.
fn rows<'a>(tokens: impl Iterator<Item = &'a SeenToken>) -> String {
    let row = |token: &'a SeenToken| {
        (
            dialect::stored(&token.signer),
            dialect::stored(&token.jti),
            token.forget_at.as_millis(),
        )
    };
    serde_json::json!(tokens.map(row).collect::<Vec<_>>()).to_string()
}

fn from_row((signer, jti, forget_at): (String, String, i64)) -> SeenToken {
    SeenToken {
        signer: dialect::original(signer),
        jti: dialect::original(jti),
        forget_at: Timestamp::from_millis(forget_at),
    }
}
