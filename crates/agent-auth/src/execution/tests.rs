use procura_keys::jwt::{Header, sign};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::fixtures::{self, LIFETIME, NOW, grant, name, pending_grant, seconds};
use crate::grant::{GrantState, Uses};
use crate::token::Window;
use crate::token::agent::{Signer, TYPE, UnverifiedAgentToken};

const EXECUTE: &str = "https://bank.example/capability/execute";

/// A token of the fixtures' agent with this `capabilities` claim, or without one.
fn token(capabilities: Option<Value>) -> VerifiedAgentToken {
    let (agent, host) = (fixtures::agent(), fixtures::host());
    let issuer = host.thumbprint();
    let mut claims = json!({
        "iss": issuer, "sub": agent.id, "aud": EXECUTE, "jti": "a-1",
        "iat": NOW.as_seconds(), "exp": NOW.as_seconds() + 60,
    });
    if let Some(capabilities) = capabilities {
        claims["capabilities"] = capabilities;
    }
    let header = Header {
        algorithm: "EdDSA",
        typ: TYPE,
        kid: None,
    };
    let token = sign(header, &claims, &fixtures::agent_key()).unwrap();
    let signer = Signer {
        agent: &agent,
        key: &agent.public_key,
        host: &host,
        issuer: issuer.as_str(),
        host_keys: None,
        lifetime: &LIFETIME,
    };
    let unverified = UnverifiedAgentToken::parse(&token, &[EXECUTE]).unwrap();
    unverified.verify(&signer, Window::default(), NOW).unwrap()
}

/// The grant that lets `pay` through, by its identifier.
fn pay(arguments: &Value, grants: &[Grant]) -> Result<String, Refusal> {
    call("pay", true, arguments, None, grants)
}

fn call(
    capability: &str,
    offered: bool,
    arguments: &Value,
    claim: Option<Value>,
    grants: &[Grant],
) -> Result<String, Refusal> {
    let call = Call {
        capability: &name(capability),
        offered,
        form: None,
        arguments: arguments.as_object().unwrap(),
    };
    authorize(call, &token(claim), grants, NOW).map(|grant| grant.id.to_string())
}

#[test]
fn a_grant_is_good_for_what_the_capability_was_when_it_was_granted() {
    let (old, new) = (Some(Form([1; 32])), Some(Form([2; 32])));
    for (granted, today, permitted) in [
        (None, None, true),
        (old, old, true),
        (old, new, false),
        (None, new, false),
        (old, None, false),
    ] {
        let call = Call {
            capability: &name("pay"),
            offered: true,
            form: today,
            arguments: &Map::new(),
        };
        let grants = [Grant {
            form: granted,
            ..grant(1, "pay", &json!({}))
        }];
        let decided = authorize(call, &token(None), &grants, NOW);
        let expected = permitted.then_some(&grants[0]);
        assert_eq!(decided, expected.ok_or_else(|| not_granted(false)));
    }
}

fn not_granted(removed: bool) -> Refusal {
    Refusal::CapabilityNotGranted {
        capability: name("pay"),
        removed,
    }
}

fn violations(refusal: Refusal) -> Value {
    let Refusal::ConstraintViolated { violations } = refusal else {
        panic!("expected violations: {refusal:?}");
    };
    serde_json::to_value(violations).unwrap()
}

fn in_state(state: GrantState) -> Grant {
    Grant {
        state,
        ..grant(1, "pay", &json!({}))
    }
}

// AA-2.13-02, AA-5.11-03
#[test]
fn a_grant_without_limits_takes_any_arguments() {
    let grants = [grant(1, "pay", &json!({}))];
    for arguments in [json!({}), json!({"amount": 1e9, "to": ["x"], "n": null})] {
        assert_eq!(pay(&arguments, &grants), Ok(grants[0].id.to_string()));
    }
}

// AA-2.15-03, AA-5.11-31
#[test]
fn without_an_active_grant_of_this_very_name_nothing_runs() {
    let approval_id = fixtures::approval_id();
    let denied_by = crate::grant::Actor::Policy;
    let cases = [
        vec![],
        vec![in_state(GrantState::Pending { approval_id })],
        vec![in_state(GrantState::Denied { denied_by })],
        vec![in_state(GrantState::Revoked)],
        vec![grant(1, "Pay", &json!({})), grant(2, "pay_all", &json!({}))],
        vec![grant(1, "*", &json!({}))],
    ];
    for grants in cases {
        assert_eq!(pay(&json!({}), &grants), Err(not_granted(false)));
    }
}

// AA-3.3-07, AA-3.3-08
#[test]
fn a_grant_ends_at_its_own_hour_while_the_agent_lives_on() {
    let ending = |expires_at| Grant {
        expires_at: Some(expires_at),
        ..grant(1, "pay", &json!({}))
    };
    assert!(pay(&json!({}), &[ending(NOW.plus(seconds(1)))]).is_ok());
    assert_eq!(pay(&json!({}), &[ending(NOW)]), Err(not_granted(false)));
}

