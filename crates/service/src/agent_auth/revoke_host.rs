//! `POST /host/revoke` (§5.10), and the same by an administrator.

use procura_agent_auth::host::{Host, HostStatus};
use procura_agent_auth::wire::lifecycle::RevokeHostResponse;
use procura_keys::clock::Timestamp;
use procura_store::Transaction;
use procura_store::agent_auth::HostChange;
use serde_json::json;

use super::caller::HostCaller;
use super::overdue::end_overdue;
use crate::audit;
use crate::context::Context;
use crate::error::{ServiceResult, decide_again};

/// Revokes the calling host with all its agents.
pub async fn revoke_host(ctx: &Context, caller: &HostCaller) -> ServiceResult<RevokeHostResponse> {
    let result = decide_again!(revoke_own(ctx, caller));
    caller.record(ctx, "revoke_host", result).await
}

async fn revoke_own(ctx: &Context, caller: &HostCaller) -> ServiceResult<RevokeHostResponse> {
    let mut tx = ctx.begin().await?;
    let host = tx.load_host(&caller.host.id).await?;
    host.status.require_active()?;
    let actor = audit::host_actor(&host);
    let agents_revoked =
        end_host(ctx, tx, &host, actor, Some(caller.token.jti()), caller.now).await?;
    Ok(RevokeHostResponse {
        host_id: host.id,
        status: HostStatus::Revoked,
        agents_revoked,
    })
}

/// Ends a host with everything under it. Returns how many agents ended with it.
pub(crate) async fn end_host(
    ctx: &Context,
    mut tx: Box<dyn Transaction>,
    host: &Host,
    actor: String,
    jti: Option<&str>,
    now: Timestamp,
) -> ServiceResult<u64> {
    let agents = end_host_within(ctx, tx.as_mut(), host, actor, jti, now).await?;
    tx.commit().await?;
    ctx.snapshots().drop_host(&host.id);
    Ok(agents)
}

/// The same as a part of something larger: the caller commits, and drops the host's snapshots.
pub(crate) async fn end_host_within(
    ctx: &Context,
    tx: &mut dyn Transaction,
    host: &Host,
    actor: String,
    jti: Option<&str>,
    now: Timestamp,
) -> ServiceResult<u64> {
    let (from, to) = (host.status, HostStatus::Revoked);
    let change = HostChange {
        id: host.id.clone(),
        from,
        to,
        link: None,
        at: now,
    };
    tx.apply_host(&change).await?;
    end_overdue(ctx, tx, host, now).await?;
    let agents = tx.revoke_agents_of_host(&host.id, None, now).await?;
    tx.revoke_grants_of_agents(&agents, now).await?;
    tx.cancel_approvals_of_agents(&agents).await?;
    let mut entry = audit::about_host(audit::entry(now, "host.revoked", actor), host);
    entry.jti = jti.map(str::to_owned);
    entry.detail = json!({ "agents": agents });
    tx.append_audit(vec![entry]).await?;
    Ok(agents.len() as u64)
}
