//! `POST /capability/execute` (§5.11): check, record, call, record.

pub mod batch;
pub mod jobs;
mod stream;
mod underway;
pub(super) mod uses;
mod watch;

use std::sync::Arc;

use futures_util::StreamExt as _;
use procura_adapters::{Call, Reply, Told};
use procura_agent_auth::capability::CapabilityName;
use procura_agent_auth::execution::{self, Call as Attempt};
use procura_agent_auth::grant::Grant;
use procura_agent_auth::refusal::Refusal;
use procura_agent_auth::wire::execute::ExecuteRequest;
use procura_store::audit::AuditEntry;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use tracing::{Instrument as _, debug_span};

use self::jobs::JobId;
pub use self::stream::Piece;
use self::underway::Underway;
use super::caller::{AgentCaller, ExecutingAgent};
use crate::audit;
use crate::catalogue::{Catalogue, Offered};
use crate::context::Context;
use crate::error::{Failure, ServiceError, ServiceResult};
use crate::journal::Entry;
use crate::people::vault::VaultOf;

/// How a call went, once it was permitted.
#[derive(Debug)]
pub enum Execution {
    /// Done; this is the result.
    Done(Value),
    /// Started; the result can be asked for under this name.
    Started(JobId),
    /// A result in pieces.
    Streaming(mpsc::Receiver<Piece>),
}

/// Carries out a capability for an agent. The call is in the audit log before the backend hears of it. `in_pieces` says
/// whether the agent also takes news of a call that is under way.
pub async fn execute(
    ctx: &Context,
    executing: ExecutingAgent,
    request: ExecuteRequest,
    in_pieces: bool,
) -> ServiceResult<Execution> {
    let ExecutingAgent { caller, unsaved } = executing;
    let arguments = request.arguments.unwrap_or_default();
    let authorized = authorize(ctx, &caller, &request.capability, &arguments).await;
    let audit = attempt_entry(ctx, &caller, &request.capability, &arguments, &authorized);
    ctx.journal()
        .write(Entry {
            audit: Some(audit),
            ..unsaved
        })
        .instrument(debug_span!("journal"))
        .await?;
    let (offered, _) = authorized?;
    let caller = Arc::new(caller);
    let running = Arc::new(Running { caller, offered });
    let backend = debug_span!("backend", capability = %running.name());
    let reply = call_backend(ctx, &running, &arguments, in_pieces);
    match reply.instrument(backend).await {
        Ok(Reply::Value(value)) => {
            running.finish(ctx, "ok").await?;
            Ok(Execution::Done(value))
        }
        Ok(Reply::Job(job)) => Ok(Execution::Started(jobs::start(ctx, running, job).await?)),
        Ok(Reply::Stream(pieces)) => {
            let told = pieces.map(|piece| piece.map(Told::Progress)).boxed();
            Ok(Execution::Streaming(stream::start(ctx, running, told)))
        }
        Ok(Reply::Narrated(told)) => Ok(Execution::Streaming(stream::start(ctx, running, told))),
        Err(error) => {
            running.finish(ctx, outcome(&error)).await?;
            Err(error)
        }
    }
}

/// Refuses a call that cannot be read. Its token is used up, and its agent accounts for it, like any other.
pub async fn refuse_unread(
    ctx: &Context,
    executing: ExecutingAgent,
    error: ServiceError,
) -> ServiceError {
    let ExecutingAgent { caller, unsaved } = executing;
    let agent = &caller.snapshot.agent;
    let entry = audit::entry(caller.now, "capability.refused", audit::agent_actor(agent));
    let mut entry = audit::about_agent(entry, agent);
    if let ServiceError::Refused(refusal) = &error {
        refusal.code_and_status().0.clone_into(&mut entry.outcome);
    }
    entry.jti = Some(caller.token.jti().to_owned());
    let audit = Some(entry);
    match ctx.journal().write(Entry { audit, ..unsaved }).await {
        Ok(()) => error,
        Err(unwritten) => unwritten,
    }
}

/// A permitted call that has begun.
#[derive(Debug)]
struct Running {
    caller: Arc<AgentCaller>,
    /// What it was when the call was permitted, whatever becomes of it meanwhile.
    offered: Arc<Offered>,
}

impl Running {
    fn name(&self) -> &CapabilityName {
        &self.offered.shown.name
    }

    /// Records how the call ended: `ok`, or an error code. The start is on record already, so the answer does
    /// not wait for this.
    async fn finish(&self, ctx: &Context, outcome: &str) -> Result<(), Failure> {
        let audit = Some(self.end(ctx, outcome));
        ctx.journal()
            .note(Entry {
                audit,
                ..Entry::default()
            })
            .await
    }

