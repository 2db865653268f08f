//! `POST /agent/reactivate` (§5.6).

use procura_agent_auth::agent::{Agent, AgentState};
use procura_agent_auth::approval::Purpose;
use procura_agent_auth::host::Host;
use procura_agent_auth::reactivation::{self, ReactivationDecision, returning_defaults};
use procura_agent_auth::refusal::Refusal;
use procura_agent_auth::request::{ApproverKind, Ask, Verdict, resolve};
use procura_agent_auth::wire::approval::ApprovalObject;
use procura_agent_auth::wire::lifecycle::{AgentRequest, ReactivateResponse};
use procura_agent_auth::wire::register::ApprovalHints;
use procura_keys::clock::Timestamp;
use procura_store::Transaction;
use procura_store::agent_auth::AgentChange;
use serde_json::json;

use super::caller::{HostCaller, end_lifetime};
use super::register::{insert_grants, names};
use super::status::own_agent;
use super::{approval, views};
use crate::audit;
use crate::context::Context;
use crate::error::{ServiceError, ServiceResult, decide_again};

/// Brings an expired agent back, with its host's defaults and nothing more.
pub async fn reactivate(
    ctx: &Context,
    caller: &HostCaller,
    request: &AgentRequest,
) -> ServiceResult<ReactivateResponse> {
    let result = decide_again!(reactivate_once(ctx, caller, request));
    if let Err(ServiceError::Refused(Refusal::AbsoluteLifetimeExceeded)) = &result {
        let mut tx = ctx.read().await?;
        let agent = own_agent(tx.as_mut(), caller, &request.agent_id).await?;
        drop(tx);
        end_lifetime(ctx, &agent, caller.now).await?;
    }
    caller.record(ctx, "reactivate", result).await
}

async fn reactivate_once(
    ctx: &Context,
    caller: &HostCaller,
    request: &AgentRequest,
) -> ServiceResult<ReactivateResponse> {
    let now = caller.now;
    let mut tx = ctx.begin().await?;
    let agent = own_agent(tx.as_mut(), caller, &request.agent_id).await?;
    let host = tx.load_host(&agent.host_id).await?;
    host.status.require_active()?;
    match decide(ctx, tx.as_mut(), &agent, &host, now).await? {
        ReactivationDecision::AlreadyActive => respond(ctx, tx.as_mut(), &agent, None, now).await,
        ReactivationDecision::Restart { verdicts, approver } => {
            restart(ctx, tx, caller, &host, agent, verdicts, approver).await
        }
    }
}

async fn decide(
    ctx: &Context,
    tx: &mut dyn Transaction,
    agent: &Agent,
    host: &Host,
    now: Timestamp,
) -> ServiceResult<ReactivationDecision> {
    let on_record = tx.list_grants_by_agent(&agent.id).await?;
    let catalogue = ctx.catalogue();
    let offered = |name: &_| catalogue.find(name).is_some();
    let defaults = returning_defaults(host, &on_record)
        .into_iter()
        .filter(offered);
    let asks = defaults
        .map(|name| Ask {
            name,
            constraints: None,
        })
        .collect();
    let wanted = resolve(asks, |name| catalogue.offer(name))?;
    let policy = ctx.policy();
    let decided = reactivation::decide(
        agent,
        host,
        wanted,
        &policy.registration,
        &policy.lifetime,
        now,
    );
    Ok(decided?)
}

async fn restart(
    ctx: &Context,
    mut tx: Box<dyn Transaction>,
    caller: &HostCaller,
    host: &Host,
    mut agent: Agent,
    verdicts: Vec<Verdict>,
    approver: Option<ApproverKind>,
) -> ServiceResult<ReactivateResponse> {
    let now = caller.now;
    let ids = std::slice::from_ref(&agent.id);
    tx.revoke_grants_of_agents(ids, now).await?;
    tx.cancel_approvals_of_agents(ids).await?;
    let from = agent.state.status();
    agent.state = match approver {
        None => AgentState::Active { activated_at: now },
        Some(_) => AgentState::Pending {
            activated_at: agent.state.activated_at(),
            until: Some(approval::ends_at(ctx, now)),
        },
    };
    let change = AgentChange {
        id: agent.id.clone(),
        from,
        to: agent.state,
        user_id: None,
        at: now,
    };
    tx.apply_agent(&change).await?;
    let hints = ApprovalHints::default();
    let mut opened = None;
    if let Some(approver) = approver {
        let purpose = Purpose::Reactivation;
        opened = Some(
            approval::open(
                ctx,
                tx.as_mut(),
                host,
                &agent,
                purpose,
                approver,
                &hints,
                now,
            )
            .await?,
        );
    }
    let approval_id = opened.as_ref().map(|opened| &opened.approval.id);
    let grants = insert_grants(
        ctx,
        tx.as_mut(),
        &agent.id,
        verdicts,
        approval_id,
        &hints,
        now,
    )
    .await?;
    let mut entry = audit::entry(now, "agent.reactivated", audit::host_actor(&caller.host));
    entry.outcome = agent.state.status().to_string();
    entry.jti = Some(caller.token.jti().to_owned());
    entry.detail = json!({ "capabilities": names(&grants) });
    tx.append_audit(vec![audit::about_agent(entry, &agent)])
        .await?;
    let object = opened.map(|opened| opened.object(ctx));
    let response = respond(ctx, tx.as_mut(), &agent, object, now).await?;
    tx.commit().await?;
    ctx.snapshots().drop_agents([&agent.id]);
    Ok(response)
}

async fn respond(
    ctx: &Context,
    tx: &mut dyn Transaction,
    agent: &Agent,
    approval: Option<ApprovalObject>,
    now: Timestamp,
) -> ServiceResult<ReactivateResponse> {
    let grants = tx.list_grants_by_agent(&agent.id).await?;
    Ok(ReactivateResponse {
        agent: views::status(ctx, agent, &grants, now),
        approval,
    })
}
