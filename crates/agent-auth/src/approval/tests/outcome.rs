//! What an answer changes: request, agent, host and link (§2.9, §5.3, §7.1).

use super::*;

// AA-2.9-01, AA-3.1-04, AA-5.3-20
#[test]
fn approving_a_new_agent_links_its_host_to_the_approver() {
    let decision = Request::registration().approved_by(&Approver::Person(alice()));
    let decision = decision.unwrap();
    let approved = ApprovalState::Approved {
        by: Actor::User(alice()),
        at: LATER,
    };
    assert_eq!(decision.approval, approved);
    assert_eq!(
        decision.agent,
        Some(AgentState::Active {
            activated_at: LATER
        })
    );
    assert_eq!(decision.link, Some(alice()));
    assert!(decision.activate_host);
    assert_eq!(states(&decision), ["active", "active"]);
}

// AA-2.7-03, AA-2.9-04
#[test]
fn a_linked_host_stays_with_its_person() {
    let mut request = Request::registration();
    request.host = fixtures::host();
    for approver in [
        Approver::Person(alice()),
        administrator(None),
        administrator(Some(bob())),
    ] {
        let decision = request.approved_by(&approver).unwrap();
        assert_eq!(decision.link, None);
        assert!(!decision.activate_host);
    }
}

// AA-2.9-02, AA-3.3-04
#[test]
fn an_administrator_links_only_on_somebodys_behalf() {
    for on_behalf_of in [None, Some(alice())] {
        let approver = administrator(on_behalf_of.clone());
        let decision = Request::registration().approved_by(&approver).unwrap();
        assert_eq!(decision.link, on_behalf_of);
        assert!(decision.activate_host);
        let by = Actor::Administrator("root".into());
        for change in &decision.grants {
            let granted_by = by.clone();
            assert_eq!(change.state, GrantState::Active { granted_by });
        }
        assert_eq!(decision.approval, ApprovalState::Approved { by, at: LATER });
    }
}

// AA-2.2-06, AA-2.7-02
#[test]
fn approving_an_autonomous_agent_links_nobody() {
    for on_behalf_of in [None, Some(alice())] {
        let approver = administrator(on_behalf_of);
        let decision = Request::autonomous().approved_by(&approver).unwrap();
        assert_eq!(decision.link, None);
        assert!(decision.activate_host);
        assert_eq!(
            decision.agent,
            Some(AgentState::Active {
                activated_at: LATER
            })
        );
    }
}

// AA-5.3-20, AA-5.3-23
#[test]
fn some_may_be_granted_and_the_rest_is_denied_with_the_reason() {
    let request = Request::registration();
    let answer = yes(vec![choice(&request.grants[0])]);
    let decision = request.answered(&Approver::Person(alice()), &answer, LATER);
    let decision = decision.unwrap();
    assert!(matches!(decision.agent, Some(AgentState::Active { .. })));
    assert_eq!(decision.link, Some(alice()));
    assert_eq!(states(&decision), ["active", "denied"]);
    let [granted, denied] = decision.grants.as_slice() else {
        panic!("one change for each grant: {decision:?}");
    };
    assert_eq!(granted.reason, request.grants[0].reason);
    assert_eq!(denied.reason.as_deref(), Some("not needed"));
}

// AA-5.3-21
#[test]
fn granting_nothing_still_makes_the_agent_active() {
    for grants in [Request::registration().grants, Vec::new()] {
        let request = Request {
            grants,
            ..Request::registration()
        };
        let decision = request.answered(&Approver::Person(alice()), &yes(Vec::new()), LATER);
        let decision = decision.unwrap();
        assert!(matches!(decision.agent, Some(AgentState::Active { .. })));
        assert_eq!(decision.link, Some(alice()));
        assert!(decision.activate_host);
        assert!(states(&decision).iter().all(|state| *state == "denied"));
        assert_eq!(decision.grants.len(), request.grants.len());
    }
}

/// The host stays pending, so that another agent of it may ask.
// AA-2.3-05, AA-7.1-04, AA-3.3-05, AA-3.3-06
#[test]
fn denying_a_registration_rejects_the_agent_and_nothing_else() {
    for (request, approver) in [
        (Request::registration(), Approver::Person(alice())),
        (Request::registration(), administrator(Some(alice()))),
        (Request::autonomous(), administrator(None)),
    ] {
        let decision = request.denied_by(&approver).unwrap();
        let by = approver.actor();
        let denied = ApprovalState::Denied {
            by: by.clone(),
            at: LATER,
        };
        assert_eq!(decision.approval, denied);
        assert_eq!(
            decision.agent,
            Some(AgentState::Rejected { activated_at: None })
        );
        assert_eq!((decision.link, decision.activate_host), (None, false));
        assert_eq!(decision.grants.len(), 2);
        for change in decision.grants {
            let denied_by = by.clone();
            assert_eq!(change.state, GrantState::Denied { denied_by });
            assert_eq!(change.reason.as_deref(), Some("who are you?"));
        }
    }
}

// AA-2.5-02, AA-2.3-05
#[test]
fn an_answer_to_a_reactivation_counts_like_one_to_a_registration() {
    let mut request = Request::registration();
    request.host = fixtures::host();
    let activated_at = Some(NOW);
    request.agent.state = AgentState::Pending {
        activated_at,
        until: Some(request.approval.expires_at),
    };
    let by_alice = Approver::Person(alice());
    assert_eq!(
        request.approved_by(&by_alice).unwrap().agent,
        Some(AgentState::Active {
            activated_at: LATER
        })
    );
    assert_eq!(
        request.denied_by(&by_alice).unwrap().agent,
        Some(AgentState::Rejected { activated_at })
    );
}

// AA-5.4-05, AA-5.4-07
#[test]
fn an_answer_about_capabilities_leaves_the_agent_as_it_is() {
    let request = Request::escalation();
    let by_alice = Approver::Person(alice());
    let granted = request.approved_by(&by_alice).unwrap();
    assert_eq!(states(&granted), ["active", "active"]);
    let denied = request.denied_by(&by_alice).unwrap();
    assert_eq!(states(&denied), ["denied", "denied"]);
    for decision in [granted, denied] {
        assert_eq!(decision.agent, None);
        assert_eq!((decision.link, decision.activate_host), (None, false));
    }
}
