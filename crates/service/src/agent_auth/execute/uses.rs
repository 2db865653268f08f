//! Grants that are good for so many calls (§5.13 `limit_exceeded`).
//!
//! Each call takes one use, in the store and in a transaction of its own, before it is recorded and carried out: of
//! two calls that race for the last use one finds it gone, and a use that was taken stays taken over a restart. What
//! is refused for another reason takes none; what is permitted takes one however it ends. Where uses are not counted
//! nothing happens here.

use std::sync::Arc;

use procura_agent_auth::grant::{Grant, Uses};
use procura_store::StoreError;

use crate::agent_auth::caller::AgentCaller;
use crate::agent_auth::snapshot::AgentSnapshot;
use crate::catalogue::Offered;
use crate::context::Context;
use crate::error::{Failure, ServiceResult};

/// Finds the grant that permits a call, by `permit` from the agent's grants, counts the call against the rate of its
/// capability, and takes one of the grant's uses if they are counted. The grant comes back with what is left.
pub(in crate::agent_auth) async fn take(
    ctx: &Context,
    caller: &AgentCaller,
    permit: impl Fn(&[Grant]) -> ServiceResult<(Arc<Offered>, Grant)>,
) -> ServiceResult<(Arc<Offered>, Grant)> {
    let mut current: Option<Arc<AgentSnapshot>> = None;
    loop {
        let held = current.as_ref().unwrap_or(&caller.snapshot);
        let (offered, mut grant) = permit(&held.grants)?;
        // Looking again after a lost race is still the same call.
        if current.is_none() {
            let agent = &caller.snapshot.agent.id;
            let name = &offered.shown.name;
            ctx.limits().count_capability(agent, name)?;
        }
        let Some(uses) = grant.uses else {
            return Ok((offered, grant));
        };
        if let Some(left) = take_one(ctx, caller, &grant).await? {
            grant.uses = Uses::from_parts(uses.allowed(), left);
            return Ok((offered, grant));
        }
        // Somebody took the last one, or the grant ended, since the grants were loaded: they are looked at again,
        // and the agent with them, since a grant may have ended because its agent did.
        let agent = &caller.snapshot.agent.id;
        current = Some(ctx.snapshots().load_active(ctx, agent, caller.now).await?);
    }
}

/// How many uses are left after this one; `None` when there was none to take.
async fn take_one(
    ctx: &Context,
    caller: &AgentCaller,
    grant: &Grant,
) -> Result<Option<u32>, Failure> {
    let mut tx = ctx.begin().await?;
    let left = match tx.take_use(&grant.id, caller.now).await {
        Ok(left) => Some(left),
        Err(StoreError::Conflict(_)) => None,
        Err(error) => return Err(error.into()),
    };
    if left.is_some() {
        tx.commit().await?;
    } else {
        drop(tx);
    }
    // While some are left, the number in memory being out of date does no harm.
    if left.is_none_or(|left| left == 0) {
        ctx.snapshots().drop_agents([&caller.snapshot.agent.id]);
    }
    Ok(left)
}
