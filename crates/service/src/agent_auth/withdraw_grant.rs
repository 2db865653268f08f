//! Taking one grant back from an agent that goes on otherwise.

use procura_agent_auth::grant::{Actor, Grant, GrantState};
use procura_agent_auth::refusal::Refusal;
use procura_keys::clock::Timestamp;
use procura_store::Transaction;
use procura_store::agent_auth::GrantUpdate;
use serde_json::json;

use crate::audit;
use crate::context::Context;
use crate::error::ServiceResult;

/// Withdraws an active grant. A default that was withdrawn does not come back by itself.
pub(crate) async fn withdraw(
    ctx: &Context,
    mut tx: Box<dyn Transaction>,
    grant: &Grant,
    by: Actor,
    now: Timestamp,
) -> ServiceResult<()> {
    if !matches!(grant.state, GrantState::Active { .. }) {
        return Err(Refusal::Unauthorized("Only an active grant can be revoked.").into());
    }
    let mut entry = audit::entry(now, "grant.revoked", by.to_record());
    if let Some(agent) = tx.find_agent(&grant.agent_id).await? {
        entry = audit::about_agent(entry, &agent);
    }
    entry.capability = Some(grant.capability.to_string());
    entry.detail = json!({ "grant_id": grant.id });
    tx.apply_grant(&GrantUpdate {
        id: grant.id.clone(),
        from: grant.state.status(),
        to: GrantState::Withdrawn { withdrawn_by: by },
        constraints: grant.constraints.clone(),
        reason: grant.reason.clone(),
        expires_at: grant.expires_at,
        uses: grant.uses,
        form: grant.form,
        at: now,
    })
    .await?;
    tx.append_audit(vec![entry]).await?;
    tx.commit().await?;
    ctx.snapshots().drop_agents([&grant.agent_id]);
    Ok(())
}
