use async_trait::async_trait;
use procura_keys::clock::Timestamp;
use procura_people::challenge::Challenge;
use procura_store::people::ChallengeStore;
use procura_store::{StoreError, StoreResult};

use crate::column;
use crate::error::{failed, failed_on};
use crate::transaction::SqlTransaction;

#[async_trait]
impl ChallengeStore for SqlTransaction {
    async fn insert_challenge(&mut self, challenge: &Challenge) -> StoreResult<()> {
        sqlx::query!(
            "INSERT INTO challenges (value, nonce, expires_at) VALUES ($1, $2, $3)",
            challenge.value.as_slice(),
            challenge.nonce.as_slice(),
            challenge.expires_at.as_millis(),
        )
        .execute(self.connection())
        .await
        .map_err(failed_on(CHALLENGE))?;
        Ok(())
    }

    async fn take_challenge(&mut self, value: &[u8; 32]) -> StoreResult<Option<Challenge>> {
        let row = sqlx::query_as!(
            ChallengeRow,
            "DELETE FROM challenges WHERE value = $1 RETURNING value, nonce, expires_at",
            value.as_slice(),
        );
        let row = row.fetch_optional(self.connection()).await;
        row.map_err(failed)?.map(Challenge::try_from).transpose()
    }

    async fn delete_expired_challenges(&mut self, now: Timestamp) -> StoreResult<()> {
        sqlx::query!(
            "DELETE FROM challenges WHERE expires_at <= $1",
            now.as_millis(),
        )
        .execute(self.connection())
        .await
        .map_err(failed)?;
        Ok(())
    }
}

struct ChallengeRow {
    value: Vec<u8>,
    nonce: Vec<u8>,
    expires_at: i64,
}

impl TryFrom<ChallengeRow> for Challenge {
    type Error = StoreError;

    fn try_from(row: ChallengeRow) -> StoreResult<Self> {
        Ok(Self {
            value: column::digest(CHALLENGE, row.value)?,
            nonce: column::digest(CHALLENGE, row.nonce)?,
            expires_at: Timestamp::from_millis(row.expires_at),
        })
    }
}

const CHALLENGE: &str = "challenge";
