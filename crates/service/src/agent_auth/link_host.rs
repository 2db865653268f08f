//! Linking a host to a person and taking the link away, by the operator (§2.9, §2.10).

use procura_agent_auth::agent::Mode;
use procura_agent_auth::host::{Host, HostStatus};
use procura_agent_auth::id::{AgentId, UserId};
use procura_agent_auth::refusal::Refusal;
use procura_keys::clock::Timestamp;
use procura_store::Transaction;
use procura_store::agent_auth::HostChange;
use serde_json::json;

use super::overdue::end_overdue;
use crate::audit;
use crate::context::Context;
use crate::error::ServiceResult;

/// Links a host, which vouches for it: a pending one becomes active.
pub(crate) async fn link(
    ctx: &Context,
    mut tx: Box<dyn Transaction>,
    host: &Host,
    user: &UserId,
    actor: &str,
    now: Timestamp,
) -> ServiceResult<()> {
    host.status.require_not_ended()?;
    match &host.user_id {
        Some(linked) if linked == user => return Ok(()),
        Some(_) => {
            return Err(Refusal::Unauthorized(
                "The host is linked to somebody else. Unlink it first.",
            )
            .into());
        }
        None => {}
    }
    let (from, to) = (host.status, HostStatus::Active);
    let link = Some(user.clone());
    tx.apply_host(&HostChange {
        id: host.id.clone(),
        from,
        to,
        link,
        at: now,
    })
    .await?;
    claim(ctx, tx.as_mut(), host, user, actor, now).await?;
    tx.commit().await?;
    ctx.snapshots().drop_host(&host.id);
    Ok(())
}

/// What linking does to a host's autonomous agents: they end, and what they did is the person's from now on.
/// Returns those that ended.
pub(crate) async fn claim(
    ctx: &Context,
    tx: &mut dyn Transaction,
    host: &Host,
    user: &UserId,
    actor: &str,
    now: Timestamp,
) -> ServiceResult<Vec<AgentId>> {
    let mut ended = end_overdue(ctx, tx, host, now).await?;
    let claimed = tx.claim_agents_of_host(&host.id, user, now).await?;
    tx.revoke_grants_of_agents(&claimed, now).await?;
    tx.cancel_approvals_of_agents(&claimed).await?;
    let entry = audit::entry(now, "host.linked", actor.to_owned());
    let mut entry = audit::about_host(entry, host);
    entry.user_id = Some(user.to_string());
    entry.detail = json!({ "claimed_agents": claimed });
    tx.append_audit(vec![entry]).await?;
    ended.extend(claimed);
    Ok(ended)
}

/// Takes the person off a host. Its delegated agents, which acted for that person, end.
pub(crate) async fn unlink(
    ctx: &Context,
    mut tx: Box<dyn Transaction>,
    host: &Host,
    actor: &str,
    now: Timestamp,
) -> ServiceResult<()> {
    let Some(user) = &host.user_id else {
        return Err(Refusal::Unauthorized("The host is not linked to anybody.").into());
    };
    tx.unlink_host(&host.id, user, now).await?;
    end_overdue(ctx, tx.as_mut(), host, now).await?;
    let agents = tx
        .revoke_agents_of_host(&host.id, Some(Mode::Delegated), now)
        .await?;
    tx.revoke_grants_of_agents(&agents, now).await?;
    tx.cancel_approvals_of_agents(&agents).await?;
    let entry = audit::entry(now, "host.unlinked", actor.to_owned());
    let mut entry = audit::about_host(entry, host);
    entry.detail = json!({ "agents": agents });
    tx.append_audit(vec![entry]).await?;
    tx.commit().await?;
    ctx.snapshots().drop_host(&host.id);
    Ok(())
}
