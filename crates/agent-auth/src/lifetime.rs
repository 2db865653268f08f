//! The three clocks of an agent (§2.4) as one function of the record, the policy and the moment.

use std::time::Duration;

use procura_keys::clock::Timestamp;

use crate::agent::{Agent, AgentState};

/// How long agents live. `None` switches a clock off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LifetimePolicy {
    /// From the last authenticated request until the agent expires.
    pub session_ttl: Option<Duration>,
    /// From the last activation until the agent expires, however busy it is.
    pub max_lifetime: Option<Duration>,
    /// From creation until the agent is revoked for good.
    pub absolute_lifetime: Option<Duration>,
}

/// Where `agent` stands at `now`. Every read goes through this; nothing trusts the stored state alone.
pub fn state_at(agent: &Agent, policy: &LifetimePolicy, now: Timestamp) -> AgentState {
    let state = agent.state;
    let absolute = ends_by(agent, policy);
    match state {
        AgentState::Active { .. } | AgentState::Expired { .. } | AgentState::Pending { .. }
            if absolute.is_some_and(|end| now >= end) =>
        {
            state.revoked()
        }
        AgentState::Active { activated_at }
            if session_ends(agent, policy).is_some_and(|end| now >= end) =>
        {
            AgentState::Expired { activated_at }
        }
        // Nobody answered its wish to go on (§5.6). It may wish again.
        AgentState::Pending {
            activated_at: Some(activated_at),
            until: Some(end),
        } if now >= end => AgentState::Expired { activated_at },
        _ => state,
    }
}

/// Whether the absolute lifetime is what ended `agent`.
pub fn absolute_lifetime_is_over(agent: &Agent, policy: &LifetimePolicy, now: Timestamp) -> bool {
    ends_by(agent, policy).is_some_and(|end| now >= end)
}

/// When the agent is over for good, however it is used; `None` where agents have no absolute lifetime.
pub fn ends_by(agent: &Agent, policy: &LifetimePolicy) -> Option<Timestamp> {
    policy
        .absolute_lifetime
        .map(|life| agent.created_at.plus(life))
}

/// The deadline shown to clients: the earliest of the three, for an agent that may act.
pub fn expires_at(agent: &Agent, policy: &LifetimePolicy) -> Option<Timestamp> {
    let absolute = ends_by(agent, policy);
    match agent.state {
        AgentState::Active { .. } => earliest(session_ends(agent, policy), absolute),
        _ => None,
    }
}

/// When an active agent expires: idle for too long, or active for too long.
fn session_ends(agent: &Agent, policy: &LifetimePolicy) -> Option<Timestamp> {
    let activated_at = agent.state.activated_at()?;
    // A use before the latest activation belongs to an earlier life.
    let last_used = agent
        .last_used_at
        .map_or(activated_at, |used| used.max(activated_at));
    earliest(
        policy.session_ttl.map(|ttl| last_used.plus(ttl)),
        policy.max_lifetime.map(|life| activated_at.plus(life)),
    )
}

fn earliest(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
#[path = "lifetime/tests.rs"]
mod tests;
