//! On whose account a request goes (§8.13): an agent's on its own, its host's and its owner's.
//!
//! The narrowest budget is asked first, so that a request which an agent may not make costs nobody else anything.

use procura_agent_auth::host::Host;
use procura_agent_auth::refusal::Refusal;

use super::snapshot::AgentSnapshot;
use crate::context::Context;
use crate::limits::Budget;

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spending {
    /// To have something done.
    Work,
    /// To learn whether it is done.
    Polling,
}

/// Counts a request of an agent.
pub(super) fn charge_agent(
    ctx: &Context,
    snapshot: &AgentSnapshot,
    spending: Spending,
) -> Result<(), Refusal> {
    let agent = snapshot.agent.id.as_str();
    match spending {
        Spending::Polling => ctx.limits().count(Budget::Polling, agent),
        Spending::Work => {
            ctx.limits().count(Budget::Agent, agent)?;
            charge_host(ctx, &snapshot.host, Spending::Work)
        }
    }
}

/// Counts a request of a host, or of one of its agents.
pub(super) fn charge_host(ctx: &Context, host: &Host, spending: Spending) -> Result<(), Refusal> {
    match spending {
        Spending::Polling => ctx.limits().count(Budget::Polling, host.id.as_str()),
        Spending::Work => {
            ctx.limits().count(Budget::Host, host.id.as_str())?;
            match &host.user_id {
                Some(owner) => ctx.limits().count(Budget::Person, &owner.0),
                None => Ok(()),
            }
        }
    }
}
