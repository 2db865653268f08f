use serde_json::{Value, json};

use super::*;
use crate::fake::{BANK, Stage, ok, refusal};

const LIST: &str = "GET /capability/list";
const DESCRIBE: &str = "GET /capability/describe";

fn page(name: &str, next: Option<&str>, more: Option<bool>) -> Value {
    let mut page = json!({ "capabilities": [{ "name": name, "description": "d" }] });
    page["next_cursor"] = json!(next);
    if let Some(more) = more {
        page["has_more"] = json!(more);
    }
    page
}

async fn names(stage: &Stage) -> Vec<String> {
    let listed = stage.client.capabilities(BANK, None, None).await.unwrap();
    listed.into_iter().map(|it| it.name.into()).collect()
}

// AA-5.2-09
#[tokio::test]
async fn all_pages_are_read_whether_there_is_one_or_several() {
    let stage = Stage::new();
    stage.on(LIST, ok(&page("a", None, None)));
    assert_eq!(names(&stage).await, ["a"]);
    stage.client.answers.forget();
    stage.now_on(LIST, ok(&page("a", None, Some(false))));
    assert_eq!(names(&stage).await, ["a"]);
    stage.client.answers.forget();
    stage.now_on(LIST, ok(&page("a", Some("2"), Some(true))));
    stage
        .on(LIST, ok(&page("b", Some("3"), None)))
        .on(LIST, ok(&page("c", None, Some(false))));
    assert_eq!(names(&stage).await, ["a", "b", "c"]);
    let queries: Vec<_> = stage
        .sent(LIST)
        .into_iter()
        .map(|it| it.url.query().map(str::to_owned))
        .collect();
    assert_eq!(
        queries[2..],
        [
            None,
            Some("cursor=2".to_owned()),
            Some("cursor=3".to_owned())
        ]
    );
}

#[tokio::test]
async fn a_server_that_repeats_its_cursor_does_not_hold_the_client() {
    let stage = Stage::new();
    stage.on(LIST, ok(&page("a", Some("same"), Some(true))));
    assert_eq!(names(&stage).await, ["a", "a"]);
}

// AA-5.2-12
#[tokio::test]
async fn a_list_that_is_refused_is_asked_for_again_with_a_fresh_token() {
    let stage = Stage::new();
    stage.on(LIST, refusal(401, "invalid_jwt"));
    stage.on(LIST, ok(&page("a", None, None)));
    assert_eq!(names(&stage).await, ["a"]);
    let sent = stage.sent(LIST);
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[1].typ.as_deref(), Some("host+jwt"), "a bearer token");
    assert_ne!(sent[0].claims["jti"], sent[1].claims["jti"]);
}

// AA-6.3-02
#[tokio::test]
async fn the_host_asks_unless_an_agent_is_named() {
    let stage = Stage::new();
    stage.connected().await;
    let granted = json!({ "capabilities": [
        { "name": "check_balance", "description": "d", "grant_status": "granted" },
    ]});
    stage.on(LIST, ok(&granted));
    let query = Some("send money & more");
    stage
        .client
        .capabilities("bank", query, None)
        .await
        .unwrap();
    stage
        .client
        .capabilities("bank", query, Some("agt_1"))
        .await
        .unwrap();
    let sent = stage.sent(LIST);
    assert_eq!(sent[0].typ.as_deref(), Some("host+jwt"));
    assert_eq!(sent[1].typ.as_deref(), Some("agent+jwt"));
    assert_eq!(sent[1].claims["sub"], "agt_1");
    for request in &sent {
        assert_eq!(request.claims["aud"], BANK);
        assert_eq!(request.url.query(), Some("query=send+money+%26+more"));
    }
}

// AA-6.3.1-01, AA-6.3.1-02
#[tokio::test]
async fn a_description_is_returned_in_full() {
    let stage = Stage::new();
    stage.connected().await;
    let full = json!({
        "name": "pay", "description": "d", "location": "https://api.bank.example/run",
        "input": { "type": "object" }, "output": {}, "grant_status": "not_granted",
    });
    stage.on(DESCRIBE, ok(&full));
    let described = stage
        .client
        .describe(BANK, "pay", Some("agt_1"))
        .await
        .unwrap();
    assert_eq!(json!(described), full);
    assert_eq!(stage.sent(DESCRIBE)[0].typ.as_deref(), Some("agent+jwt"));
    stage.client.describe(BANK, "pay", None).await.unwrap();
    assert_eq!(stage.sent(DESCRIBE)[1].typ.as_deref(), Some("host+jwt"));
}

// AA-6.3.1-03
#[tokio::test]
async fn an_unknown_name_is_reported_with_those_that_are_known() {
    let stage = Stage::new();
    stage.on(DESCRIBE, refusal(404, "capability_not_found"));
    stage.on(LIST, ok(&page("pay", None, None)));
    let error = stage.client.describe(BANK, "fly", None).await.unwrap_err();
    let refused = error.refused().unwrap();
    assert!(refused.is("capability_not_found"));
    assert_eq!(refused.hint, Some(Hint::Available(vec!["pay".to_owned()])));
}

// AA-10.6-02
#[tokio::test]
async fn what_is_offered_is_remembered_for_an_hour_unless_the_server_says_otherwise() {
    let stage = Stage::new();
    stage.on(LIST, ok(&page("a", None, None)));
    stage.on(DESCRIBE, ok(&json!({ "name": "a", "description": "d" })));
    let asked = || (stage.sent(LIST).len(), stage.sent(DESCRIBE).len());
    for (turn, expected) in [(0, 1), (3599, 1), (1, 2), (0, 2)] {
        stage.clock.turn(std::time::Duration::from_secs(turn));
        assert_eq!(names(&stage).await, ["a"]);
        stage.client.describe(BANK, "a", None).await.unwrap();
        assert_eq!(asked(), (expected, expected), "{turn}");
    }
    // Another search is another question.
    stage
        .client
        .capabilities(BANK, Some("b"), None)
        .await
        .unwrap();
    assert_eq!(stage.sent(LIST).len(), 3);
    let stage = Stage::new();
    let headers = http::HeaderMap::from_iter([(
        http::header::CACHE_CONTROL,
        http::HeaderValue::from_static("no-store"),
    )]);
    let body = page("a", None, None).to_string();
    stage.on(LIST, crate::fake::Reply::Answer(200, headers, body));
    names(&stage).await;
    names(&stage).await;
    assert_eq!(stage.sent(LIST).len(), 2);
}

#[tokio::test]
async fn what_an_agent_holds_is_asked_for_every_time() {
    let stage = Stage::new();
    stage.connected().await;
    stage.on(LIST, ok(&page("a", None, None)));
    for _ in 0..2 {
        let listed = stage.client.capabilities(BANK, None, Some("agt_1"));
        listed.await.unwrap();
    }
    assert_eq!(stage.sent(LIST).len(), 2);
}