// AA-4.3-08, AA-4.3-09, AA-4.5-11
#[test]
fn the_claim_bounds_what_is_granted_and_adds_nothing() {
    let grants = [grant(1, "pay", &json!({}))];
    let claiming = |claim| call("pay", true, &json!({}), Some(claim), &grants);
    assert!(claiming(json!(["pay"])).is_ok());
    assert_eq!(claiming(json!(["balance"])), Err(not_granted(false)));
    assert_eq!(claiming(json!([])), Err(not_granted(false)));
    let nothing_granted = call("pay", true, &json!({}), Some(json!(["pay"])), &[]);
    assert_eq!(nothing_granted, Err(not_granted(false)));
}

// AA-2.12-06, AA-2.12-07, AA-5.11-33
#[test]
fn only_who_had_to_do_with_a_removed_capability_learns_that_it_existed() {
    let removed = |grants: &[Grant]| call("pay", false, &json!({}), None, grants);
    let never_known = Refusal::CapabilityNotFound { name: "pay".into() };
    assert_eq!(removed(&[]), Err(never_known.clone()));
    assert_eq!(
        removed(&[grant(1, "balance", &json!({}))]),
        Err(never_known)
    );
    let on_record = [
        grant(1, "pay", &json!({})),
        grant(1, "pay", &json!({"amount": 7})),
        in_state(GrantState::Revoked),
    ];
    for grant in on_record {
        assert_eq!(removed(&[grant]), Err(not_granted(true)));
    }
    let message = not_granted(true).to_string();
    assert!(
        message.contains("pay") && message.contains("removed"),
        "{message}"
    );
}

// AA-2.13-18, AA-4.5-12, AA-5.11-28, AA-5.11-29
#[test]
fn every_broken_limit_is_reported() {
    let limits = json!({"amount": {"max": 1000}, "currency": {"in": ["USD"]}});
    let grants = [grant(1, "pay", &limits)];
    assert!(pay(&json!({"amount": 1000, "currency": "USD"}), &grants).is_ok());
    let refusal = pay(&json!({"amount": 5000, "currency": "GBP"}), &grants).unwrap_err();
    assert_eq!(
        violations(refusal),
        json!([
            {"field": "amount", "constraint": {"max": 1000}, "actual": 5000},
            {"field": "currency", "constraint": {"in": ["USD"]}, "actual": "GBP"},
        ])
    );
}

#[test]
fn any_of_several_grants_suffices() {
    let grants = [
        grant(1, "pay", &json!({"to": "acc_1", "amount": {"max": 10}})),
        in_state(GrantState::Revoked),
        grant(3, "pay", &json!({"to": "acc_2"})),
    ];
    let through = |arguments: Value| pay(&arguments, &grants);
    assert_eq!(
        through(json!({"to": "acc_1", "amount": 10})),
        Ok(grants[0].id.to_string())
    );
    assert_eq!(
        through(json!({"to": "acc_2", "amount": 99})),
        Ok(grants[2].id.to_string())
    );
}

/// Limits of two grants are never mixed: each grant is one decision.
// AA-2.13-18
#[test]
fn half_of_one_grant_and_half_of_another_do_not_make_a_whole() {
    let grants = [
        grant(1, "pay", &json!({"to": "acc_1", "amount": {"max": 10}})),
        grant(2, "pay", &json!({"to": "acc_2", "amount": {"max": 99}})),
    ];
    let refusal = pay(&json!({"to": "acc_1", "amount": 50}), &grants).unwrap_err();
    assert_eq!(
        violations(refusal),
        json!([{"field": "amount", "constraint": {"max": 10}, "actual": 50}])
    );
}

// AA-5.11-29
#[test]
fn the_violations_shown_are_those_of_the_closest_grant() {
    let far = json!({"to": "acc_1", "amount": {"max": 10}});
    let near = json!({"amount": {"max": 20}});
    let arguments = json!({"to": "acc_9", "amount": 50});
    let nearest = json!([{"field": "amount", "constraint": {"max": 20}, "actual": 50}]);
    for order in [[&far, &near], [&near, &far]] {
        let grants = [grant(1, "pay", order[0]), grant(2, "pay", order[1])];
        let refusal = pay(&arguments, &grants).unwrap_err();
        assert_eq!(violations(refusal), nearest);
    }
}

/// A grant as a later version of the protocol may have stored it.
fn grant_from_later(number: u8, limits: &Value) -> Grant {
    Grant {
        constraints: Constraints::parse_stored(limits).unwrap(),
        ..grant(number, "pay", &json!({}))
    }
}

