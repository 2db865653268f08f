//! `POST /agent/revoke` (§5.7), and the same by an administrator.

use procura_agent_auth::agent::{Agent, decide_revocation};
use procura_agent_auth::lifetime;
use procura_agent_auth::refusal::Refusal;
use procura_agent_auth::wire::lifecycle::{AgentRequest, RevokeResponse};
use procura_keys::clock::Timestamp;
use procura_store::Transaction;
use procura_store::agent_auth::AgentChange;

use super::caller::{AgentCaller, HostCaller, RevokingCaller};
use super::status::own_agent;
use crate::audit;
use crate::context::Context;
use crate::error::{ServiceResult, decide_again};

/// Revokes an agent for its host or itself. Once this has returned, the agent's next request is refused.
pub async fn revoke(
    ctx: &Context,
    caller: &RevokingCaller,
    request: &AgentRequest,
) -> ServiceResult<RevokeResponse> {
    match caller {
        RevokingCaller::Host(host) => {
            let result = decide_again!(revoke_own(ctx, host, request));
            host.record(ctx, "revoke", result).await
        }
        RevokingCaller::Agent(agent) => {
            let result = decide_again!(revoke_itself(ctx, agent, request));
            agent.record(ctx, "revoke", result).await
        }
    }
}

impl RevokingCaller {
    /// Passes a result on, and records it if it is a refusal.
    pub async fn record<T>(
        &self,
        ctx: &Context,
        operation: &str,
        result: ServiceResult<T>,
    ) -> ServiceResult<T> {
        match self {
            Self::Host(host) => host.record(ctx, operation, result).await,
            Self::Agent(agent) => agent.record(ctx, operation, result).await,
        }
    }
}

async fn revoke_itself(
    ctx: &Context,
    caller: &AgentCaller,
    request: &AgentRequest,
) -> ServiceResult<RevokeResponse> {
    let own = &caller.snapshot.agent.id;
    if request.agent_id != own.as_str() {
        return Err(Refusal::Unauthorized("An agent may revoke nobody but itself.").into());
    }
    let mut tx = ctx.begin().await?;
    let agent = tx.find_agent(own).await?.ok_or(Refusal::AgentNotFound)?;
    let (actor, jti) = (audit::agent_actor(&agent), Some(caller.token.jti()));
    revoke_agent(ctx, tx, &agent, actor, jti, caller.now).await?;
    Ok(RevokeResponse {
        agent_id: agent.id,
        status: "revoked".to_owned(),
    })
}

async fn revoke_own(
    ctx: &Context,
    caller: &HostCaller,
    request: &AgentRequest,
) -> ServiceResult<RevokeResponse> {
    let mut tx = ctx.begin().await?;
    // The host may have ended since its token was verified.
    let host = tx.load_host(&caller.host.id).await?;
    host.status.require_not_ended()?;
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
