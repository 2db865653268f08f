use async_trait::async_trait;
use procura_people::person::PersonId;
use procura_store::StoreResult;
use procura_store::people::RecoveryCodeStore;

use crate::error::{failed, failed_on};
use crate::transaction::SqlTransaction;

#[async_trait]
impl RecoveryCodeStore for SqlTransaction {
    async fn replace_recovery_codes(
        &mut self,
        person: &PersonId,
        digests: &[[u8; 32]],
    ) -> StoreResult<()> {
        let earlier = sqlx::query!("DELETE FROM recovery_codes WHERE person_id = $1", person.0);
        earlier.execute(self.connection()).await.map_err(failed)?;
        for digest in digests {
            sqlx::query!(
                "INSERT INTO recovery_codes (person_id, code_digest) VALUES ($1, $2)",
                person.0,
                digest.as_slice(),
            )
            .execute(self.connection())
            .await
            .map_err(failed_on("recovery code"))?;
        }
        Ok(())
    }

    async fn use_recovery_code(
        &mut self,
        person: &PersonId,
        digest: &[u8; 32],
    ) -> StoreResult<bool> {
        let done = sqlx::query!(
            "DELETE FROM recovery_codes WHERE person_id = $1 AND code_digest = $2",
            person.0,
            digest.as_slice(),
        )
        .execute(self.connection())
        .await
        .map_err(failed)?;
        Ok(done.rows_affected() == 1)
    }

    async fn count_recovery_codes(&mut self, person: &PersonId) -> StoreResult<u32> {
        let rows = sqlx::query!(
            "SELECT code_digest FROM recovery_codes WHERE person_id = $1",
            person.0,
        );
        let rows = rows.fetch_all(self.connection()).await.map_err(failed)?;
        Ok(u32::try_from(rows.len()).unwrap_or(u32::MAX))
    }
}
