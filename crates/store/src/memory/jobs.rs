use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use procura_keys::clock::Timestamp;

use super::MemoryTransaction;
use super::state::length;
use crate::jobs::{Job, JobState, JobStore};
use crate::nodes::NodeId;
use crate::{StoreError, StoreResult};

#[async_trait]
impl JobStore for MemoryTransaction {
    async fn insert_job(&mut self, job: &Job) -> StoreResult<()> {
        let jobs = Arc::make_mut(&mut self.change()?.jobs);
        if jobs.contains_key(&job.id) {
            return Err(StoreError::Conflict("job"));
        }
        jobs.insert(job.id.clone(), job.clone());
        Ok(())
    }

    async fn find_job(&mut self, id: &str, now: Timestamp) -> StoreResult<Option<Job>> {
        let job = self.state.jobs.get(id);
        let kept = job.filter(|job| job.forget_at.is_none_or(|end| now < end));
        Ok(kept.cloned())
    }

    async fn settle_job(
        &mut self,
        id: &str,
        state: &JobState,
        forget_at: Timestamp,
    ) -> StoreResult<()> {
        let job = Arc::make_mut(&mut self.change()?.jobs).get_mut(id);
        let pending = job.filter(|job| job.state == JobState::Pending);
        let job = pending.ok_or(StoreError::Conflict("job"))?;
        job.state = state.clone();
        job.forget_at = Some(forget_at);
        Ok(())
    }

    async fn list_nodes_of_pending_jobs(&mut self) -> StoreResult<Vec<NodeId>> {
        let nodes: BTreeSet<_> = pending(&self.state.jobs).map(|job| &job.node).collect();
        Ok(nodes.into_iter().cloned().collect())
    }

    async fn list_pending_jobs_of(&mut self, node: &NodeId, limit: u32) -> StoreResult<Vec<Job>> {
        let jobs = pending(&self.state.jobs).filter(|job| job.node == *node);
        Ok(jobs.take(length(limit)).cloned().collect())
    }

    async fn delete_old_jobs(&mut self, now: Timestamp, limit: u32) -> StoreResult<u64> {
        let jobs = Arc::make_mut(&mut self.change()?.jobs);
        let old = jobs
            .values()
            .filter(|job| job.forget_at.is_some_and(|end| end <= now));
        let old: Vec<_> = old.take(length(limit)).map(|job| job.id.clone()).collect();
        for id in &old {
            jobs.remove(id);
        }
        Ok(old.len() as u64)
    }
}

fn pending(jobs: &std::collections::BTreeMap<String, Job>) -> impl Iterator<Item = &Job> {
    jobs.values().filter(|job| job.state == JobState::Pending)
}
