//! `POST /capability/execute` (§5.11): check, record, call, record.

use procura_adapters::{Call, Reply};
use procura_agent_auth::capability::CapabilityName;
use procura_agent_auth::execution::{self, Call as Attempt};
use procura_agent_auth::grant::Grant;
use procura_agent_auth::refusal::Refusal;
use procura_agent_auth::wire::execute::ExecuteRequest;
use procura_keys::clock::Timestamp;
use procura_store::audit::AuditEntry;
use serde_json::{Map, Value, json};

use super::caller::{AgentCaller, ExecutingAgent};
use super::snapshot::AgentSnapshot;
use crate::audit;
use crate::context::Context;
use crate::error::{Failure, ServiceError, ServiceResult};
use crate::journal::Entry;

/// Carries out a capability for an agent. The call is in the audit log before the backend hears of it.
pub async fn execute(ctx: &Context, executing: ExecutingAgent, request: ExecuteRequest) -> ServiceResult<Value> {
    let ExecutingAgent { caller, unsaved } = executing;
    let arguments = request.arguments.unwrap_or_default();
    let authorized = authorize(ctx, &caller, &request.capability, &arguments);
    let audit = attempt_entry(ctx, &caller, &request.capability, &arguments, &authorized);
    ctx.journal().write(Entry { audit: Some(audit), ..unsaved }).await?;
    let (name, _) = authorized?;
    let result = call_backend(ctx, &caller.snapshot, &name, &arguments).await;
    let outcome = outcome_entry(ctx.now(), &caller, &name, &result);
    ctx.journal().write(Entry { audit: Some(outcome), ..Entry::default() }).await?;
    result
}

/// Name, claim, grant and limits, then the input schema: in this order, and nothing runs before all hold.
fn authorize(
    ctx: &Context,
    caller: &AgentCaller,
    capability: &str,
    arguments: &Map<String, Value>,
) -> ServiceResult<(CapabilityName, Grant)> {
    let name = capability
        .parse::<CapabilityName>()
        .map_err(|error| Refusal::invalid(format!("capability: {error}.")))?;
    let offered = ctx.catalogue().find(&name);
    let attempt = Attempt { capability: &name, offered: offered.is_some(), arguments };
    let grant = execution::authorize(attempt, &caller.token, &caller.snapshot.grants, caller.now)?.clone();
    if let Some(input) = offered.and_then(|offered| offered.input.as_ref()) {
        input.check(arguments)?;
    }
    Ok((name, grant))
}

async fn call_backend(
    ctx: &Context,
    snapshot: &AgentSnapshot,
    name: &CapabilityName,
    arguments: &Map<String, Value>,
) -> ServiceResult<Value> {
    let offered = ctx.catalogue().find(name).ok_or(Failure::Bug("an authorized capability is not offered"))?;
    let call = Call {
        capability: name.as_str(),
        arguments,
        agent_id: snapshot.agent.id.as_str(),
        host_id: snapshot.host.id.as_str(),
        user_id: snapshot.agent.user_id.as_ref().map(|id| id.0.as_str()),
    };
    match offered.backend.call(call).await.map_err(Failure::from)? {
        Reply::Value(value) => Ok(value),
        Reply::Job(_) | Reply::Stream(_) => Err(Failure::Bug("jobs and streams are not served").into()),
    }
}

fn attempt_entry(
    ctx: &Context,
    caller: &AgentCaller,
    capability: &str,
    arguments: &Map<String, Value>,
    authorized: &ServiceResult<(CapabilityName, Grant)>,
) -> AuditEntry {
    let agent = &caller.snapshot.agent;
    let event = if authorized.is_ok() { "capability.started" } else { "capability.refused" };
    let mut entry = audit::about_agent(audit::entry(caller.now, event, audit::agent_actor(agent)), agent);
    // A name that is no name is not kept at any length a stranger likes.
    entry.capability = Some(capability.chars().take(MAX_LOGGED_NAME).collect());
    entry.outcome = audit::outcome(authorized).to_owned();
    entry.jti = Some(caller.token.jti().to_owned());
    entry.detail = audit::arguments(ctx.policy().audit_arguments, arguments);
    if let Ok((_, grant)) = authorized {
        entry.detail["grant_id"] = json!(grant.id);
    }
    entry
}

fn outcome_entry(
    now: Timestamp,
    caller: &AgentCaller,
    name: &CapabilityName,
    result: &Result<Value, ServiceError>,
) -> AuditEntry {
    let agent = &caller.snapshot.agent;
    let entry = audit::entry(now, "capability.finished", audit::agent_actor(agent));
    let mut entry = audit::about_agent(entry, agent);
    entry.capability = Some(name.to_string());
    entry.outcome = audit::outcome(result).to_owned();
    entry.jti = Some(caller.token.jti().to_owned());
    entry
}

const MAX_LOGGED_NAME: usize = 128;
