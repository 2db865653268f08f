use super::*;
use crate::agent::AgentState;
use crate::capability::ApprovalStrength;
use crate::fixtures::{LIFETIME, NOW, agent, alice, host, seconds};
use crate::id::{AgentId, ApprovalId, GrantId};
use crate::registration::UnknownHosts;

fn policy(linked: AutonomousPolicy) -> RegistrationPolicy {
    RegistrationPolicy {
        modes: vec![Mode::Delegated, Mode::Autonomous],
        unknown_hosts: UnknownHosts::Register,
        autonomous_unknown_hosts: AutonomousPolicy::Pending,
        autonomous_linked_hosts: linked,
    }
}

fn wanted(name: &str) -> Wanted {
    Wanted {
        name: name.parse().unwrap(),
        approval: ApprovalStrength::Session,
        constraints: Ok(None),
    }
}

fn expired() -> Agent {
    Agent {
        state: AgentState::Expired { activated_at: NOW },
        ..agent()
    }
}

fn decided(
    agent: &Agent,
    host: &Host,
    policy: &RegistrationPolicy,
) -> Result<ReactivationDecision, Refusal> {
    decide(
        agent,
        host,
        vec![wanted("balance")],
        policy,
        &LIFETIME,
        NOW.plus(seconds(7200)),
    )
}

fn grant(state: GrantState) -> Grant {
    Grant {
        id: GrantId::new(NOW, [9; 10]),
        agent_id: AgentId::new(NOW, [2; 10]),
        capability: "balance".parse().unwrap(),
        constraints: None,
        state,
        reason: None,
        expires_at: None,
        uses: None,
        form: None,
        created_at: NOW,
        updated_at: NOW,
    }
}

// AA-5.6-06, AA-2.5-01
#[test]
fn a_linked_host_gets_its_defaults_back_at_once_and_an_unlinked_one_asks() {
    let decision = decided(&expired(), &host(), &policy(AutonomousPolicy::Pending)).unwrap();
    let ReactivationDecision::Restart {
        verdicts,
        approver: None,
    } = decision
    else {
        panic!("{decision:?}")
    };
    assert_eq!(verdicts[0].outcome, Outcome::Grant);
    let unlinked = Host {
        user_id: None,
        ..host()
    };
    let decision = decided(&expired(), &unlinked, &policy(AutonomousPolicy::Pending)).unwrap();
    let ReactivationDecision::Restart { verdicts, approver } = decision else {
        panic!("{decision:?}")
    };
    assert_eq!(
        (verdicts[0].outcome, approver),
        (Outcome::AskApprover, Some(ApproverKind::Person))
    );
}

// AA-5.6-02, AA-5.6-03
#[test]
fn only_an_expired_agent_is_reactivated() {
    let cases = [
        (AgentStatus::Pending, Err(Refusal::AgentPending)),
        (AgentStatus::Revoked, Err(Refusal::AgentRevoked)),
        (AgentStatus::Rejected, Err(Refusal::AgentRejected)),
        (AgentStatus::Claimed, Err(Refusal::AgentClaimed)),
    ];
    for (status, expected) in cases {
        let agent = Agent {
            state: AgentState::from_parts(status, Some(NOW)).unwrap(),
            ..agent()
        };
        assert_eq!(
            decided(&agent, &host(), &policy(AutonomousPolicy::Pending)),
            expected,
            "{status}"
        );
    }
    let fresh = Agent {
        last_used_at: Some(NOW.plus(seconds(7199))),
        ..agent()
    };
    let decision = decided(&fresh, &host(), &policy(AutonomousPolicy::Pending));
    assert_eq!(decision, Ok(ReactivationDecision::AlreadyActive));
}

/// The record still says active; the idle clock says expired, and that counts.
#[test]
fn an_agent_that_ran_out_unnoticed_is_expired() {
    let decision = decided(&agent(), &host(), &policy(AutonomousPolicy::Pending)).unwrap();
    assert!(matches!(decision, ReactivationDecision::Restart { .. }));
}

// AA-5.6-04, AA-2.5-04
#[test]
fn the_absolute_lifetime_is_checked_before_anything_is_given() {
    let late = NOW.plus(seconds(7 * 24 * 3600));
    let policy = policy(AutonomousPolicy::Activate);
    let decision = decide(&expired(), &host(), Vec::new(), &policy, &LIFETIME, late);
    assert_eq!(decision, Err(Refusal::AbsoluteLifetimeExceeded));
}

#[test]
fn an_autonomous_agent_follows_the_policy_for_its_host() {
    let agent = Agent {
        mode: Mode::Autonomous,
        user_id: None,
        ..expired()
    };
    let ask = |linked, host: &Host| match decided(&agent, host, &policy(linked)) {
        Ok(ReactivationDecision::Restart { approver, .. }) => Ok(approver),
        Ok(other) => panic!("{other:?}"),
        Err(refusal) => Err(refusal),
    };
    let linked = Host {
        user_id: Some(alice()),
        ..host()
    };
    let unlinked = Host {
        user_id: None,
        ..host()
    };
    assert_eq!(ask(AutonomousPolicy::Activate, &linked), Ok(None));
    assert_eq!(
        ask(AutonomousPolicy::Pending, &linked),
        Ok(Some(ApproverKind::Administrator))
    );
    assert_eq!(
        ask(AutonomousPolicy::Refuse, &linked),
        Err(Refusal::AutonomousRefused)
    );
    assert_eq!(
        ask(AutonomousPolicy::Activate, &unlinked),
        Ok(Some(ApproverKind::Administrator))
    );
}

#[test]
fn a_default_that_somebody_decided_against_does_not_come_back() {
    let user = || Actor::User(alice());
    let cases = [
        (
            GrantState::Active {
                granted_by: Actor::Policy,
            },
            true,
        ),
        (GrantState::Revoked, true),
        (
            GrantState::Pending {
                approval_id: ApprovalId::new(NOW, [0; 10]),
            },
            true,
        ),
        (
            GrantState::Denied {
                denied_by: Actor::Policy,
            },
            true,
        ),
        (GrantState::Denied { denied_by: user() }, false),
        (
            GrantState::Withdrawn {
                withdrawn_by: user(),
            },
            false,
        ),
    ];
    for (state, returns) in cases {
        let grants = [grant(state)];
        assert_eq!(
            !returning_defaults(&host(), &grants).is_empty(),
            returns,
            "{:?}",
            grants[0].state
        );
    }
    assert_eq!(returning_defaults(&host(), &[]).len(), 1);
}
