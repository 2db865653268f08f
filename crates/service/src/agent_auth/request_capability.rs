//! `POST /agent/request-capability` (§5.4).

use procura_agent_auth::approval::{ApprovalState, Purpose};
use procura_agent_auth::escalation::{self, Answer};
use procura_agent_auth::grant::{Grant, GrantState, GrantStatus};
use procura_agent_auth::id::GrantId;
use procura_agent_auth::lifetime;
use procura_agent_auth::refusal::Refusal;
use procura_agent_auth::request::{Ask, resolve};
use procura_agent_auth::wire::register::{
    ApprovalHints, CapabilityRequest, CapabilityResponse, asks,
};
use procura_keys::clock::Timestamp;
use procura_store::Transaction;
use procura_store::agent_auth::GrantUpdate;
use serde_json::json;

use super::caller::AgentCaller;
use super::register::{insert_grants, names};
use super::{approval, views};
use crate::audit;
use crate::context::Context;
use crate::error::{Failure, ServiceResult, decide_again};

/// Asks for more capabilities.
pub async fn request_capability(
    ctx: &Context,
    caller: &AgentCaller,
    request: CapabilityRequest,
) -> ServiceResult<CapabilityResponse> {
    let result = async {
        let hints = request.hints.cleaned()?;
        let asks = asks(request.capabilities)?;
        require_covered(caller, &asks)?;
        decide_again!(request_once(ctx, caller, &asks, &hints))
    }
    .await;
    caller.record(ctx, "request_capability", result).await
}

/// The token's own list bounds what it may ask for, too.
fn require_covered(caller: &AgentCaller, asks: &[Ask]) -> Result<(), Refusal> {
    if asks.is_empty() {
        return Err(Refusal::invalid(
            "capabilities has to name at least one capability.",
        ));
    }
    match asks.iter().find(|ask| !caller.token.covers(&ask.name)) {
        Some(ask) => Err(Refusal::CapabilityNotGranted {
            capability: ask.name.clone(),
            removed: false,
        }),
        None => Ok(()),
    }
}

async fn request_once(
    ctx: &Context,
    caller: &AgentCaller,
    asks: &[Ask],
    hints: &ApprovalHints,
) -> ServiceResult<CapabilityResponse> {
    let now = caller.now;
    let mut tx = ctx.begin().await?;
    let agent_id = &caller.snapshot.agent.id;
    let agent = tx
        .find_agent(agent_id)
        .await?
        .ok_or(Refusal::AgentRevoked)?;
    let host = tx.load_host(&agent.host_id).await?;
    // The same order as when the token was judged: what ended since then is named alike.
    host.status.require_not_ended()?;
    // The snapshot knows of uses the record does not have yet; what ended the agent is in both.
    if lifetime::absolute_lifetime_is_over(&agent, &ctx.policy().lifetime, now) {
        return Err(Refusal::AbsoluteLifetimeExceeded.into());
    }
    agent.state.status().require_active()?;
    host.status.require_active()?;
    let on_record = tx.list_grants_by_agent(agent_id).await?;
    let catalogue = ctx.catalogue();
    let wanted = resolve(asks.to_vec(), |name| catalogue.offer(name))?;
    let decision = escalation::decide(&agent, &host, &on_record, wanted, now)?;
    withdraw(tx.as_mut(), &on_record, &decision.withdrawn, now).await?;
    let mut opened = None;
    if let Some(approver) = decision.approver {
        let purpose = Purpose::Capabilities;
        opened = Some(
            approval::open(
                ctx,
                tx.as_mut(),
                &host,
                &agent,
                purpose,
                approver,
                hints,
                now,
            )
            .await?,
        );
    }
    let approval_id = opened.as_ref().map(|opened| &opened.approval.id);
    let mut grants = Vec::new();
    for answer in decision.answers {
        match answer {
            Answer::Held(id) => {
                grants.extend(on_record.iter().find(|grant| grant.id == id).cloned());
            }
            Answer::New(verdict) => {
                let verdicts = vec![verdict];
                grants.extend(
                    insert_grants(
                        ctx,
                        tx.as_mut(),
                        agent_id,
                        verdicts,
                        approval_id,
                        hints,
                        now,
                    )
                    .await?,
                );
            }
        }
    }
    let mut entry = audit::entry(now, "capability.requested", audit::agent_actor(&agent));
    entry.outcome = if opened.is_some() {
        "pending"
    } else {
        "active"
    }
    .to_owned();
    entry.jti = Some(caller.token.jti().to_owned());
    // Without the reason: it may be personal, and what is in the chain stays there (§9.5).
    entry.detail = json!({ "capabilities": names(&grants) });
    tx.append_audit(vec![audit::about_agent(entry, &agent)])
        .await?;
    tx.commit().await?;
    ctx.snapshots().drop_agents([agent_id]);
    Ok(CapabilityResponse {
        agent_id: agent_id.clone(),
        status: Some(
            if opened.is_some() {
                "pending"
            } else {
                "active"
            }
            .to_owned(),
        ),
        agent_capability_grants: views::grants(ctx, &grants, now),
        approval: opened.map(|opened| opened.object(ctx)),
    })
}

/// Takes back earlier undecided requests for the same capabilities, and closes approvals left without any.
async fn withdraw(
    tx: &mut dyn Transaction,
    on_record: &[Grant],
    withdrawn: &[GrantId],
    now: Timestamp,
) -> ServiceResult<()> {
    for id in withdrawn {
        let grant = on_record.iter().find(|grant| grant.id == *id);
        let grant = grant.ok_or(Failure::Bug(
            "a grant is to be withdrawn that was not loaded",
        ))?;
        let GrantState::Pending { approval_id } = &grant.state else {
            return Err(Failure::Bug("a grant is to be withdrawn that is not pending").into());
        };
        tx.apply_grant(&GrantUpdate {
            id: grant.id.clone(),
            from: GrantStatus::Pending,
            to: GrantState::Revoked,
            constraints: grant.constraints.clone(),
            reason: grant.reason.clone(),
            expires_at: grant.expires_at,
            uses: grant.uses,
            form: grant.form,
            at: now,
        })
        .await?;
        let approval = tx.find_approval(approval_id).await?;
        let open = approval.is_some_and(|approval| approval.state == ApprovalState::Open);
        if open && tx.list_grants_by_approval(approval_id).await?.is_empty() {
            tx.close_approval(approval_id, &ApprovalState::Cancelled)
                .await?;
        }
    }
    Ok(())
}
