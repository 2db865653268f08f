//! What becomes of a request for more capabilities (§5.4).

use procura_keys::clock::Timestamp;

use crate::agent::{Agent, Mode};
use crate::constraint::covers;
use crate::grant::{Actor, Grant, GrantState};
use crate::host::Host;
use crate::id::GrantId;
use crate::refusal::Refusal;
use crate::request::{ApproverKind, Outcome, Verdict, Wanted};

/// The outcome of a request.
#[derive(Clone, Debug, PartialEq)]
pub struct EscalationDecision {
    /// One answer for each capability, in the order asked.
    pub answers: Vec<Answer>,
    /// Earlier undecided requests for the same capabilities, which this one replaces.
    pub withdrawn: Vec<GrantId>,
    /// Who has to approve, if anything has to be.
    pub approver: Option<ApproverKind>,
}

/// The answer to one ask.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// This grant permits it already.
    Held(GrantId),
    /// Something new.
    New(Verdict),
}

/// Decides a request. `grants` are all grants on record for the agent.
pub fn decide(
    agent: &Agent,
    host: &Host,
    grants: &[Grant],
    wanted: Vec<Wanted>,
    now: Timestamp,
) -> Result<EscalationDecision, Refusal> {
    let mut withdrawn = Vec::new();
    let mut answers = Vec::with_capacity(wanted.len());
    for ask in wanted {
        let on_record: Vec<_> = grants
            .iter()
            .filter(|grant| grant.capability == ask.name)
            .collect();
        if let Some(held) = on_record.iter().find(|grant| suffices(grant, &ask, now)) {
            answers.push(Answer::Held(held.id.clone()));
            continue;
        }
        let open = on_record
            .iter()
            .filter(|grant| matches!(grant.state, GrantState::Pending { .. }));
        withdrawn.extend(open.map(|grant| grant.id.clone()));
        // A default is not granted around a decision somebody made: not beside tighter limits, and not
        // after a denial or a withdrawal.
        let automatic = !on_record.iter().any(|grant| is_decision(grant))
            && ask.is_automatic(&host.default_capabilities);
        let outcome = if automatic {
            Outcome::Grant
        } else {
            Outcome::AskApprover
        };
        answers.push(Answer::New(ask.answered(outcome)));
    }
    if !answers.is_empty()
        && answers
            .iter()
            .all(|answer| matches!(answer, Answer::Held(_)))
    {
        return Err(Refusal::AlreadyGranted);
    }
    let asks = |answer: &Answer| matches!(answer, Answer::New(verdict) if verdict.outcome == Outcome::AskApprover);
    let approver = answers.iter().any(asks).then_some(match agent.mode {
        Mode::Delegated => ApproverKind::Person,
        Mode::Autonomous => ApproverKind::Administrator,
    });
    Ok(EscalationDecision {
        answers,
        withdrawn,
        approver,
    })
}

/// Whether somebody, rather than policy, has decided about this capability for this agent.
pub(crate) fn is_decision(grant: &Grant) -> bool {
    match &grant.state {
        GrantState::Active { .. } | GrantState::Withdrawn { .. } => true,
        GrantState::Denied { denied_by } => *denied_by != Actor::Policy,
        GrantState::Pending { .. } | GrantState::Revoked => false,
    }
}

fn suffices(grant: &Grant, ask: &Wanted, now: Timestamp) -> bool {
    let asked = ask.constraints.as_ref();
    grant.is_usable(now)
        && asked.is_ok_and(|limits| covers(grant.constraints.as_ref(), limits.as_ref()))
}

#[cfg(test)]
mod tests;
