//! How far an approver's choices reach (§2.13).

use proptest::prelude::*;
use serde_json::Map;

use super::*;
use crate::grant::GrantStatus;

fn by_alice(request: &Request, choices: Vec<Choice>) -> Result<ApprovalDecision, ApprovalError> {
    request.answered(&Approver::Person(alice()), &yes(choices), LATER)
}

// AA-2.13-04
#[test]
fn a_choice_of_a_grant_that_was_not_asked_for_spoils_the_answer() {
    let request = Request::registration();
    let foreign = pending_grant(7, "balance", &json!({}));
    let choices = vec![choice(&request.grants[0]), choice(&foreign)];
    assert_eq!(
        by_alice(&request, choices),
        Err(ApprovalError::ForeignGrant)
    );
}

// AA-2.13-05, AA-2.13-06, AA-2.13-07
#[test]
fn an_approver_can_tighten_and_not_widen() {
    let request = Request::registration();
    let [open, capped] = request.grants.as_slice() else {
        panic!("the request has two grants");
    };
    let cases = [
        (open, json!({}), None),
        (
            open,
            json!({"account": "acc_1"}),
            Some(json!({"account": "acc_1"})),
        ),
        (capped, json!({}), Some(json!({"amount": {"max": 100}}))),
        (
            capped,
            json!({"amount": {"max": 40}}),
            Some(json!({"amount": {"max": 40}})),
        ),
        (
            capped,
            json!({"amount": {"max": 9_000}}),
            Some(json!({"amount": {"max": 100}})),
        ),
        (
            capped,
            json!({"to": {"in": ["acc_1"]}}),
            Some(json!({"amount": {"max": 100}, "to": {"in": ["acc_1"]}})),
        ),
    ];
    for (grant, limits, expected) in cases {
        let decision = by_alice(&request, vec![limited(grant, &limits)]).unwrap();
        let change = decision
            .grants
            .iter()
            .find(|change| change.grant_id == grant.id);
        let constraints = change.unwrap().constraints.as_ref();
        assert_eq!(constraints.map(Constraints::to_value), expected, "{limits}");
    }
}

#[test]
fn limits_that_leave_nothing_are_told_to_the_approver() {
    let request = Request::registration();
    let choices = vec![limited(
        &request.grants[1],
        &json!({"amount": {"min": 101}}),
    )];
    let field = "amount".to_owned();
    assert_eq!(
        by_alice(&request, choices),
        Err(ApprovalError::Contradiction(Contradiction { field }))
    );
}

// AA-3.3-07
#[test]
fn an_approver_can_set_an_end() {
    let request = Request::registration();
    let end = Some(NOW.plus(seconds(86_400)));
    let ending = Choice {
        expires_at: end,
        ..choice(&request.grants[1])
    };
    let decision = by_alice(&request, vec![ending]).unwrap();
    let ends: Vec<_> = decision.grants.iter().map(|c| c.expires_at).collect();
    assert_eq!(ends, [None, end]);
}

#[test]
fn an_end_that_has_passed_is_told_to_the_approver() {
    let request = Request::registration();
    for (end, expected) in [
        (LATER, Some(ApprovalError::EndsBeforeItBegins)),
        (LATER.plus(seconds(1)), None),
    ] {
        let ending = Choice {
            expires_at: Some(end),
            ..choice(&request.grants[1])
        };
        assert_eq!(by_alice(&request, vec![ending]).err(), expected);
    }
}

#[test]
fn an_approver_can_set_a_number_of_uses() {
    let request = Request::registration();
    let counted = Choice {
        uses: NonZeroU32::new(3),
        ..choice(&request.grants[1])
    };
    let decision = by_alice(&request, vec![choice(&request.grants[0]), counted]).unwrap();
    let uses: Vec<_> = decision.grants.iter().map(|c| c.uses).collect();
    assert_eq!(uses, [None, Uses::from_parts(3, 3)]);
}

// AA-3.3-05
#[test]
fn a_denied_grant_keeps_what_was_asked_for() {
    let request = Request::registration();
    let decision = by_alice(&request, Vec::new()).unwrap();
    let kept: Vec<_> = decision.grants.iter().map(|c| &c.constraints).collect();
    let asked: Vec<_> = request.grants.iter().map(|g| &g.constraints).collect();
    assert_eq!(kept, asked);
}

