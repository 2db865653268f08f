//! `POST /agent/revoke` (§5.7), and the same by an administrator.

use procura_agent_auth::agent::{Agent, decide_revocation};
use procura_agent_auth::lifetime;
use procura_agent_auth::wire::lifecycle::{AgentRequest, RevokeResponse};
use procura_keys::clock::Timestamp;
use procura_store::Transaction;
use procura_store::agent_auth::AgentChange;

use super::caller::HostCaller;
use super::status::own_agent;
use crate::audit;
use crate::context::Context;
use crate::error::{ServiceResult, decide_again};

/// Revokes an agent for its host. Once this has returned, the agent's next request is refused.
pub async fn revoke(
    ctx: &Context,
    caller: &HostCaller,
    request: &AgentRequest,
) -> ServiceResult<RevokeResponse> {
    let result = decide_again!(revoke_own(ctx, caller, request));
    caller.record(ctx, "revoke", result).await
}

async fn revoke_own(
    ctx: &Context,
    caller: &HostCaller,
    request: &AgentRequest,
) -> ServiceResult<RevokeResponse> {
    let mut tx = ctx.begin().await?;
    let agent = own_agent(tx.as_mut(), caller, &request.agent_id).await?;
    revoke_agent(
        ctx,
        tx,
        &agent,
        audit::host_actor(&caller.host),
        Some(caller.token.jti()),
        caller.now,
    )
    .await?;
    Ok(RevokeResponse {
        agent_id: agent.id,
        status: "revoked".to_owned(),
    })
}

/// Ends an agent with everything it holds and waits for. Nothing happens when it is revoked already.
pub(crate) async fn revoke_agent(
    ctx: &Context,
    mut tx: Box<dyn Transaction>,
    agent: &Agent,
    actor: String,
    jti: Option<&str>,
    now: Timestamp,
) -> ServiceResult<()> {
    let state = lifetime::state_at(agent, &ctx.policy().lifetime, now);
    let stored = agent.state.status();
    if let Some(next) = decide_revocation(state)? {
        let change = AgentChange {
            id: agent.id.clone(),
            from: stored,
            to: next,
            user_id: None,
            at: now,
        };
        tx.apply_agent(&change).await?;
        tx.revoke_grants_of_agents(std::slice::from_ref(&agent.id), now)
            .await?;
        tx.cancel_approvals_of_agents(std::slice::from_ref(&agent.id))
            .await?;
        let mut entry = audit::about_agent(audit::entry(now, "agent.revoked", actor), agent);
        entry.jti = jti.map(str::to_owned);
        tx.append_audit(vec![entry]).await?;
        tx.commit().await?;
    }
    ctx.snapshots().drop_agents([&agent.id]);
    Ok(())
}
