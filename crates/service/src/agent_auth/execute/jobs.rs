//! Calls that finish later: started here, asked for at their own URL by the agent that started them (§5.11).
//!
//! Jobs live in this process. One that was running when the server stopped is gone, and its agent finds no job
//! under the name; the audit log holds its start.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use procura_adapters::BackendError;
use procura_agent_auth::id::AgentId;
use procura_agent_auth::refusal::Refusal;
use procura_agent_auth::token::possession::Presentation;
use procura_keys::clock::Timestamp;
use procura_keys::digest::to_base64url;
use serde_json::Value;

use super::Running;
use crate::agent_auth::account::Spending;
use crate::agent_auth::caller::{self, AgentCaller, Sent};
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

/// How a job stands.
#[derive(Clone, Debug, PartialEq)]
pub enum JobState {
    /// Not done yet.
    Pending,
    /// Done.
    Completed(Value),
    /// Its backend failed, or refused it for this reason.
    Failed(Option<Refusal>),
}

/// The jobs of this process.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    held: Mutex<HashMap<JobId, Job>>,
}

#[derive(Debug)]
struct Job {
    agent_id: AgentId,
    /// The token that started it.
    jti: String,
    state: JobState,
    /// When its result may be forgotten; running jobs have no such time.
    forget_at: Option<Timestamp>,
}

/// Starts a job and returns its name.
pub(super) fn start(
    ctx: &Context,
    running: Arc<Running>,
    work: BoxFuture<'static, Result<Value, BackendError>>,
) -> JobId {
    let id = JobId(format!("job_{}", to_base64url(&ctx.random::<16>())));
    let agent_id = running.caller.snapshot.agent.id.clone();
    ctx.jobs().lock().insert(
        id.clone(),
        Job {
            agent_id,
            jti: running.caller.token.jti().to_owned(),
            state: JobState::Pending,
            forget_at: None,
        },
    );
    let (ctx, job) = (ctx.clone(), id.clone());
    tokio::spawn(async move {
        let (state, outcome) = match work.await {
            Ok(value) => (JobState::Completed(value), "ok"),
            Err(error) => {
                let error = ServiceError::from(error);
                let outcome = super::outcome(&error);
                (JobState::Failed(logged(error)), outcome)
            }
        };
        if let Err(error) = running.finish(&ctx, outcome).await {
            tracing::error!(%error, "the end of a job could not be recorded");
        }
        ctx.jobs().settle(&job, state, ctx.now());
    });
    id
}

/// The reason that may be shown. Any other is told to the log.
fn logged(error: ServiceError) -> Option<Refusal> {
    match error {
        ServiceError::Refused(refusal) => Some(refusal),
        ServiceError::Failed(failure) => {
            tracing::error!(error = %failure, "a job failed");
            None
        }
    }
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
pub fn state(ctx: &Context, caller: &AgentCaller, job: &str) -> ServiceResult<JobState> {
    let jobs = ctx.jobs().lock();
    let job = jobs
        .get(&JobId(job.to_owned()))
        .ok_or(Refusal::JobNotFound)?;
    if job.agent_id == caller.snapshot.agent.id {
        Ok(job.state.clone())
    } else {
        Err(Refusal::Unauthorized("The job was started by another agent.").into())
    }
}

impl Jobs {
    /// Forgets results that nobody asked for in time.
    pub(crate) fn sweep(&self, now: Timestamp) {
        self.lock()
            .retain(|_, job| job.forget_at.is_none_or(|end| now < end));
    }

    /// Whether this agent started this job with the token of this name.
    pub(crate) fn was_started_by(&self, job: &str, agent: &AgentId, jti: &str) -> bool {
        let jobs = self.lock();
        let job = jobs.get(&JobId(job.to_owned()));
        job.is_some_and(|job| job.agent_id == *agent && job.jti == jti)
    }

    fn settle(&self, id: &JobId, state: JobState, now: Timestamp) {
        if let Some(job) = self.lock().get_mut(id) {
            job.state = state;
            job.forget_at = Some(now.plus(KEEP));
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, Job>> {
        // A poisoned lock means a panic elsewhere; the map itself is whole after every operation.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a result is kept.
const KEEP: Duration = Duration::from_hours(1);
/// The path of a job, before its name.
const STATUS_PATH: &str = "/capability/status/";
