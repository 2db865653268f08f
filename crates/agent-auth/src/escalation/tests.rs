use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::capability::ApprovalStrength::{self, None as Free, Presence, Session};
use crate::fixtures::{self, NOW, alice, grant, name, pending_grant, seconds, wanted};
use crate::grant::Actor;
use crate::request::Unsatisfiable;

fn request(grants: &[Grant], asks: Vec<Wanted>) -> Result<EscalationDecision, Refusal> {
    decide(&fixtures::agent(), &fixtures::host(), grants, asks, NOW)
}

/// The answer to a single request for `capability` within `limits`.
fn one(
    grants: &[Grant],
    capability: &str,
    approval: ApprovalStrength,
    limits: &Value,
) -> Result<Answer, Refusal> {
    let decision = request(grants, vec![wanted(capability, approval, limits)])?;
    Ok(decision.answers.into_iter().next().unwrap())
}

fn outcome(answer: &Answer) -> Option<Outcome> {
    match answer {
        Answer::Held(_) => None,
        Answer::New(verdict) => Some(verdict.outcome),
    }
}

fn denied(number: u8, capability: &str) -> Grant {
    Grant {
        state: GrantState::Denied {
            denied_by: Actor::User(fixtures::alice()),
        },
        ..grant(number, capability, &json!({}))
    }
}

fn revoked(number: u8, capability: &str) -> Grant {
    Grant {
        state: GrantState::Revoked,
        ..grant(number, capability, &json!({}))
    }
}

// AA-5.4-06, AA-8.10-06
#[test]
fn what_nobody_has_to_approve_is_granted_and_the_rest_is_asked() {
    let cases = [
        ("echo", Free, Outcome::Grant),
        ("balance", Session, Outcome::Grant),
        ("balance", Presence, Outcome::AskApprover),
        ("history", Session, Outcome::AskApprover),
        ("pay", Presence, Outcome::AskApprover),
    ];
    for (capability, approval, expected) in cases {
        let decision = request(&[], vec![wanted(capability, approval, &json!({}))]).unwrap();
        assert_eq!(
            outcome(&decision.answers[0]),
            Some(expected),
            "{capability}"
        );
        let approver = (expected == Outcome::AskApprover).then_some(ApproverKind::Person);
        assert_eq!(decision.approver, approver, "{capability}");
    }
}

// AA-2.2-06
#[test]
fn an_autonomous_agent_asks_an_administrator() {
    let mut agent = fixtures::agent();
    agent.mode = Mode::Autonomous;
    let ask = |approval| vec![wanted("pay", approval, &json!({}))];
    let decide = |asks| decide(&agent, &fixtures::host(), &[], asks, NOW).unwrap();
    assert_eq!(
        decide(ask(Presence)).approver,
        Some(ApproverKind::Administrator)
    );
    assert_eq!(decide(ask(Free)).approver, None);
}

// AA-5.4-09
#[test]
fn asking_only_for_what_is_held_is_refused() {
    let grants = [
        grant(1, "pay", &json!({"amount": {"max": 100}})),
        grant(2, "history", &json!({})),
    ];
    for limits in [
        json!({"amount": {"max": 100}}),
        json!({"amount": {"max": 99}}),
        json!({"amount": 100}),
        json!({"amount": {"max": 100}, "currency": "USD"}),
    ] {
        let answer = one(&grants, "pay", Presence, &limits);
        assert_eq!(answer, Err(Refusal::AlreadyGranted), "{limits}");
    }
    let both = vec![
        wanted("pay", Presence, &json!({"amount": 7})),
        wanted("history", Session, &json!({})),
    ];
    assert_eq!(request(&grants, both), Err(Refusal::AlreadyGranted));
}

// AA-2.13-07, AA-5.4-09
#[test]
fn asking_for_more_than_is_held_needs_approval() {
    let grants = [grant(1, "pay", &json!({"amount": {"max": 100}}))];
    for limits in [
        json!({}),
        json!({"amount": {"max": 101}}),
        json!({"amount": {"min": 1}}),
        json!({"currency": "USD"}),
    ] {
        let answer = one(&grants, "pay", Presence, &limits).unwrap();
        assert_eq!(outcome(&answer), Some(Outcome::AskApprover), "{limits}");
    }
}

/// Several grants of one capability may exist; one that suffices is enough, wherever it stands.
// AA-5.4-09
#[test]
fn any_one_grant_may_hold_what_is_asked() {
    let grants = [
        grant(1, "pay", &json!({"to": "acc_1"})),
        grant(2, "pay", &json!({"to": "acc_2"})),
    ];
    let asks = vec![
        wanted("pay", Presence, &json!({"to": "acc_2", "amount": 5})),
        wanted("history", Session, &json!({})),
    ];
    let decision = request(&grants, asks).unwrap();
    assert_eq!(decision.answers[0], Answer::Held(grants[1].id.clone()));
    let answer = one(
        &grants,
        "pay",
        Presence,
        &json!({"to": {"in": ["acc_1", "acc_2"]}}),
    );
    assert_eq!(outcome(&answer.unwrap()), Some(Outcome::AskApprover));
}

// AA-2.14-02, AA-3.3-07, AA-3.3-08
#[test]
fn only_a_grant_in_force_of_this_very_name_is_held() {
    let expired = Grant {
        expires_at: Some(NOW),
        ..grant(1, "pay", &json!({}))
    };
    let last_moment = Grant {
        expires_at: Some(NOW.plus(seconds(1))),
        ..grant(1, "pay", &json!({}))
    };
    let ask = |grant: Grant| one(&[grant], "pay", Presence, &json!({}));
    assert_eq!(ask(last_moment), Err(Refusal::AlreadyGranted));
    for other in [
        expired,
        pending_grant(1, "pay", &json!({})),
        denied(1, "pay"),
        revoked(1, "pay"),
        grant(1, "Pay", &json!({})),
        grant(1, "pay2", &json!({})),
    ] {
        let answer = ask(other).unwrap();
        assert_eq!(outcome(&answer), Some(Outcome::AskApprover));
    }
}

