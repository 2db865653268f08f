//! Which members an answer has, depending on what it is about.

use std::collections::BTreeSet;

use procura_keys::clock::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::agent::Mode;
use crate::fixtures::{self, NOW, alice, grant, name, seconds};
use crate::grant::{Actor, Grant, GrantState};
use crate::wire::capability::{self, Capability, ListResponse};
use crate::wire::discovery::{Discovery, Endpoints, VERSION};
use crate::wire::grant::GrantObject;
use crate::wire::introspect::{IntrospectResponse, IntrospectedAgent};
use crate::wire::status::StatusResponse;

fn members(value: &impl Serialize) -> BTreeSet<String> {
    let value = serde_json::to_value(value).unwrap();
    value.as_object().unwrap().keys().cloned().collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// A grant with everything a record can have.
fn full(state: GrantState) -> Grant {
    Grant {
        state,
        expires_at: Some(NOW.plus(seconds(3_600))),
        ..grant(1, "pay", &json!({"amount": {"max": 500}}))
    }
}

fn active(granted_by: Actor) -> Grant {
    full(GrantState::Active { granted_by })
}

fn pay() -> Capability {
    Capability {
        name: name("pay"),
        description: "Pays a bill".into(),
        location: Some("https://pay.example/run".into()),
        input: Some(json!({"type": "object"})),
        output: Some(json!({"type": "string"})),
        grant_status: Some(capability::GrantStatus::Granted),
    }
}

fn shown(grant: &Grant) -> GrantObject {
    GrantObject::of(grant, Some(&pay())).unwrap()
}

// AA-5.3-17
#[test]
fn a_pending_grant_shows_its_capability_and_status_only() {
    let approval_id = fixtures::approval_id();
    let pending = shown(&full(GrantState::Pending { approval_id }));
    assert_eq!(
        serde_json::to_value(pending).unwrap(),
        json!({"capability": "pay", "status": "pending"})
    );
}

// AA-3.3-06, AA-5.3-18, AA-5.3-23
#[test]
fn a_denied_grant_shows_why_and_nothing_else() {
    let denied_by = Actor::User(alice());
    let mut denied = full(GrantState::Denied { denied_by });
    denied.reason = Some("not today".into());
    assert_eq!(
        serde_json::to_value(shown(&denied)).unwrap(),
        json!({"capability": "pay", "status": "denied", "reason": "not today"})
    );
    denied.reason = None;
    assert_eq!(members(&shown(&denied)), set(&["capability", "status"]));
}

// AA-5.3-15, AA-5.3-16, AA-5.5-07
#[test]
fn an_active_grant_shows_everything() {
    assert_eq!(
        serde_json::to_value(shown(&active(Actor::User(alice())))).unwrap(),
        json!({
            "capability": "pay",
            "status": "active",
            "constraints": {"amount": {"max": 500}},
            "granted_by": "usr_alice",
            "reason": "to pay the rent",
            "expires_at": "2027-01-15T09:00:00Z",
            "description": "Pays a bill",
            "input": {"type": "object"},
            "output": {"type": "string"},
        })
    );
}

// AA-3.3-03, AA-5.3-15
#[test]
fn an_active_grant_leaves_out_what_is_not_defined() {
    let bare = Grant {
        constraints: None,
        reason: None,
        expires_at: None,
        ..active(Actor::Policy)
    };
    let capability = Capability {
        input: None,
        output: None,
        ..pay()
    };
    let object = GrantObject::of(&bare, Some(&capability)).unwrap();
    let expected = set(&["capability", "status", "granted_by", "description"]);
    assert_eq!(members(&object), expected);
    let removed = GrantObject::of(&bare, None).unwrap();
    assert_eq!(
        members(&removed),
        set(&["capability", "status", "granted_by"])
    );
}

// AA-3.3-04
#[test]
fn who_granted_is_a_user_or_a_kind_of_system_actor() {
    for (actor, text) in [
        (Actor::User(alice()), "usr_alice"),
        (Actor::Administrator("root".into()), "administrator"),
        (Actor::Policy, "policy"),
    ] {
        assert_eq!(shown(&active(actor)).granted_by.as_deref(), Some(text));
    }
}

// AA-3.3-02
#[test]
fn a_grant_taken_back_is_not_shown() {
    assert_eq!(
        GrantObject::of(&full(GrantState::Revoked), Some(&pay())),
        None
    );
}

// AA-2.13-17
#[test]
fn a_client_keeps_limits_and_states_it_does_not_understand() {
    let foreign = json!({
        "capability": "pay", "status": "suspended",
        "constraints": {"amount": {"multiple_of": 5}, "to": {"$regex": "^acc"}},
    });
    let object: GrantObject = serde_json::from_value(foreign.clone()).unwrap();
    assert_eq!(serde_json::to_value(object).unwrap(), foreign);
}

// AA-2.12-05, AA-5.2-01
#[test]
fn a_listing_has_no_schemas_and_says_where_to_execute() {
    assert_eq!(
        serde_json::to_value(pay().summary()).unwrap(),
        json!({
            "name": "pay",
            "description": "Pays a bill",
            "location": "https://pay.example/run",
            "grant_status": "granted",
        })
    );
    let public = Capability {
        location: None,
        grant_status: None,
        ..pay()
    };
    assert_eq!(members(&public.summary()), set(&["name", "description"]));
}

// AA-5.2-08, AA-5.2-09
#[test]
fn a_listing_is_read_with_and_without_pages() {
    let read = |body: Value| serde_json::from_value::<ListResponse>(body).unwrap();
    let unpaged = read(json!({"capabilities": []}));
    assert_eq!(
        (unpaged.has_more, unpaged.next_cursor.clone()),
        (false, None)
    );
    let last = read(json!({"capabilities": [], "next_cursor": null, "has_more": false}));
    assert_eq!(last, unpaged);
    let first = read(json!({"capabilities": [], "next_cursor": "2", "has_more": true}));
    assert_eq!(
        (first.has_more, first.next_cursor.as_deref()),
        (true, Some("2"))
    );
    assert_eq!(
        serde_json::to_value(last).unwrap(),
        json!({"capabilities": [], "next_cursor": null, "has_more": false})
    );
}

fn introspected() -> IntrospectedAgent {
    IntrospectedAgent {
        agent_id: fixtures::agent().id,
        host_id: fixtures::host().id,
        user_id: None,
        agent_capability_grants: Vec::new(),
        mode: Mode::Delegated,
        expires_at: Some(NOW),
        cnf: None,
        verdict: None,
    }
}

// AA-5.12-03
#[test]
fn an_inactive_token_is_answered_with_one_member() {
    assert_eq!(
        serde_json::to_string(&IntrospectResponse::INACTIVE).unwrap(),
        r#"{"active":false}"#
    );
    let talkative = json!({"active": false, "agent_id": fixtures::agent().id, "error": "expired"});
    assert_eq!(
        serde_json::from_value::<IntrospectResponse>(talkative).unwrap(),
        IntrospectResponse::INACTIVE
    );
}

// AA-5.12-02, AA-5.12-04, AA-5.12-05
#[test]
fn an_active_answer_about_nobody_is_no_answer() {
    let answer = IntrospectResponse {
        active: true,
        agent: Some(introspected()),
    };
    let good = serde_json::to_value(&answer).unwrap();
    assert_eq!(
        serde_json::from_value::<IntrospectResponse>(good.clone()).unwrap(),
        answer
    );
    for (member, garbled) in [
        ("active", json!("true")),
        ("agent_id", json!(7)),
        ("host_id", json!([])),
        ("agent_capability_grants", json!({})),
        ("mode", json!("supervised")),
        ("expires_at", json!("soon")),
    ] {
        let mut bad = good.clone();
        bad[member] = garbled;
        let read = serde_json::from_value::<IntrospectResponse>(bad);
        assert!(read.is_err(), "{member}");
    }
    let bare = serde_json::from_value::<IntrospectResponse>(json!({"active": true}));
    assert!(bare.is_err());
}

// AA-5.5-05
#[test]
fn times_are_iso_8601_in_utc() {
    let status = |created_at: &str| {
        serde_json::from_value::<StatusResponse>(json!({
            "agent_id": fixtures::agent().id, "host_id": fixtures::host().id, "name": "a",
            "status": "active", "mode": "delegated", "agent_capability_grants": [],
            "created_at": created_at,
        }))
    };
    for same in ["2027-01-15T08:00:00Z", "2027-01-15T09:00:00+01:00"] {
        let read = status(same).unwrap();
        assert_eq!(read.created_at, Timestamp::from_seconds(1_800_000_000));
        let written = serde_json::to_value(read).unwrap();
        assert_eq!(written["created_at"], "2027-01-15T08:00:00Z");
    }
    for text in ["1800000000", "2027-01-15", "2027-01-15T08:00:00", ""] {
        assert!(status(text).is_err(), "{text}");
    }
}

// AA-5.1-13, AA-5.1-14, AA-5.1.1-01
#[test]
fn discovery_has_neither_capabilities_nor_an_approval_endpoint() {
    let path = || Some("/x".to_owned());
    let document = Discovery {
        version: VERSION.into(),
        provider_name: "bank".into(),
        description: "A bank".into(),
        issuer: "https://bank.example".into(),
        default_location: path(),
        algorithms: vec!["Ed25519".into()],
        modes: vec![Mode::Delegated],
        approval_methods: vec!["device_authorization".into()],
        endpoints: Endpoints {
            register: path(),
            capabilities: path(),
            describe_capability: path(),
            execute: path(),
            batch_execute: None,
            request_capability: path(),
            status: path(),
            reactivate: path(),
            revoke: path(),
            revoke_host: path(),
            rotate_key: path(),
            rotate_host_key: path(),
            introspect: path(),
        },
        dpop_signing_alg_values_supported: None,
        dpop_bound_access_tokens_required: None,
        tls_client_certificate_bound_access_tokens: None,
    };
    assert!(!members(&document).contains("capabilities"));
    let endpoints = members(&document.endpoints);
    assert_eq!(endpoints.len(), 12);
    assert!(!endpoints.contains("approval"));
    let (number, draft) = VERSION.split_once('-').unwrap();
    assert_eq!((number, draft), ("1.0", "draft"));
}