fn limits() -> impl Strategy<Value = Value> {
    let limit = prop_oneof![
        (0..6).prop_map(Value::from),
        (0..6).prop_map(|n| json!({"max": n})),
        (0..6).prop_map(|n| json!({"min": n})),
        proptest::collection::vec(0..6, 1..4).prop_map(|list| json!({"in": list})),
        proptest::collection::vec(0..6, 1..4).prop_map(|list| json!({"not_in": list})),
    ];
    proptest::collection::btree_map("[xyz]", limit, 0..3).prop_map(|fields| json!(fields))
}

fn arguments() -> impl Strategy<Value = Map<String, Value>> {
    proptest::collection::btree_map("[xyz]", (0..6).prop_map(Value::from), 0..4)
        .prop_map(|fields| fields.into_iter().collect())
}

proptest! {
    /// The bounds a grant comes with are moved in and never out.
    // AA-3.3-07
    #[test]
    fn an_approver_brings_an_end_nearer_and_uses_down(
        ends in any::<[Option<u8>; 2]>(), uses in any::<[Option<u8>; 2]>(),
    ) {
        let end = |after: u8| LATER.plus(seconds(1 + u64::from(after)));
        let number = |count: u8| NonZeroU32::MIN.saturating_add(count.into());
        let mut request = Request::escalation();
        request.grants.truncate(1);
        request.grants[0].expires_at = ends[0].map(end);
        request.grants[0].uses = uses[0].map(number).map(Uses::of);
        let choice = Choice {
            expires_at: ends[1].map(end),
            uses: uses[1].map(number),
            ..choice(&request.grants[0])
        };
        let decision = by_alice(&request, vec![choice]).unwrap();
        let nearer = ends.into_iter().flatten().min().map(end);
        let fewer = uses.into_iter().flatten().min().map(number).map(Uses::of);
        prop_assert_eq!(decision.grants[0].expires_at, nearer);
        prop_assert_eq!(decision.grants[0].uses, fewer);
    }

    /// Whatever the approver sends, the grant allows nothing that the agent did not ask for or the approver
    /// did not want, and everything that both did.
    // AA-2.13-06, AA-2.13-07
    #[test]
    fn a_grant_allows_what_was_asked_for_and_approved(
        asked in limits(), chosen in limits(), arguments in arguments(),
    ) {
        let allows = |limits: Option<&Constraints>| {
            limits.is_none_or(|limits| limits.check(&arguments).is_empty())
        };
        let mut request = Request::escalation();
        request.grants = vec![pending_grant(1, "pay", &asked)];
        let choice = limited(&request.grants[0], &chosen);
        let both = allows(request.grants[0].constraints.as_ref()) && allows(choice.limits.as_ref());
        match by_alice(&request, vec![choice]) {
            Ok(decision) => {
                let change = &decision.grants[0];
                prop_assert_eq!(change.state.status(), GrantStatus::Active);
                prop_assert_eq!(allows(change.constraints.as_ref()), both);
            }
            Err(error) => {
                prop_assert!(matches!(error, ApprovalError::Contradiction(_)));
                prop_assert!(!both);
            }
        }
    }

    /// Every grant of the request is decided, chosen or not, and no other.
    // AA-5.3-20
    #[test]
    fn every_grant_of_the_request_is_decided_exactly_once(chosen in any::<[bool; 4]>()) {
        let mut request = Request::registration();
        let numbered = |number| pending_grant(number, &format!("c{number}"), &json!({}));
        request.grants = (1..=4).map(numbered).collect();
        let wanted = request.grants.iter().zip(chosen).filter(|(_, chosen)| *chosen);
        let decision = by_alice(&request, wanted.map(|(grant, _)| choice(grant)).collect()).unwrap();
        let ids = decision.grants.iter().map(|change| &change.grant_id);
        prop_assert!(ids.eq(request.grants.iter().map(|grant| &grant.id)));
        let states = states(&decision);
        for (state, chosen) in states.into_iter().zip(chosen) {
            prop_assert_eq!(state, if chosen { "active" } else { "denied" });
        }
    }
}
