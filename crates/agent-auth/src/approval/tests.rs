//! Answers to a request: who may give one, when, and what it changes.

mod entitled;
mod outcome;
mod scope;

use serde_json::{Value, json};

use super::*;
use crate::fixtures::{self, LIFETIME, NOW, alice, bob, pending_grant, seconds};

/// A request as the store has it, ready to be answered.
#[derive(Clone)]
struct Request {
    approval: Approval,
    agent: Agent,
    host: Host,
    grants: Vec<Grant>,
}

impl Request {
    /// A new delegated agent of a host never seen before asks for `balance` and `pay`.
    fn registration() -> Self {
        let mut agent = fixtures::agent();
        agent.state = AgentState::NEW;
        agent.user_id = None;
        let mut host = fixtures::host();
        host.status = HostStatus::Pending;
        host.user_id = None;
        Self {
            approval: approval(Purpose::Registration, ApproverKind::Person),
            agent,
            host,
            grants: vec![
                pending_grant(1, "balance", &json!({})),
                pending_grant(2, "pay", &json!({"amount": {"max": 100}})),
            ],
        }
    }

    /// An active agent of Alice's host asks for more.
    fn escalation() -> Self {
        Self {
            approval: approval(Purpose::Capabilities, ApproverKind::Person),
            agent: fixtures::agent(),
            host: fixtures::host(),
            ..Self::registration()
        }
    }

    /// An agent that acts for nobody asks, under a host never seen before.
    fn autonomous() -> Self {
        let mut request = Self::registration();
        request.agent.mode = Mode::Autonomous;
        request.approval.approver = ApproverKind::Administrator;
        request
    }

    fn answered(
        &self,
        approver: &Approver,
        answer: &Answer,
        now: Timestamp,
    ) -> Result<ApprovalDecision, ApprovalError> {
        let case = Case {
            approval: &self.approval,
            agent: &self.agent,
            host: &self.host,
            grants: &self.grants,
            lifetime: &LIFETIME,
        };
        decide(case, approver, answer, now)
    }

    /// Yes to everything, a minute after the request.
    fn approved_by(&self, approver: &Approver) -> Result<ApprovalDecision, ApprovalError> {
        self.answered(approver, &self.yes_to_all(), LATER)
    }

    fn denied_by(&self, approver: &Approver) -> Result<ApprovalDecision, ApprovalError> {
        self.answered(approver, &no(), LATER)
    }

    fn yes_to_all(&self) -> Answer {
        yes(self.grants.iter().map(choice).collect())
    }
}

/// When answers are given, unless a test says otherwise.
const LATER: Timestamp = Timestamp::from_millis(NOW.as_millis() + 60_000);

fn approval(purpose: Purpose, approver: ApproverKind) -> Approval {
    Approval {
        purpose,
        approver,
        ..fixtures::approval()
    }
}

fn administrator(on_behalf_of: Option<UserId>) -> Approver {
    Approver::Administrator {
        name: "root".into(),
        on_behalf_of,
    }
}

fn choice(grant: &Grant) -> Choice {
    limited(grant, &json!({}))
}

fn limited(grant: &Grant, limits: &Value) -> Choice {
    Choice {
        grant_id: grant.id.clone(),
        limits: fixtures::constraints(limits),
        expires_at: None,
        uses: None,
    }
}

fn yes(choices: Vec<Choice>) -> Answer {
    Answer::Approve {
        choices,
        reason: Some("not needed".into()),
    }
}

fn no() -> Answer {
    Answer::Deny {
        reason: Some("who are you?".into()),
    }
}

/// The states a decision gives to the grants, in the order of the request.
fn states(decision: &ApprovalDecision) -> Vec<&'static str> {
    let status = |change: &GrantChange| change.state.status().as_str();
    decision.grants.iter().map(status).collect()
}
