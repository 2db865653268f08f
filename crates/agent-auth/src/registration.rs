//! What becomes of a registration (§5.3, §2.7–§2.11): the host, the agent, and each requested capability.

use serde::Deserialize;

use crate::agent::Mode;
use crate::capability::CapabilityName;
use crate::host::{Host, HostStatus};
use crate::refusal::Refusal;
use crate::request::{ApproverKind, Outcome, Verdict, Wanted};

/// What a server allows to be registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationPolicy {
    /// Accepted modes.
    pub modes: Vec<Mode>,
    /// Hosts never seen before.
    pub unknown_hosts: UnknownHosts,
    /// Autonomous agents of hosts that nobody is linked to, new ones among them.
    pub autonomous_unknown_hosts: AutonomousPolicy,
    /// Autonomous agents of hosts that are linked to a person.
    pub autonomous_linked_hosts: AutonomousPolicy,
}

/// What to do with a host never seen before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownHosts {
    /// Take it in, untrusted until somebody approves.
    Register,
    /// Turn it away; hosts are added by the operator.
    Refuse,
}

/// What to do with an agent that acts for nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AutonomousPolicy {
    /// An administrator decides.
    Pending,
    /// It gets the defaults at once.
    Activate,
    /// It is turned away.
    Refuse,
}

/// Who asks to be registered.
#[derive(Clone, Copy, Debug)]
pub struct Applicant<'a> {
    /// As what.
    pub mode: Mode,
    /// The host, if it is known. Its state has been checked: it is active or pending.
    pub host: Option<&'a Host>,
    /// The defaults a new host would get.
    pub new_host_defaults: &'a [CapabilityName],
}

/// The outcome of a registration.
#[derive(Clone, Debug, PartialEq)]
pub struct RegistrationDecision {
    /// The state in which to create the host, if it is new.
    pub new_host: Option<HostStatus>,
    /// One verdict for each capability.
    pub verdicts: Vec<Verdict>,
    /// Who has to approve. Without one, the agent is active at once.
    pub approver: Option<ApproverKind>,
}

/// Decides a registration.
pub fn decide(
    applicant: Applicant<'_>,
    wanted: Vec<Wanted>,
    policy: &RegistrationPolicy,
) -> Result<RegistrationDecision, Refusal> {
    if !policy.modes.contains(&applicant.mode) {
        return Err(Refusal::UnsupportedMode(applicant.mode));
    }
    if applicant.host.is_none() && policy.unknown_hosts == UnknownHosts::Refuse {
        return Err(Refusal::UnknownHostsRefused);
    }
    match applicant.mode {
        Mode::Delegated => Ok(delegated(applicant, wanted)),
        Mode::Autonomous => autonomous(applicant, wanted, policy),
    }
}

/// A person has decided about this host before, or nothing is granted (§2.9, §8.10).
fn delegated(applicant: Applicant<'_>, wanted: Vec<Wanted>) -> RegistrationDecision {
    let trusted = applicant
        .host
        .filter(|host| host.status == HostStatus::Active && host.user_id.is_some());
    let verdicts: Vec<_> = wanted
        .into_iter()
        .map(|ask| match trusted {
            Some(host) if ask.is_automatic(&host.default_capabilities) => {
                ask.answered(Outcome::Grant)
            }
            _ => ask.answered(Outcome::AskApprover),
        })
        .collect();
    let settled = trusted.is_some()
        && verdicts
            .iter()
            .all(|verdict| verdict.outcome != Outcome::AskApprover);
    RegistrationDecision {
        new_host: applicant.host.is_none().then_some(HostStatus::Pending),
        verdicts,
        approver: (!settled).then_some(ApproverKind::Person),
    }
}

fn autonomous(
    applicant: Applicant<'_>,
    wanted: Vec<Wanted>,
    policy: &RegistrationPolicy,
) -> Result<RegistrationDecision, Refusal> {
    let defaults = applicant.host.map_or(applicant.new_host_defaults, |host| {
        &host.default_capabilities
    });
    let (new_host, approver) = match autonomous_policy(applicant.host, policy) {
        AutonomousPolicy::Refuse => return Err(Refusal::AutonomousRefused),
        AutonomousPolicy::Activate => (HostStatus::Active, None),
        AutonomousPolicy::Pending => (HostStatus::Pending, Some(ApproverKind::Administrator)),
    };
    let verdicts = wanted
        .into_iter()
        .map(|ask| {
            let outcome = match approver {
                Some(_) => Outcome::AskApprover,
                None if ask.is_automatic(defaults) => Outcome::Grant,
                None => Outcome::Deny(BEYOND_POLICY),
            };
            ask.answered(outcome)
        })
        .collect();
    let new_host = applicant.host.is_none().then_some(new_host);
    Ok(RegistrationDecision {
        new_host,
        verdicts,
        approver,
    })
}

/// What becomes of an autonomous agent of this host.
pub(crate) fn autonomous_policy(
    host: Option<&Host>,
    policy: &RegistrationPolicy,
) -> AutonomousPolicy {
    let unlinked = policy.autonomous_unknown_hosts;
    match host {
        // Agents of a pending host stay pending, whatever new hosts get (§2.11).
        Some(host)
            if host.status == HostStatus::Pending && unlinked == AutonomousPolicy::Activate =>
        {
            AutonomousPolicy::Pending
        }
        Some(host) if host.status != HostStatus::Pending && host.user_id.is_some() => {
            policy.autonomous_linked_hosts
        }
        // Nobody answers for a host that was never linked, or is so no more.
        Some(_) | None => unlinked,
    }
}

const BEYOND_POLICY: &str = "Not within the policy for autonomous agents. Request it with POST /agent/request-capability to ask an administrator.";

#[cfg(test)]
mod tests;