    /// The record of how the call ended.
    fn end(&self, ctx: &Context, outcome: &str) -> AuditEntry {
        let agent = &self.caller.snapshot.agent;
        let entry = audit::entry(ctx.now(), "capability.finished", audit::agent_actor(agent));
        let mut entry = audit::about_agent(entry, agent);
        entry.capability = Some(self.name().to_string());
        entry.outcome = outcome.to_owned();
        entry.jti = Some(self.caller.token.jti().to_owned());
        entry
    }
}

/// A call is carried out here if it is permitted at all, and not elsewhere. It takes one of the uses of its grant, if
/// they are counted.
async fn authorize(
    ctx: &Context,
    caller: &AgentCaller,
    capability: &str,
    arguments: &Map<String, Value>,
) -> ServiceResult<(Arc<Offered>, Grant)> {
    let catalogue = ctx.catalogue();
    uses::take(ctx, caller, |grants| {
        let (offered, grant) = permit(&catalogue, caller, grants, capability, arguments)?;
        let shown = &offered.shown;
        if let Some(location) = &shown.location {
            let name = &shown.name;
            let message = format!("{name} is carried out at {location}. Send the call there.");
            return Err(Refusal::invalid(message).into());
        }
        Ok((offered, grant))
    })
    .await
}

/// Name, proof of possession, claim, grant and limits, then the input schema: in this order, and nothing runs before
/// all hold.
pub(super) fn permit(
    catalogue: &Catalogue,
    caller: &AgentCaller,
    grants: &[Grant],
    capability: &str,
    arguments: &Map<String, Value>,
) -> Result<(Arc<Offered>, Grant), Refusal> {
    let name = capability
        .parse::<CapabilityName>()
        .map_err(|error| Refusal::invalid(format!("capability: {error}.")))?;
    let offered = catalogue.find(&name);
    if let Some(offered) = offered {
        caller.possession.require(offered.possession)?;
    }
    let attempt = Attempt {
        capability: &name,
        offered: offered.is_some(),
        form: offered.and_then(|offered| offered.form),
        arguments,
    };
    let grant = execution::authorize(attempt, &caller.token, grants, caller.now)?.clone();
    let unknown = || Refusal::CapabilityNotFound {
        name: name.to_string(),
    };
    let offered = offered.ok_or_else(unknown)?;
    if let Some(input) = &offered.input {
        input.check(arguments)?;
    }
    Ok((Arc::clone(offered), grant))
}

/// Calls what carries the capability out, for as long as the agent may go on: whoever is waited for when a grant is
/// taken back is left, as if the agent had gone away.
async fn call_backend(
    ctx: &Context,
    running: &Arc<Running>,
    arguments: &Map<String, Value>,
    in_pieces: bool,
) -> ServiceResult<Reply> {
    let underway = Underway::begin(ctx, running);
    let snapshot = &running.caller.snapshot;
    let call = Call {
        capability: running.name().as_str(),
        arguments,
        in_pieces,
        agent_id: snapshot.agent.id.as_str(),
        host_id: snapshot.host.id.as_str(),
        user_id: snapshot.agent.user_id.as_ref().map(|id| id.0.as_str()),
        call_id: running.caller.token.jti(),
        vault: &VaultOf(ctx),
    };
    let reply = tokio::select! {
        biased;
        reply = running.offered.backend.call(call) => reply.map_err(ServiceError::from),
        refusal = watch::until_refused(ctx, running) => Err(refusal),
    };
    underway.end();
    reply
}

/// The code under which an error is recorded and shown.
fn outcome(error: &ServiceError) -> &'static str {
    match error {
        ServiceError::Refused(refusal) => refusal.code_and_status().0,
        ServiceError::Failed(_) => INTERNAL_ERROR,
    }
}

fn attempt_entry(
    ctx: &Context,
    caller: &AgentCaller,
    capability: &str,
    arguments: &Map<String, Value>,
    authorized: &ServiceResult<(Arc<Offered>, Grant)>,
) -> AuditEntry {
    let agent = &caller.snapshot.agent;
    let event = if authorized.is_ok() {
        "capability.started"
    } else {
        "capability.refused"
    };
    let mut entry = audit::about_agent(
        audit::entry(caller.now, event, audit::agent_actor(agent)),
        agent,
    );
    // A name that is no name is not kept at any length a stranger likes.
    entry.capability = Some(capability.chars().take(MAX_LOGGED_NAME).collect());
    entry.outcome = audit::outcome(authorized).to_owned();
    entry.jti = Some(caller.token.jti().to_owned());
    entry.detail = audit::arguments(ctx.policy().audit_arguments, arguments);
    if let Ok((_, grant)) = authorized {
        entry.detail["grant_id"] = json!(grant.id);
        if let Some(uses) = grant.uses {
            entry.detail["uses_left"] = json!(uses.left());
        }
    }
    entry
}

const MAX_LOGGED_NAME: usize = 128;
/// The code under which a backend's failure is recorded and shown.
const INTERNAL_ERROR: &str = "internal_error";
