//! Calls that finish later: started here, asked for at their own URL by the agent that started them (§5.11).
//!
//! A job runs in the process that began it and is kept in the store, so that any node can say how it stands. One whose
//! process ended before it did is interrupted: nobody can know how far it came, which is what its agent is told.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use procura_adapters::BackendError;
use procura_agent_auth::refusal::Refusal;
use procura_agent_auth::token::possession::Presentation;
use procura_keys::digest::to_base64url;
use procura_store::StoreError;
use procura_store::audit::AuditEntry;
use procura_store::jobs::Job;
pub use procura_store::jobs::JobState;
use procura_store::nodes::NodeId;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::Running;
use crate::agent_auth::account::Spending;
use crate::agent_auth::caller::{self, AgentCaller, Sent};
use crate::audit;
use crate::context::Context;
use crate::error::{ServiceError, ServiceResult};

/// Names a job: 128 random bits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct JobId(String);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl JobId {
    /// The job that goes by this name.
    pub fn from_name(name: String) -> Self {
        Self(name)
    }

    /// Where the job can be asked for.
    pub fn status_url(&self, ctx: &Context) -> String {
        ctx.provider().url(&format!("{STATUS_PATH}{self}"))
    }
}

/// The jobs that run in this process.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    running: Mutex<JoinSet<()>>,
}

/// Starts a job and returns its name, once every node can be asked for it.
pub(super) async fn start(
    ctx: &Context,
    running: Arc<Running>,
    work: BoxFuture<'static, Result<Value, BackendError>>,
) -> ServiceResult<JobId> {
    let id = format!("job_{}", to_base64url(&ctx.random::<16>()));
    let begun = begin(ctx, &running, id.clone()).await;
    if let Err(error) = begun {
        running.finish(ctx, super::outcome(&error)).await?;
        return Err(error);
    }
    ctx.jobs()
        .spawn(carry_out(ctx.clone(), id.clone(), running, work));
    Ok(JobId(id))
}

async fn begin(ctx: &Context, running: &Running, id: String) -> ServiceResult<()> {
    let mut tx = ctx.begin().await?;
    tx.insert_job(&Job {
        id,
        agent_id: running.caller.snapshot.agent.id.clone(),
        capability: running.name().to_string(),
        jti: running.caller.token.jti().to_owned(),
        node: ctx.node().clone(),
        started_at: ctx.now(),
        state: JobState::Pending,
        forget_at: None,
    })
    .await?;
    Ok(tx.commit().await?)
}

async fn carry_out(
    ctx: Context,
    id: String,
    running: Arc<Running>,
    work: BoxFuture<'static, Result<Value, BackendError>>,
) {
    let (state, outcome) = match work.await {
        Ok(value) => (JobState::Completed(value), "ok"),
        Err(error) => {
            let error = ServiceError::from(error);
            let outcome = super::outcome(&error);
            (JobState::Failed(shown(error)), outcome)
        }
    };
    // The only copy of the result is here, so it waits for a store that does not answer.
    while let Err(error) = end(&ctx, &id, &state, running.end(&ctx, outcome)).await {
        tracing::error!(%error, "the end of a job could not be written down, which is tried again");
        sleep(WRITE_AGAIN).await;
    }
}

/// The reason that may be shown. Any other is told to the log.
fn shown(error: ServiceError) -> Option<Value> {
    match error {
        ServiceError::Refused(refusal) => Some(refusal.body()),
        ServiceError::Failed(failure) => {
            tracing::error!(error = %failure, "a job failed");
            None
        }
    }
}

/// Writes down how a job ended. Where it counts as interrupted already, its agent was told so, and it stays at that; the
/// log holds both.
async fn end(ctx: &Context, id: &str, state: &JobState, record: AuditEntry) -> ServiceResult<()> {
    let mut tx = ctx.begin().await?;
    match tx.settle_job(id, state, ctx.now().plus(KEEP)).await {
        Ok(()) => {}
        Err(StoreError::Conflict(_)) => {
            tracing::warn!("a job ended that counted as interrupted");
        }
        Err(error) => return Err(error.into()),
    }
    tx.append_audit(vec![record]).await?;
    Ok(tx.commit().await?)
}

