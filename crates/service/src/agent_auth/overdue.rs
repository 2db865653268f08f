//! Agents whose absolute lifetime is over while nobody has written that down (§2.4).

use procura_agent_auth::host::Host;
use procura_agent_auth::id::AgentId;
use procura_keys::clock::Timestamp;
use procura_store::Transaction;
use serde_json::json;

use crate::audit;
use crate::context::Context;
use crate::error::ServiceResult;

/// Writes down which agents of a host had reached the end of their absolute lifetime. Whatever ends the agents
/// of a host does this first: what is revoked for good is neither claimed nor counted as ended once more.
/// Returns them.
pub(super) async fn end_overdue(
    ctx: &Context,
    tx: &mut dyn Transaction,
    host: &Host,
    now: Timestamp,
) -> ServiceResult<Vec<AgentId>> {
    let Some(life) = ctx.policy().lifetime.absolute_lifetime else {
        return Ok(Vec::new());
    };
    let made = now.minus(life);
    let ended = tx.revoke_agents_made_by(&host.id, made, now).await?;
    if ended.is_empty() {
        return Ok(ended);
    }
    tx.revoke_grants_of_agents(&ended, now).await?;
    tx.cancel_approvals_of_agents(&ended).await?;
    let entry = audit::entry(now, "host.lifetimes_ended", "policy".to_owned());
    let mut entry = audit::about_host(entry, host);
    entry.detail = json!({ "agents": ended });
    tx.append_audit(vec![entry]).await?;
    Ok(ended)
}
