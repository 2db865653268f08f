//! Calls that finish later, and the nodes that carry them out (AAP §5.11).

use async_trait::async_trait;
use procura_agent_auth::id::AgentId;
use procura_keys::clock::Timestamp;
use serde_json::Value;

use crate::StoreResult;
use crate::nodes::NodeId;

/// A job.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Its name, which nobody can guess.
    pub id: String,
    /// Who started it.
    pub agent_id: AgentId,
    /// What it carries out.
    pub capability: String,
    /// The token that started it.
    pub jti: String,
    /// Where it runs.
    pub node: NodeId,
    /// When it began.
    pub started_at: Timestamp,
    /// How it stands.
    pub state: JobState,
    /// When it may be forgotten. One that runs has no such time.
    pub forget_at: Option<Timestamp>,
}

/// How a job stands.
#[derive(Clone, Debug, PartialEq)]
pub enum JobState {
    /// Not done yet.
    Pending,
    /// Done, with this result.
    Completed(Value),
    /// Its backend failed, or refused it with this error, as it is shown.
    Failed(Option<Value>),
    /// Its node ended before it did. Nobody knows how far it came.
    Interrupted,
}

impl JobState {
    /// What it is called.
    pub fn status(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Completed(_) => "completed",
            Self::Failed(_) => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}

/// Jobs.
#[async_trait]
pub trait JobStore {
    /// Adds a job. Its name is its own.
    async fn insert_job(&mut self, job: &Job) -> StoreResult<()>;
    /// The job of this name, unless it may be forgotten at `now`.
    async fn find_job(&mut self, id: &str, now: Timestamp) -> StoreResult<Option<Job>>;
    /// Ends a job that is pending. One that is not, or is not there, is a
    /// [`Conflict`](crate::StoreError::Conflict).
    async fn settle_job(
        &mut self,
        id: &str,
        state: &JobState,
        forget_at: Timestamp,
    ) -> StoreResult<()>;
    /// The nodes that pending jobs run at, in order.
    async fn list_nodes_of_pending_jobs(&mut self) -> StoreResult<Vec<NodeId>>;
    /// Pending jobs of a node, in the order of their names.
    async fn list_pending_jobs_of(&mut self, node: &NodeId, limit: u32) -> StoreResult<Vec<Job>>;
    /// Forgets jobs whose time has come, at most so many and never more than 1000, and says how many.
    async fn delete_old_jobs(&mut self, now: Timestamp, limit: u32) -> StoreResult<u64>;
}