// AA-2.13-15, AA-2.13-16
#[test]
fn a_limit_nobody_here_understands_stops_the_call() {
    let limits = json!({"to": {"regex": "^acc"}, "amount": {"max": 10, "step": 5}});
    let later = grant_from_later(1, &limits);
    let operators = vec!["regex".to_owned(), "step".to_owned()];
    let unknown = Err(Refusal::UnknownConstraintOperator { operators });
    for arguments in [
        json!({"to": "acc_1", "amount": 5}),
        json!({"amount": 50}),
        json!({}),
    ] {
        assert_eq!(pay(&arguments, std::slice::from_ref(&later)), unknown);
    }
    let again = grant_from_later(2, &limits);
    assert_eq!(pay(&json!({}), &[later, again]), unknown);
}

/// Each grant is a decision of its own: one that is understood and allows the call is enough, and one that
/// forbids it does not hide that another was not understood.
// AA-2.13-15
#[test]
fn a_limit_nobody_understands_does_not_stop_what_another_grant_allows() {
    let later = grant_from_later(1, &json!({"to": {"regex": "^acc"}}));
    let grants = [later, grant(2, "pay", &json!({"amount": {"max": 10}}))];
    assert_eq!(
        pay(&json!({"amount": 5}), &grants),
        Ok(grants[1].id.to_string())
    );
    let operators = vec!["regex".to_owned()];
    assert_eq!(
        pay(&json!({"amount": 50}), &grants),
        Err(Refusal::UnknownConstraintOperator { operators })
    );
    let over = [Grant {
        expires_at: Some(NOW),
        ..grants[0].clone()
    }];
    assert_eq!(pay(&json!({}), &over), Err(not_granted(false)));
}

/// An active grant of `pay` with this many of three uses left.
fn counted(number: u8, limits: &Value, left: u32) -> Grant {
    Grant {
        uses: Uses::from_parts(3, left),
        ..grant(number, "pay", limits)
    }
}

// AA-5.13-12
#[test]
fn a_grant_that_is_used_up_permits_nothing_more() {
    let capped = json!({"amount": {"max": 10}});
    let over = Refusal::LimitExceeded {
        capability: name("pay"),
        uses_allowed: 3,
    };
    assert_eq!(over.code_and_status(), ("limit_exceeded", 403));
    let used_up = [counted(1, &capped, 0)];
    assert_eq!(pay(&json!({"amount": 5}), &used_up), Err(over));
    // What its limits forbid was never among what it was good for.
    let violated = pay(&json!({"amount": 50}), &used_up).unwrap_err();
    assert_eq!(violated.code_and_status().0, "constraint_violated");
}

// AA-5.13-12
#[test]
fn uses_are_taken_only_where_no_grant_without_a_number_permits_the_call() {
    let capped = json!({"amount": {"max": 10}});
    let grants = [
        counted(1, &json!({}), 0),
        counted(2, &json!({}), 1),
        grant(3, "pay", &capped),
    ];
    let through = |amount| pay(&json!({"amount": amount}), &grants).unwrap();
    assert_eq!(through(5), grants[2].id.to_string());
    assert_eq!(through(50), grants[1].id.to_string());
}

/// Name, claim, grant, limits: each call breaks its own rule and all later ones.
// AA-4.5-11, AA-4.5-12
#[test]
fn the_first_broken_rule_is_the_one_named() {
    let limited = [grant(1, "pay", &json!({"amount": {"max": 10}}))];
    let waiting = [pending_grant(1, "pay", &json!({"amount": {"max": 10}}))];
    let arguments = json!({"amount": 50});
    let excluding = || Some(json!([]));
    let unknown = call("pay", false, &arguments, excluding(), &[]);
    assert_eq!(
        unknown.unwrap_err().code_and_status().0,
        "capability_not_found"
    );
    let removed = call("pay", false, &arguments, excluding(), &limited);
    assert_eq!(removed, Err(not_granted(true)));
    let outside_claim = call("pay", true, &arguments, excluding(), &limited);
    assert_eq!(outside_claim, Err(not_granted(false)));
    let ungranted = call("pay", true, &arguments, None, &waiting);
    assert_eq!(ungranted, Err(not_granted(false)));
    let violated = call("pay", true, &arguments, None, &limited);
    assert_eq!(
        violated.unwrap_err().code_and_status().0,
        "constraint_violated"
    );
}

proptest! {
    /// A call goes through exactly when some grant in force allows its arguments, and that grant is named.
    // AA-2.13-18, AA-5.11-28
    #[test]
    fn a_call_goes_through_exactly_when_a_grant_in_force_allows_it(
        bounds in proptest::collection::vec((0..10_u32, any::<bool>()), 0..4), amount in 0..10_u32,
    ) {
        let grants: Vec<_> = (1_u8..)
            .zip(&bounds)
            .map(|(number, (max, in_force))| Grant {
                expires_at: (!in_force).then_some(NOW),
                ..grant(number, "pay", &json!({"amount": {"max": max}}))
            })
            .collect();
        let through = pay(&json!({"amount": amount}), &grants);
        let allowing = bounds.iter().position(|(max, in_force)| *in_force && amount <= *max);
        prop_assert_eq!(through.ok(), allowing.map(|at| grants[at].id.to_string()));
    }
}
