//! From records to what travels.

use procura_agent_auth::agent::{Agent, AgentStatus};
use procura_agent_auth::grant::{Grant, GrantStatus};
use procura_agent_auth::lifetime;
use procura_agent_auth::wire::grant::GrantObject;
use procura_agent_auth::wire::status::StatusResponse;
use procura_keys::clock::Timestamp;

use crate::context::Context;

/// Grants as clients see them. Those that were taken back, or whose time is over, are not shown.
pub(super) fn grants<'a>(
    ctx: &Context,
    grants: impl IntoIterator<Item = &'a Grant>,
    now: Timestamp,
) -> Vec<GrantObject> {
    let live = |grant: &&Grant| grant.expires_at.is_none_or(|end| now < end);
    let catalogue = ctx.catalogue();
    let object = |grant: &Grant| {
        let offered = catalogue.find(&grant.capability);
        let shown = offered.map(|offered| offered.in_full());
        GrantObject::of(grant, shown.as_ref())
    };
    grants.into_iter().filter(live).filter_map(object).collect()
}

/// Everything about an agent, clocks applied (§5.5).
pub(super) fn status(
    ctx: &Context,
    agent: &Agent,
    all: &[Grant],
    now: Timestamp,
) -> StatusResponse {
    let policy = &ctx.policy().lifetime;
    let status = lifetime::state_at(agent, policy, now).status();
    // Whatever ended the agent ended its grants with it, even if nobody has written that down yet.
    let ended_by_time = status == AgentStatus::Revoked && agent.state.status() != status;
    let all = all
        .iter()
        .filter(|grant| !ended_by_time || grant.state.status() == GrantStatus::Denied);
    let expires_at = if status == AgentStatus::Active {
        lifetime::expires_at(agent, policy)
    } else {
        None
    };
    StatusResponse {
        agent_id: agent.id.clone(),
        host_id: agent.host_id.clone(),
        name: agent.name.clone(),
        status,
        mode: agent.mode,
        agent_capability_grants: grants(ctx, all, now),
        user_id: agent.user_id.clone(),
        activated_at: agent.state.activated_at(),
        created_at: agent.created_at,
        last_used_at: agent.last_used_at,
        expires_at,
    }
}
