use async_trait::async_trait;
use procura_agent_auth::id::UserId;
use procura_store::StoreResult;
use procura_store::labels::LabelStore;

use crate::error::failed;
use crate::transaction::SqlTransaction;

#[async_trait]
impl LabelStore for SqlTransaction {
    async fn put_label(
        &mut self,
        user: &UserId,
        subject: &str,
        label: Option<&str>,
    ) -> StoreResult<()> {
        if let Some(label) = label {
            let put = sqlx::query!(
                "INSERT INTO labels (user_id, subject, label) VALUES ($1, $2, $3)
                ON CONFLICT (user_id, subject) DO UPDATE SET label = excluded.label",
                user.0,
                subject,
                label,
            );
            put.execute(self.connection()).await.map_err(failed)?;
        } else {
            let removed = sqlx::query!(
                "DELETE FROM labels WHERE user_id = $1 AND subject = $2",
                user.0,
                subject,
            );
            removed.execute(self.connection()).await.map_err(failed)?;
        }
        Ok(())
    }

    async fn find_label(&mut self, user: &UserId, subject: &str) -> StoreResult<Option<String>> {
        let label = sqlx::query_scalar!(
            "SELECT label FROM labels WHERE user_id = $1 AND subject = $2",
            user.0,
            subject,
        );
        let found = label.fetch_optional(self.connection()).await;
        found.map_err(failed)
    }

    async fn delete_labels_of_user(&mut self, user: &UserId) -> StoreResult<()> {
        let removed = sqlx::query!("DELETE FROM labels WHERE user_id = $1", user.0);
        removed.execute(self.connection()).await.map_err(failed)?;
        Ok(())
    }
}