/// Verifies whoever asks for a job. Tokens name the place of execution, the issuer or the job's own URL.
pub async fn asking_agent(
    ctx: &Context,
    sent: &Presentation<'_>,
    job: &str,
) -> ServiceResult<AgentCaller> {
    let location = ctx.provider().default_location();
    let url = ctx.provider().url(&format!("{STATUS_PATH}{job}"));
    let audiences = [location.as_str(), &ctx.provider().issuer, &url];
    let sent = Sent::Here(sent);
    let spending = Spending::Polling;
    let verified = caller::verified_agent_at(ctx, sent, &audiences, spending, Some(job)).await?;
    ctx.journal().write(verified.unsaved).await?;
    Ok(verified.caller)
}

/// How a job stands, for the agent that started it and nobody else.
pub async fn state(ctx: &Context, caller: &AgentCaller, job: &str) -> ServiceResult<JobState> {
    let job = find(ctx, job).await?.ok_or(Refusal::JobNotFound)?;
    if job.agent_id == caller.snapshot.agent.id {
        Ok(job.state)
    } else {
        Err(Refusal::Unauthorized("The job was started by another agent.").into())
    }
}

/// The job of this name.
pub(crate) async fn find(ctx: &Context, job: &str) -> ServiceResult<Option<Job>> {
    let mut tx = ctx.read().await?;
    Ok(tx.find_job(job, ctx.now()).await?)
}

/// Ends the jobs of a node that has gone.
pub(crate) async fn interrupt(ctx: &Context, node: &NodeId) -> ServiceResult<()> {
    loop {
        let mut tx = ctx.begin().await?;
        let jobs = tx.list_pending_jobs_of(node, BATCH).await?;
        let now = ctx.now();
        let mut records = Vec::with_capacity(jobs.len());
        for job in &jobs {
            tx.settle_job(&job.id, &JobState::Interrupted, now.plus(KEEP))
                .await?;
            let Some(agent) = tx.find_agent(&job.agent_id).await? else {
                continue;
            };
            let entry = audit::entry(now, "capability.finished", audit::agent_actor(&agent));
            let mut entry = audit::about_agent(entry, &agent);
            entry.capability = Some(job.capability.clone());
            Refusal::JobInterrupted
                .code_and_status()
                .0
                .clone_into(&mut entry.outcome);
            entry.jti = Some(job.jti.clone());
            records.push(entry);
        }
        tx.append_audit(records).await?;
        tx.commit().await?;
        if !jobs.is_empty() {
            tracing::warn!(%node, count = jobs.len(), "jobs were interrupted: their node has gone");
        }
        if jobs.len() < BATCH as usize {
            return Ok(());
        }
    }
}

/// Waits for the jobs that run here, and interrupts those that take longer than it is patient.
pub(crate) async fn finish(ctx: &Context, patience: Duration) -> ServiceResult<()> {
    let mut running = std::mem::take(&mut *ctx.jobs().lock());
    let all = async { while running.join_next().await.is_some() {} };
    if timeout(patience, all).await.is_err() {
        running.shutdown().await;
    }
    interrupt(ctx, ctx.node()).await
}

impl Jobs {
    fn spawn(&self, job: impl Future<Output = ()> + Send + 'static) {
        let mut running = self.lock();
        while running.try_join_next().is_some() {}
        running.spawn(job);
    }

    fn lock(&self) -> MutexGuard<'_, JoinSet<()>> {
        // A poisoned lock means a panic elsewhere; the set itself is whole after every operation.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a result is kept.
const KEEP: Duration = Duration::from_hours(1);
/// The path of a job, before its name.
const STATUS_PATH: &str = "/capability/status/";
/// How many jobs one transaction ends.
const BATCH: u32 = 100;
const WRITE_AGAIN: Duration = Duration::from_secs(1);
