use async_trait::async_trait;
use procura_keys::clock::Timestamp;
use procura_store::jobs::{Job, JobState, JobStore};
use procura_store::nodes::NodeId;
use procura_store::{StoreError, StoreResult};
use serde_json::Value;

use crate::column;
use crate::dialect::{original, stored};
use crate::error::{failed, failed_on};
use crate::transaction::SqlTransaction;

#[async_trait]
impl JobStore for SqlTransaction {
    async fn insert_job(&mut self, job: &Job) -> StoreResult<()> {
        sqlx::query!(
            "INSERT INTO jobs (id, agent_id, capability, jti, node, status, outcome, started_at,
                forget_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            job.id,
            job.agent_id.as_str(),
            job.capability,
            &*stored(&job.jti),
            job.node.0,
            job.state.status(),
            outcome(&job.state),
            job.started_at.as_millis(),
            job.forget_at.map(Timestamp::as_millis),
        )
        .execute(self.connection())
        .await
        .map_err(failed_on(JOB))?;
        Ok(())
    }

    async fn find_job(&mut self, id: &str, now: Timestamp) -> StoreResult<Option<Job>> {
        let row = sqlx::query_as!(
            JobRow,
            "SELECT id, agent_id, capability, jti, node, status, outcome, started_at, forget_at
            FROM jobs WHERE id = $1 AND (forget_at IS NULL OR forget_at > $2)",
            &*stored(id),
            now.as_millis(),
        );
        let row = row.fetch_optional(self.connection()).await;
        row.map_err(failed)?.map(Job::try_from).transpose()
    }

    async fn settle_job(
        &mut self,
        id: &str,
        state: &JobState,
        forget_at: Timestamp,
    ) -> StoreResult<()> {
        let settled = sqlx::query!(
            "UPDATE jobs SET status = $2, outcome = $3, forget_at = $4
            WHERE id = $1 AND status = 'pending'",
            id,
            state.status(),
            outcome(state),
            forget_at.as_millis(),
        );
        let settled = settled.execute(self.connection()).await.map_err(failed)?;
        match settled.rows_affected() {
            0 => Err(StoreError::Conflict(JOB)),
            _ => Ok(()),
        }
    }

    async fn list_nodes_of_pending_jobs(&mut self) -> StoreResult<Vec<NodeId>> {
        let nodes = sqlx::query_scalar!(
            "SELECT DISTINCT node FROM jobs WHERE status = 'pending' ORDER BY node"
        );
        let nodes = nodes.fetch_all(self.connection()).await.map_err(failed)?;
        Ok(nodes.into_iter().map(NodeId).collect())
    }

    async fn list_pending_jobs_of(&mut self, node: &NodeId, limit: u32) -> StoreResult<Vec<Job>> {
        let rows = sqlx::query_as!(
            JobRow,
            "SELECT id, agent_id, capability, jti, node, status, outcome, started_at, forget_at
            FROM jobs WHERE status = 'pending' AND node = $1 ORDER BY id LIMIT $2",
            node.0,
            i64::from(limit),
        );
        let rows = rows.fetch_all(self.connection()).await.map_err(failed)?;
        rows.into_iter().map(Job::try_from).collect()
    }

    async fn delete_old_jobs(&mut self, now: Timestamp, limit: u32) -> StoreResult<u64> {
        let removed = sqlx::query!(
            "DELETE FROM jobs WHERE id IN (
                SELECT id FROM (
                    SELECT id FROM jobs WHERE forget_at IS NOT NULL AND forget_at <= $1
                    ORDER BY forget_at LIMIT 1000
                ) AS picked LIMIT $2
            )",
            now.as_millis(),
            i64::from(limit),
        );
        let removed = removed.execute(self.connection()).await.map_err(failed)?;
        Ok(removed.rows_affected())
    }
}

/// JSON writes U+0000 as an escape, so the text needs none of its own.
fn outcome(state: &JobState) -> Option<String> {
    match state {
        JobState::Completed(value) | JobState::Failed(Some(value)) => Some(value.to_string()),
        JobState::Pending | JobState::Failed(None) | JobState::Interrupted => None,
    }
}

struct JobRow {
    id: String,
    agent_id: String,
    capability: String,
    jti: String,
    node: String,
    status: String,
    outcome: Option<String>,
    started_at: i64,
    forget_at: Option<i64>,
}

impl TryFrom<JobRow> for Job {
    type Error = StoreError;

    fn try_from(row: JobRow) -> StoreResult<Self> {
        let outcome = row.outcome.as_deref();
        let outcome = outcome.map(|text| column::json::<Value>(JOB, text));
        let state = match (row.status.as_str(), outcome.transpose()?) {
            ("pending", None) => JobState::Pending,
            ("completed", Some(result)) => JobState::Completed(result),
            ("failed", error) => JobState::Failed(error),
            ("interrupted", None) => JobState::Interrupted,
            (status, _) => {
                let problem = format_args!("{status:?} does not go with its outcome");
                return Err(column::corrupt(JOB, &problem));
            }
        };
        Ok(Self {
            id: row.id,
            agent_id: column::text(JOB, row.agent_id)?,
            capability: row.capability,
            jti: original(row.jti),
            node: NodeId(row.node),
            started_at: Timestamp::from_millis(row.started_at),
            state,
            forget_at: row.forget_at.map(Timestamp::from_millis),
        })
    }
}

const JOB: &str = "job";
