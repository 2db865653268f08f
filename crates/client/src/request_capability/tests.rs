use serde_json::{Value, json};

use super::*;
use crate::error::Hint;
use crate::fake::{BANK, Reply, Stage, approval, ok, status};

const REQUEST: &str = "POST /agent/request-capability";

fn ask() -> CapabilityAsk {
    let limits = json!({ "amount": { "max": 1000 } });
    let mut ask = CapabilityAsk::default()
        .with_capability("transfer", Some(limits))
        .with_capability("export", None);
    ask.hints.reason = Some("Bill 7".to_owned());
    ask
}

fn answer(grants: &Value) -> Value {
    json!({ "agent_id": "agt_1", "status": "active", "agent_capability_grants": grants })
}

fn waiting() -> Value {
    let grants = json!([
        { "capability": "transfer", "status": "pending" },
        { "capability": "export", "status": "active" },
    ]);
    let mut answer = answer(&grants);
    answer["approval"] = approval();
    answer
}

async fn pending(stage: &Stage) -> Pending {
    stage.on(REQUEST, ok(&waiting()));
    match stage
        .client
        .request_capability("agt_1", ask())
        .await
        .unwrap()
    {
        Connected::Pending(pending) => pending,
        Connected::Active(_) => panic!("not pending"),
    }
}

// AA-6.6-01, AA-6.6-02, AA-4.3-06
#[tokio::test]
async fn the_agent_asks_and_new_grants_join_those_it_has() {
    let stage = Stage::new();
    stage.connected().await;
    let limits = json!({ "amount": { "max": 1000 } });
    let grants = json!([
        { "capability": "transfer", "status": "active", "constraints": limits, "description": "d" },
        { "capability": "export", "status": "active" },
    ]);
    stage.on(REQUEST, ok(&answer(&grants)));
    let outcome = stage
        .client
        .request_capability("agt_1", ask())
        .await
        .unwrap();
    let Connected::Active(standing) = outcome else {
        panic!("not active");
    };
    assert_eq!(json!(standing.grants), grants);
    assert_eq!(standing.wider, []);
    let sent = &stage.sent(REQUEST)[0];
    assert_eq!(sent.typ.as_deref(), Some("agent+jwt"));
    assert_eq!(
        (&sent.claims["aud"], &sent.claims["sub"]),
        (&json!(BANK), &json!("agt_1"))
    );
    assert_eq!(
        sent.body,
        json!({
            "capabilities": [{ "name": "transfer", "constraints": limits }, "export"],
            "reason": "Bill 7",
        })
    );
    let kept = stage.client.profile().connection("agt_1").unwrap();
    let names: Vec<_> = kept
        .grants
        .iter()
        .map(|it| it.capability.as_str())
        .collect();
    assert_eq!(names, ["check_balance", "transfer", "export"]);
}

// AA-6.6-03, AA-6.6-05
#[tokio::test]
async fn an_agent_that_is_active_all_along_waits_for_its_grants() {
    let stage = Stage::new();
    stage.connected().await;
    let pending = pending(&stage).await;
    assert_eq!(
        pending.awaited,
        Awaited::Grants(vec!["transfer".to_owned()])
    );
    let all = |transfer: Value| {
        json!([
            { "capability": "check_balance", "status": "active" },
            { "capability": "export", "status": "active" },
            transfer,
        ])
    };
    let still = all(json!({ "capability": "transfer", "status": "pending" }));
    let denied = json!({ "capability": "transfer", "status": "denied", "reason": "No" });
    stage.on("GET /agent/status", ok(&status("active", &still)));
    stage.on("GET /agent/status", ok(&status("active", &still)));
    stage.on(
        "GET /agent/status",
        ok(&status("active", &all(denied.clone()))),
    );
    let standing = stage
        .client
        .wait_for_approval(&pending, &mut |_| {})
        .await
        .unwrap();
    assert_eq!(stage.sent("GET /agent/status").len(), 3);
    assert_eq!(standing.status, "active");
    assert_eq!(json!(standing.grants), json!([denied]));
    let kept = stage.client.profile().connection("agt_1").unwrap();
    assert_eq!((kept.grants.len(), kept.approval), (3, None));
}

#[tokio::test]
async fn an_agent_that_ends_meanwhile_waits_no_longer() {
    let stage = Stage::new();
    stage.connected().await;
    let pending = pending(&stage).await;
    let still = json!([{ "capability": "transfer", "status": "pending" }]);
    stage.on("GET /agent/status", ok(&status("revoked", &still)));
    let standing = stage
        .client
        .wait_for_approval(&pending, &mut |_| {})
        .await
        .unwrap();
    assert_eq!(standing.status, "revoked");
}

// AA-6.6-04
#[tokio::test]
async fn a_refusal_of_names_comes_with_the_names_there_are() {
    let stage = Stage::new();
    stage.connected().await;
    let body = json!({ "error": "invalid_capabilities", "message": "No.", "invalid_capabilities": ["export"] });
    stage.on(
        REQUEST,
        Reply::Answer(400, http::HeaderMap::new(), body.to_string()),
    );
    let offered = json!({ "capabilities": [{ "name": "transfer", "description": "d" }] });
    stage.on("GET /capability/list", ok(&offered));
    let error = stage
        .client
        .request_capability("agt_1", ask())
        .await
        .unwrap_err();
    let refused = error.refused().unwrap();
    assert_eq!(refused.details["invalid_capabilities"], json!(["export"]));
    assert_eq!(
        refused.hint,
        Some(Hint::Available(vec!["transfer".to_owned()]))
    );
    assert_eq!(
        stage.sent("GET /capability/list")[0].typ.as_deref(),
        Some("agent+jwt")
    );
}

// AA-2.13-08
#[tokio::test]
async fn a_grant_wider_than_asked_for_is_told() {
    let stage = Stage::new();
    stage.connected().await;
    let grants = json!([{ "capability": "transfer", "status": "active" }]);
    stage.on(REQUEST, ok(&answer(&grants)));
    let outcome = stage
        .client
        .request_capability("agt_1", ask())
        .await
        .unwrap();
    let Connected::Active(standing) = outcome else {
        panic!("not active");
    };
    assert_eq!(standing.wider[0].granted, None);
}
