use serde_json::json;

use super::*;
use crate::fake::{BANK, Reply, Stage, bank, ok, outage, refusal, registered, status};

const DOCUMENT: &str = "GET /.well-known/agent-configuration";
const LIST: &str = "GET /capability/list";

fn world() -> Stage {
    let stage = Stage::new();
    let active = json!([{ "capability": "check_balance", "status": "active" }]);
    stage
        .on(LIST, ok(&json!({ "capabilities": [] })))
        .on("GET /agent/status", ok(&status("active", &active)))
        .on(
            "GET /capability/describe",
            ok(&json!({ "name": "check_balance", "description": "d" })),
        );
    stage
}

/// The hops as `name state`, and the last one.
async fn walked(stage: &Stage, register: Option<Connect>) -> (Vec<String>, Hop) {
    let hops = stage.client.examine(BANK, register).await;
    let line = |hop: &Hop| format!("{} {:?}", hop.name, hop.state);
    (
        hops.iter().map(line).collect(),
        hops.last().unwrap().clone(),
    )
}

#[tokio::test]
async fn all_hops_of_a_connected_agent_are_tried_and_nothing_is_changed() {
    let stage = world();
    stage.connected().await;
    let (hops, last) = walked(&stage, None).await;
    assert_eq!(
        hops,
        [
            "network Works",
            "clock Noted",
            "discovery Works",
            "issuer Works",
            "keys Works",
            "host Works",
            "registration Works",
            "status Works",
            "agent Works",
            "execution Works",
        ]
    );
    assert!(
        last.finding
            .contains("https://bank.example/capability/execute")
    );
    assert_eq!(
        stage.sent("POST /agent/register").len(),
        1,
        "the one before"
    );
    assert_eq!(stage.sent("POST /capability/execute").len(), 0);
}

#[tokio::test]
async fn without_an_agent_it_stops_there_unless_it_may_register_one() {
    let stage = world();
    let (_, last) = walked(&stage, None).await;
    assert_eq!((last.name, last.state), ("registration", HopState::Untried));
    stage.on("POST /agent/register", ok(&registered("pending")));
    let (_, last) = walked(&stage, Some(Connect::new("Doctor"))).await;
    assert_eq!((last.name, last.state), ("registration", HopState::Noted));
    assert!(last.finding.contains("waits for approval"), "{last:?}");
}

#[tokio::test]
async fn the_first_broken_hop_is_named_with_what_to_do() {
    let dns = Reply::Fails(FetchError::Dns {
        host: "bank.example".to_owned(),
    });
    let mut other_keys = bank();
    other_keys["algorithms"] = json!(["P-256"]);
    let mut elsewhere = bank();
    elsewhere["issuer"] = json!("http://bank.example");
    for (call, reply, hop, advice) in [
        (DOCUMENT, dns, "network", "spelling"),
        (DOCUMENT, outage(), "network", "firewall"),
        (DOCUMENT, refusal(404, "x"), "discovery", "operator"),
        (DOCUMENT, ok(&json!([])), "discovery", "operator"),
        (DOCUMENT, ok(&elsewhere), "discovery", "operator"),
        (DOCUMENT, ok(&other_keys), "keys", "operator"),
        (
            LIST,
            refusal(403, "host_revoked"),
            "host",
            "new host identity",
        ),
        (LIST, refusal(401, "invalid_jwt"), "host", "clocks"),
        (LIST, ok(&json!({})), "host", "operator"),
    ] {
        let stage = world();
        stage.now_on(call, reply);
        let (_, last) = walked(&stage, None).await;
        assert_eq!((last.name, last.state), (hop, HopState::Broken), "{last:?}");
        assert!(last.advice.as_deref().unwrap().contains(advice), "{last:?}");
    }
}

#[tokio::test]
async fn a_wrong_clock_is_noted_and_works_all_the_same() {
    // The stage's clock stands at 2026-02-02T02:40:00Z.
    for (date, state) in [
        ("Mon, 02 Feb 2026 02:40:10 GMT", HopState::Works),
        ("Mon, 02 Feb 2026 02:50:00 GMT", HopState::Noted),
        ("Mon, 02 Feb 2026 02:30:00 GMT", HopState::Noted),
        ("yesterday", HopState::Noted),
    ] {
        let stage = world();
        stage.now_on(DOCUMENT, ok(&bank()).header("date", date));
        let hops = stage.client.examine(BANK, None).await;
        assert_eq!((hops[1].name, hops[1].state), ("clock", state), "{date}");
    }
}

#[tokio::test]
async fn what_is_no_url_is_said_to_be_none() {
    let hops = Stage::new().client.examine("bank", None).await;
    assert_eq!((hops.len(), hops[0].state), (1, HopState::Broken));
}
