//! `GET /agent/status` (§5.5).

use procura_agent_auth::agent::Agent;
use procura_agent_auth::id::AgentId;
use procura_agent_auth::refusal::Refusal;
use procura_agent_auth::wire::status::{StatusQuery, StatusResponse};
use procura_store::Transaction;

use super::caller::HostCaller;
use super::views;
use crate::context::Context;
use crate::error::ServiceResult;

/// Tells a host how one of its agents stands.
pub async fn status(
    ctx: &Context,
    caller: &HostCaller,
    query: &StatusQuery,
) -> ServiceResult<StatusResponse> {
    let result = async {
        let mut tx = ctx.read().await?;
        let agent = own_agent(tx.as_mut(), caller, &query.agent_id).await?;
        let grants = tx.list_grants_by_agent(&agent.id).await?;
        Ok(views::status(ctx, &agent, &grants, caller.now))
    }
    .await;
    caller.record(ctx, "status", result).await
}

/// The agent a host names, which has to be its own.
pub(super) async fn own_agent(
    tx: &mut dyn Transaction,
    caller: &HostCaller,
    id: &str,
) -> ServiceResult<Agent> {
    let id = id.parse::<AgentId>().map_err(|_| Refusal::AgentNotFound)?;
    let agent = tx.find_agent(&id).await?.ok_or(Refusal::AgentNotFound)?;
    if agent.host_id == caller.host.id {
        Ok(agent)
    } else {
        Err(Refusal::Unauthorized("The agent belongs to another host.").into())
    }
}
