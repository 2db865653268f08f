//! What becomes of an expired agent that wants to go on (§5.6): back to its host's defaults, and no further.

use procura_keys::clock::Timestamp;

use crate::agent::{Agent, AgentStatus, Mode};
use crate::capability::CapabilityName;
use crate::grant::{Actor, Grant, GrantState};
use crate::host::{Host, HostStatus};
use crate::lifetime::{self, LifetimePolicy};
use crate::refusal::Refusal;
use crate::registration::{AutonomousPolicy, RegistrationPolicy, autonomous_policy};
use crate::request::{ApproverKind, Outcome, Verdict, Wanted};

/// The outcome of a request to reactivate.
#[derive(Clone, Debug, PartialEq)]
pub enum ReactivationDecision {
    /// The agent is active; nothing happens.
    AlreadyActive,
    /// All its grants end, and these come in their place.
    Restart {
        /// One verdict for each default.
        verdicts: Vec<Verdict>,
        /// Who has to approve. Without one, the agent is active at once.
        approver: Option<ApproverKind>,
    },
}

/// The defaults that come back. One that somebody denied or took back from this agent does not.
pub fn returning_defaults(host: &Host, grants: &[Grant]) -> Vec<CapabilityName> {
    let decided_against = |name: &CapabilityName| {
        let mut of_this_name = grants.iter().filter(|grant| grant.capability == *name);
        of_this_name.any(|grant| match &grant.state {
            GrantState::Withdrawn { .. } => true,
            GrantState::Denied { denied_by } => *denied_by != Actor::Policy,
            GrantState::Pending { .. } | GrantState::Active { .. } | GrantState::Revoked => false,
        })
    };
    let defaults = host.default_capabilities.iter();
    defaults
        .filter(|name| !decided_against(name))
        .cloned()
        .collect()
}

/// Decides a reactivation. `wanted` are the [`returning_defaults`] that are still offered.
pub fn decide(
    agent: &Agent,
    host: &Host,
    wanted: Vec<Wanted>,
    policy: &RegistrationPolicy,
    lifetime: &LifetimePolicy,
    now: Timestamp,
) -> Result<ReactivationDecision, Refusal> {
    let status = lifetime::state_at(agent, lifetime, now).status();
    if status == AgentStatus::Revoked && agent.state.status() != AgentStatus::Revoked {
        return Err(Refusal::AbsoluteLifetimeExceeded);
    }
    match status {
        AgentStatus::Expired => {}
        AgentStatus::Active => return Ok(ReactivationDecision::AlreadyActive),
        AgentStatus::Pending
        | AgentStatus::Revoked
        | AgentStatus::Rejected
        | AgentStatus::Claimed => status.require_active()?,
    }
    let approver = approver(agent.mode, host, policy)?;
    let outcome = if approver.is_none() {
        Outcome::Grant
    } else {
        Outcome::AskApprover
    };
    let verdicts = wanted
        .into_iter()
        .map(|ask| ask.answered(outcome))
        .collect();
    Ok(ReactivationDecision::Restart { verdicts, approver })
}

/// The same trust as at registration: a linked host for delegated agents, policy for autonomous ones.
fn approver(
    mode: Mode,
    host: &Host,
    policy: &RegistrationPolicy,
) -> Result<Option<ApproverKind>, Refusal> {
    match mode {
        Mode::Delegated => {
            let trusted = host.status == HostStatus::Active && host.user_id.is_some();
            Ok((!trusted).then_some(ApproverKind::Person))
        }
        Mode::Autonomous => match autonomous_policy(Some(host), policy) {
            AutonomousPolicy::Activate => Ok(None),
            AutonomousPolicy::Pending => Ok(Some(ApproverKind::Administrator)),
            AutonomousPolicy::Refuse => Err(Refusal::AutonomousRefused),
        },
    }
}

#[cfg(test)]
mod tests;
