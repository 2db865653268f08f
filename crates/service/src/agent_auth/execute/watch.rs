//! Whether a call that takes its time is still permitted.

use std::time::Duration;

use procura_agent_auth::refusal::Refusal;
use tokio::time::MissedTickBehavior;

use super::Running;
use crate::context::Context;
use crate::error::{ServiceError, ServiceResult};

/// Waits until the agent, its host or its grant no longer permits the call. It looks twice a second, and as soon as
/// something about them changes.
pub(super) async fn until_refused(ctx: &Context, running: &Running) -> ServiceError {
    let mut changes = ctx.snapshots().watch(&running.caller.snapshot.agent.id);
    let mut looks = tokio::time::interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            _ = changes.changed() => {}
        }
        if let Err(error) = still_permitted(ctx, running).await {
            return error;
        }
    }
}

async fn still_permitted(ctx: &Context, running: &Running) -> ServiceResult<()> {
    // A process that has lost its database does not hear of revocations any more, so it may not go on.
    ctx.journal().settle().await?;
    let agent_id = &running.caller.snapshot.agent.id;
    let Some(snapshot) = ctx.snapshots().load(ctx, agent_id).await? else {
        return Err(Refusal::AgentRevoked.into());
    };
    let now = ctx.now();
    // An open call is a use: the idle clock does not run meanwhile, the other two do.
    snapshot.note_use(now);
    snapshot.require_active(&ctx.policy().lifetime, now)?;
    let held = |grant: &procura_agent_auth::grant::Grant| {
        grant.capability == *running.name()
            && grant.is_effective(now)
            && grant.form == running.offered.form
    };
    if snapshot.grants.iter().any(held) {
        Ok(())
    } else {
        Err(Refusal::CapabilityNotGranted {
            capability: running.name().clone(),
            removed: false,
        }
        .into())
    }
}

const LOOK_EVERY: Duration = Duration::from_millis(500);
