//! Requests for approval, for administrators.

use procura_agent_auth::id::ApprovalId;
use procura_people::consent::{Chosen, ConsentAnswer};
use procura_people::person::Person;
use serde_json::{Value, json};

use super::error::{AdminError, consent_error, page, person, refused, shown};
use super::{AdminCall, Listing};
use crate::agent_auth::consent::{self, File};
use crate::context::Context;

pub(super) async fn list(ctx: &Context, listing: &Listing) -> Result<Value, AdminError> {
    let mut tx = ctx.read().await?;
    let mut listed = Vec::new();
    for approval in tx.list_open_approvals(ctx.now(), page(listing)?).await? {
        let file = File::load(tx.as_mut(), &approval.id)
            .await
            .map_err(consent_error)?;
        let mut value = shown(&file.view(ctx))?;
        value["agent_id"] = file.agent.id.as_str().into();
        value["mode"] = file.agent.mode.as_str().into();
        value["approver"] = file.approval.approver.as_str().into();
        value["method"] = file.approval.channel.method().into();
        value["login_hint"] = file.approval.login_hint.into();
        listed.push(value);
    }
    Ok(listed.into())
}

pub(super) async fn approve(
    ctx: &Context,
    call: &AdminCall,
    reference: &str,
    user: Option<&str>,
) -> Result<Value, AdminError> {
    let id = find(ctx, reference).await?;
    let mut tx = ctx.read().await?;
    let file = File::load(tx.as_mut(), &id).await.map_err(consent_error)?;
    let on_behalf_of = match user {
        None => None,
        Some(email) => Some(person(tx.as_mut(), email).await?),
    };
    drop(tx);
    let items = file
        .grants
        .iter()
        .map(|grant| Chosen::as_asked(grant.id.as_str()))
        .collect();
    decide(
        ctx,
        call,
        on_behalf_of,
        &id,
        &ConsentAnswer::Approve { items },
    )
    .await
}

pub(super) async fn deny(
    ctx: &Context,
    call: &AdminCall,
    reference: &str,
    reason: Option<String>,
) -> Result<Value, AdminError> {
    let id = find(ctx, reference).await?;
    decide(ctx, call, None, &id, &ConsentAnswer::Deny { reason }).await
}

async fn decide(
    ctx: &Context,
    call: &AdminCall,
    on_behalf_of: Option<Person>,
    id: &ApprovalId,
    answer: &ConsentAnswer,
) -> Result<Value, AdminError> {
    consent::answer_as_administrator(ctx, &call.administrator, on_behalf_of, id, answer)
        .await
        .map_err(consent_error)?;
    let approval = ctx.read().await?.find_approval(id).await?;
    let approval = approval.ok_or_else(|| refused("the request is gone"))?;
    Ok(json!({
        "approval_id": approval.id,
        "agent_id": approval.agent_id,
        "status": approval.state.as_str(),
    }))
}

/// A request by its user code or its identifier.
async fn find(ctx: &Context, reference: &str) -> Result<ApprovalId, AdminError> {
    if let Ok(id) = reference.parse::<ApprovalId>() {
        return Ok(id);
    }
    consent::find_by_code(ctx, reference)
        .await
        .map_err(consent_error)
}