// AA-5.4-04
#[test]
fn the_answers_come_in_the_order_asked_and_only_for_what_was_asked() {
    let grants = [
        grant(1, "balance", &json!({})),
        grant(2, "history", &json!({})),
    ];
    let asks = vec![
        wanted("pay", Presence, &json!({"amount": 5})),
        wanted("history", Session, &json!({})),
        wanted("echo", Free, &json!({})),
    ];
    let decision = request(&grants, asks).unwrap();
    let verdict = |capability: &str, limits: &Value, outcome| {
        Answer::New(Verdict {
            capability: name(capability),
            constraints: fixtures::constraints(limits),
            outcome,
        })
    };
    assert_eq!(
        decision.answers,
        [
            verdict("pay", &json!({"amount": 5}), Outcome::AskApprover),
            Answer::Held(grants[1].id.clone()),
            verdict("echo", &json!({}), Outcome::Grant),
        ]
    );
    assert_eq!(decision.withdrawn, []);
    assert_eq!(decision.approver, Some(ApproverKind::Person));
}

#[test]
fn a_new_request_replaces_the_open_one_for_the_same_capability() {
    let grants = [
        pending_grant(1, "pay", &json!({"amount": 5})),
        pending_grant(2, "history", &json!({})),
    ];
    let asks = vec![wanted("pay", Presence, &json!({"amount": 9}))];
    let decision = request(&grants, asks).unwrap();
    assert_eq!(decision.withdrawn, [grants[0].id.clone()]);
    assert_eq!(decision.approver, Some(ApproverKind::Person));
}

#[test]
fn an_open_request_stands_when_what_is_asked_is_held() {
    let grants = [
        pending_grant(1, "pay", &json!({})),
        grant(2, "pay", &json!({"amount": {"max": 9}})),
    ];
    let asks = vec![
        wanted("pay", Presence, &json!({"amount": 5})),
        wanted("echo", Free, &json!({})),
    ];
    let decision = request(&grants, asks).unwrap();
    assert_eq!(decision.answers[0], Answer::Held(grants[1].id.clone()));
    assert_eq!(decision.withdrawn, []);
}

/// What somebody limited, denied or took back does not come back because it is a default, or free.
// AA-2.13-07
#[test]
fn a_default_does_not_go_around_a_decision() {
    let narrower = grant(1, "balance", &json!({"account": "acc_1"}));
    let withdrawn = Grant {
        state: GrantState::Withdrawn {
            withdrawn_by: Actor::User(alice()),
        },
        ..narrower.clone()
    };
    let decided = [narrower, denied(1, "balance"), withdrawn];
    for grant in decided {
        for approval in [Session, Free] {
            let answer = one(
                std::slice::from_ref(&grant),
                "balance",
                approval,
                &json!({}),
            );
            assert_eq!(
                outcome(&answer.unwrap()),
                Some(Outcome::AskApprover),
                "{:?}",
                grant.state
            );
        }
    }
    let hopeless = Grant {
        state: GrantState::Denied {
            denied_by: Actor::Policy,
        },
        ..denied(1, "balance")
    };
    for undecided in [
        pending_grant(1, "balance", &json!({})),
        revoked(1, "balance"),
        hopeless,
    ] {
        let answer = one(&[undecided], "balance", Session, &json!({})).unwrap();
        assert_eq!(outcome(&answer), Some(Outcome::Grant));
    }
}

// AA-2.13-06
#[test]
fn limits_that_exclude_each_other_are_denied_even_beside_a_wide_grant() {
    let hopeless = |capability, approval| Wanted {
        constraints: Err(Unsatisfiable),
        ..wanted(capability, approval, &json!({}))
    };
    let grants = [grant(1, "pay", &json!({}))];
    for ask in [hopeless("pay", Presence), hopeless("echo", Free)] {
        let decision = request(&grants, vec![ask]).unwrap();
        assert!(matches!(
            outcome(&decision.answers[0]),
            Some(Outcome::Deny(_))
        ));
        assert_eq!(decision.approver, None);
    }
}

#[test]
fn a_request_for_nothing_changes_nothing() {
    let decision = request(&[grant(1, "pay", &json!({}))], Vec::new()).unwrap();
    assert_eq!(decision.answers, []);
    assert_eq!((decision.withdrawn, decision.approver), (Vec::new(), None));
}

proptest! {
    /// Whatever is on record, a capability that takes presence comes from an approval or is held already.
    // AA-2.13-07, AA-8.10-06
    #[test]
    fn presence_is_never_skipped(
        held in proptest::option::of(0..100_u32), asked in 0..100_u32, ended in any::<bool>(),
    ) {
        let grants: Vec<_> = held
            .map(|max| Grant {
                expires_at: ended.then_some(NOW),
                ..grant(1, "balance", &json!({"amount": {"max": max}}))
            })
            .into_iter()
            .collect();
        let limits = json!({"amount": {"max": asked}});
        let suffices = !ended && held.is_some_and(|max| asked <= max);
        match one(&grants, "balance", Presence, &limits) {
            Err(refusal) => {
                prop_assert_eq!(refusal, Refusal::AlreadyGranted);
                prop_assert!(suffices);
            }
            Ok(answer) => {
                prop_assert_eq!(outcome(&answer), Some(Outcome::AskApprover));
                prop_assert!(!suffices);
            }
        }
    }
}
