use async_trait::async_trait;
use procura_agent_auth::id::{AgentId, UserId};
use procura_keys::clock::Timestamp;
use procura_store::StoreResult;
use procura_store::housekeeping::HousekeepingStore;

use crate::column;
use crate::error::failed;
use crate::transaction::SqlTransaction;

#[async_trait]
impl HousekeepingStore for SqlTransaction {
    async fn delete_forgotten(&mut self, now: Timestamp, limit: u32) -> StoreResult<u64> {
        let done = sqlx::query!(
            "DELETE FROM seen_tokens WHERE (signer, jti) IN (
                SELECT signer, jti FROM (
                    SELECT signer, jti FROM seen_tokens WHERE forget_at <= $1
                    ORDER BY forget_at LIMIT 1000
                ) AS picked LIMIT $2
            )",
            now.as_millis(),
            i64::from(limit),
        );
        let done = done.execute(self.connection()).await.map_err(failed)?;
        Ok(done.rows_affected())
    }

    async fn delete_expired_sessions(&mut self, now: Timestamp, limit: u32) -> StoreResult<u64> {
        let done = sqlx::query!(
            "DELETE FROM sessions WHERE token_digest IN (
                SELECT token_digest FROM (
                    SELECT token_digest FROM sessions WHERE expires_at <= $1
                    ORDER BY expires_at LIMIT 1000
                ) AS picked LIMIT $2
            )",
            now.as_millis(),
            i64::from(limit),
        );
        let done = done.execute(self.connection()).await.map_err(failed)?;
        Ok(done.rows_affected())
    }

    /// Their grants and requests go with them.
    async fn delete_stale_agents(
        &mut self,
        before: Timestamp,
        now: Timestamp,
        limit: u32,
    ) -> StoreResult<Vec<AgentId>> {
        let gone = sqlx::query_scalar!(
            "DELETE FROM aap_agents WHERE id IN (
                SELECT id FROM (
                    SELECT id FROM aap_agents
                    WHERE status = 'pending' AND activated_at IS NULL AND created_at < $1
                        AND NOT EXISTS (
                            SELECT 1 FROM aap_approvals
                            WHERE agent_id = aap_agents.id AND status = 'open' AND expires_at > $2
                        )
                    ORDER BY id LIMIT 1000
                ) AS picked LIMIT $3
            )
            RETURNING id",
            before.as_millis(),
            now.as_millis(),
            i64::from(limit),
        );
        oldest_first(gone.fetch_all(self.connection()).await)
    }

    async fn expire_stale_reactivations(
        &mut self,
        before: Timestamp,
        now: Timestamp,
        limit: u32,
    ) -> StoreResult<Vec<AgentId>> {
        let expired = sqlx::query_scalar!(
            "UPDATE aap_agents SET status = 'expired', pending_until = NULL, updated_at = $2 WHERE id IN (
                SELECT id FROM (
                    SELECT id FROM aap_agents
                    WHERE status = 'pending' AND activated_at IS NOT NULL AND updated_at < $1
                        AND NOT EXISTS (
                            SELECT 1 FROM aap_approvals
                            WHERE agent_id = aap_agents.id AND status = 'open' AND expires_at > $2
                        )
                    ORDER BY id LIMIT 1000
                ) AS picked LIMIT $3
            )
            RETURNING id",
            before.as_millis(),
            now.as_millis(),
            i64::from(limit),
        );
        oldest_first(expired.fetch_all(self.connection()).await)
    }

    async fn delete_stale_hosts(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        let done = sqlx::query!(
            "DELETE FROM aap_hosts WHERE id IN (
                SELECT id FROM (
                    SELECT id FROM aap_hosts
                    WHERE status = 'pending' AND created_at < $1
                        AND NOT EXISTS (SELECT 1 FROM aap_agents WHERE host_id = aap_hosts.id)
                    ORDER BY created_at LIMIT 1000
                ) AS picked LIMIT $2
            )",
            before.as_millis(),
            i64::from(limit),
        );
        let done = done.execute(self.connection()).await.map_err(failed)?;
        Ok(done.rows_affected())
    }

    async fn delete_old_approvals(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        let done = sqlx::query!(
            "DELETE FROM aap_approvals WHERE id IN (
                SELECT id FROM (
                    SELECT id FROM aap_approvals
                    WHERE expires_at < $1
                        AND NOT EXISTS (SELECT 1 FROM aap_grants WHERE approval_id = aap_approvals.id)
                    ORDER BY expires_at LIMIT 1000
                ) AS picked LIMIT $2
            )",
            before.as_millis(),
            i64::from(limit),
        );
        let done = done.execute(self.connection()).await.map_err(failed)?;
        Ok(done.rows_affected())
    }

    /// SQLite takes cross joins in the order they are written in, which begins with what is old.
    async fn delete_unanswered_grants(
        &mut self,
        before: Timestamp,
        limit: u32,
    ) -> StoreResult<u64> {
        let done = sqlx::query!(
            "DELETE FROM aap_grants WHERE sequence IN (
                SELECT sequence FROM (
                    SELECT aap_grants.sequence
                    FROM aap_approvals CROSS JOIN aap_grants CROSS JOIN aap_agents
                    WHERE aap_approvals.expires_at < $1
                        AND aap_grants.approval_id = aap_approvals.id
                        AND aap_agents.id = aap_grants.agent_id
                        AND aap_agents.status <> 'pending'
                    ORDER BY aap_approvals.expires_at LIMIT 1000
                ) AS picked LIMIT $2
            )",
            before.as_millis(),
            i64::from(limit),
        );
        let done = done.execute(self.connection()).await.map_err(failed)?;
        Ok(done.rows_affected())
    }

    async fn delete_ended_grants(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        let done = sqlx::query!(
            "DELETE FROM aap_grants WHERE sequence IN (
                SELECT sequence FROM (
                    SELECT sequence FROM aap_grants
                    WHERE status IN ('denied', 'withdrawn', 'revoked') AND updated_at < $1
                        AND EXISTS (
                            SELECT 1 FROM aap_agents
                            WHERE id = aap_grants.agent_id
                                AND status IN ('revoked', 'rejected', 'claimed')
                        )
                    ORDER BY updated_at LIMIT 1000
                ) AS picked LIMIT $2
            )",
            before.as_millis(),
            i64::from(limit),
        );
        let done = done.execute(self.connection()).await.map_err(failed)?;
        Ok(done.rows_affected())
    }

    async fn delete_requests_and_grants_of(&mut self, user: &UserId) -> StoreResult<()> {
        sqlx::query!(
            "DELETE FROM aap_grants WHERE agent_id IN (
                SELECT id FROM aap_agents
                WHERE user_id = $1 AND status IN ('revoked', 'rejected', 'claimed')
            )",
            user.0,
        )
        .execute(self.connection())
        .await
        .map_err(failed)?;
        sqlx::query!(
            "DELETE FROM aap_approvals WHERE agent_id IN (
                SELECT id FROM aap_agents
                WHERE user_id = $1 AND status IN ('revoked', 'rejected', 'claimed')
            )",
            user.0,
        )
        .execute(self.connection())
        .await
        .map_err(failed)?;
        Ok(())
    }

    async fn insert_due_erasure(&mut self, user: &UserId) -> StoreResult<()> {
        sqlx::query!(
            "INSERT INTO due_erasures (user_id) VALUES ($1) ON CONFLICT DO NOTHING",
            user.0,
        )
        .execute(self.connection())
        .await
        .map_err(failed)?;
        Ok(())
    }

    async fn list_due_erasures(&mut self, limit: u32) -> StoreResult<Vec<UserId>> {
        let due = sqlx::query_scalar!(
            "SELECT user_id FROM due_erasures WHERE user_id > '' ORDER BY user_id LIMIT $1",
            i64::from(limit),
        );
        let due = due.fetch_all(self.connection()).await.map_err(failed)?;
        Ok(due.into_iter().map(UserId).collect())
    }

    async fn delete_due_erasure(&mut self, user: &UserId) -> StoreResult<()> {
        sqlx::query!("DELETE FROM due_erasures WHERE user_id = $1", user.0)
            .execute(self.connection())
            .await
            .map_err(failed)?;
        Ok(())
    }
}

fn oldest_first(ids: sqlx::Result<Vec<String>>) -> StoreResult<Vec<AgentId>> {
    let mut ids = ids.map_err(failed)?;
    ids.sort_unstable();
    ids.into_iter()
        .map(|id| column::text("agent", id))
        .collect()
}
