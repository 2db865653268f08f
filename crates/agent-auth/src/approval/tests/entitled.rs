//! Who may answer, and until when (§2.9, §7).

use super::*;

// AA-10.10.3-01
#[test]
fn a_request_by_a_method_of_the_servers_own_is_answered_by_administrators() {
    let mut request = Request::registration();
    let method = "desk".to_owned();
    request.approval.channel = Channel::Custom { method };
    let alice = Approver::Person(alice());
    assert_eq!(request.approved_by(&alice), Err(ApprovalError::AtTheDesk));
    assert_eq!(request.denied_by(&alice), Err(ApprovalError::AtTheDesk));
    assert!(request.approved_by(&administrator(None)).is_ok());
}

// AA-2.9-04
#[test]
fn another_persons_answer_does_not_count() {
    let mut registration = Request::registration();
    registration.host = fixtures::host();
    for request in [registration, Request::escalation()] {
        let by_bob = Approver::Person(bob());
        let refusal = ApprovalError::OtherPerson;
        assert_eq!(request.approved_by(&by_bob), Err(refusal.clone()));
        assert_eq!(request.denied_by(&by_bob), Err(refusal));
        assert!(request.approved_by(&Approver::Person(alice())).is_ok());
    }
}

/// Also when the host belongs to nobody by now, or to somebody else.
// AA-7.2-06
#[test]
fn a_request_in_an_inbox_is_for_its_person_or_an_administrator() {
    for owner in [Some(alice()), Some(bob()), None] {
        let mut request = Request::escalation();
        request.approval.channel = Channel::Inbox { user_id: alice() };
        request.host.user_id.clone_from(&owner);
        let by_bob = Approver::Person(bob());
        assert_eq!(
            request.approved_by(&by_bob),
            Err(ApprovalError::OtherPerson)
        );
        assert_eq!(request.denied_by(&by_bob), Err(ApprovalError::OtherPerson));
        let by_alice = request.approved_by(&Approver::Person(alice()));
        assert_eq!(by_alice.is_ok(), owner != Some(bob()), "{owner:?}");
        assert!(request.approved_by(&administrator(None)).is_ok());
    }
}

// AA-2.2-06
#[test]
fn only_an_administrator_answers_for_an_agent_that_acts_for_nobody() {
    let mut mislabelled = Request::autonomous();
    mislabelled.approval.approver = ApproverKind::Person;
    let mut reserved = Request::registration();
    reserved.approval.approver = ApproverKind::Administrator;
    for request in [Request::autonomous(), mislabelled, reserved] {
        let by_alice = Approver::Person(alice());
        let refusal = ApprovalError::AdministratorsOnly;
        assert_eq!(request.approved_by(&by_alice), Err(refusal.clone()));
        assert_eq!(request.denied_by(&by_alice), Err(refusal));
        assert!(request.approved_by(&administrator(None)).is_ok());
        assert!(request.denied_by(&administrator(None)).is_ok());
    }
}

// AA-7.1-03
#[test]
fn an_answer_counts_until_the_request_expires() {
    let request = Request::registration();
    let by_alice = Approver::Person(alice());
    let end = request.approval.expires_at;
    let last = Timestamp::from_millis(end.as_millis() - 1);
    for answer in [request.yes_to_all(), no()] {
        assert!(request.answered(&by_alice, &answer, last).is_ok());
        assert_eq!(
            request.answered(&by_alice, &answer, end),
            Err(ApprovalError::Expired)
        );
    }
}

// AA-7.1-03
#[test]
fn a_request_is_answered_once() {
    let by = Actor::User(alice());
    let approved = ApprovalState::Approved {
        by: by.clone(),
        at: NOW,
    };
    let denied = ApprovalState::Denied { by, at: NOW };
    for (state, refusal) in [
        (approved, ApprovalError::AlreadyDecided),
        (denied, ApprovalError::AlreadyDecided),
        (ApprovalState::Cancelled, ApprovalError::Cancelled),
    ] {
        let mut request = Request::registration();
        request.approval.state = state;
        let by_alice = Approver::Person(alice());
        assert_eq!(request.approved_by(&by_alice), Err(refusal.clone()));
        assert_eq!(request.denied_by(&by_alice), Err(refusal.clone()));
        assert_eq!(
            request.approval.require_open(NOW.plus(seconds(9_000))),
            Err(refusal)
        );
    }
}

// AA-2.3-04
#[test]
fn an_agent_that_has_moved_on_is_not_moved_back() {
    let state_of = |status| AgentState::from_parts(status, Some(NOW)).unwrap();
    for (template, expected) in [
        (Request::registration(), AgentStatus::Pending),
        (Request::escalation(), AgentStatus::Active),
    ] {
        for status in AgentStatus::ALL {
            let mut request = template.clone();
            request.agent.state = state_of(status);
            let refusal = (status != expected).then_some(ApprovalError::AgentIs(status));
            let by = administrator(None);
            assert_eq!(request.approved_by(&by).err(), refusal, "{status}");
            assert_eq!(request.denied_by(&by).err(), refusal, "{status}");
        }
    }
}

/// The stored state may be old: an agent whose time ran out since then is not approved.
// AA-2.4-01, AA-2.4-03
#[test]
fn the_clocks_are_applied_before_the_agents_state_is_judged() {
    let cases = [
        (
            Request::registration(),
            7 * 24 * 3_600,
            AgentStatus::Revoked,
        ),
        (Request::escalation(), 3_600, AgentStatus::Expired),
    ];
    for (mut request, age, status) in cases {
        let now = NOW.plus(seconds(age));
        request.approval.expires_at = now.plus(seconds(1));
        let answer = request.yes_to_all();
        assert_eq!(
            request.answered(&administrator(None), &answer, now),
            Err(ApprovalError::AgentIs(status))
        );
    }
}
