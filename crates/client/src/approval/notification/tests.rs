use async_trait::async_trait;
use serde_json::{Value, json};

use crate::connect::{Connect, Connected};
use crate::fake::{BANK, Reply, Stage, approval, events, ok, outage, refusal, registered, status};
use crate::pause::Pause;

const STATUS: &str = "GET /agent/status";
const EVENTS: &str = "GET /agent/events/secret";

fn answer(state: &str) -> Value {
    status(
        state,
        &json!([{ "capability": "check_balance", "status": state }]),
    )
}

fn event(state: &str) -> String {
    format!("event: status\nretry: 5000\ndata: {}\n\n", answer(state))
}

/// Waits for an approval with this stream. Returns the seconds between the registration and each question.
async fn asked_at(url: &str, stream: Reply) -> (Vec<u64>, usize) {
    let stage = Stage::new();
    let mut answered = registered("pending");
    answered["approval"] = approval();
    answered["approval"]["notification_url"] = json!(url);
    stage
        .on("POST /agent/register", ok(&answered))
        .on(EVENTS, stream);
    stage
        .on(STATUS, ok(&answer("pending")))
        .on(STATUS, ok(&answer("active")));
    let Connected::Pending(pending) = stage
        .client
        .connect(
            BANK,
            Connect::new("Helper").with_capability("check_balance", None),
        )
        .await
        .unwrap()
    else {
        panic!("not pending");
    };
    let start = stage.sent("POST /agent/register")[0].at;
    let standing = stage.client.wait_for_approval(&pending, &mut |_| {}).await;
    assert_eq!(standing.unwrap().status, "active");
    for listened in stage.sent(EVENTS) {
        assert_eq!(listened.typ, None, "no token goes along");
        assert_eq!(listened.headers["accept"], "text/event-stream");
    }
    let questions = stage.sent(STATUS).into_iter();
    let at = questions.map(|it| it.at.since(start).as_secs()).collect();
    (at, stage.sent(EVENTS).len())
}

const URL: &str = "https://bank.example/agent/events/secret";

// AA-10.10.2-02
#[tokio::test]
async fn a_decision_on_the_stream_is_looked_at_at_once() {
    let (at, _) = asked_at(URL, events(&[event("pending"), event("active")].concat())).await;
    // The first answer still said pending: from then on the client asks by itself.
    assert_eq!(at, [0, 5]);
}

// AA-10.10.2-03
#[tokio::test]
async fn without_a_stream_that_works_the_client_asks() {
    let other_agent = event("active").replace("agt_1", "agt_2");
    for stream in [
        outage(),
        refusal(404, "approval_not_found"),
        ok(&json!({})),
        events(""),
        events(&event("pending")),
        events("event: status\ndata: {\n\n"),
        events("event: status\ndata: {\"status\":\"active\"}\n\n"),
        events("event: done\ndata: {}\n\n"),
        events(&other_agent),
    ] {
        assert_eq!(asked_at(URL, stream).await, (vec![5, 10], 1));
    }
}

#[tokio::test]
async fn nobody_is_listened_to_but_the_issuer() {
    for url in [
        "https://evil.example/agent/events/secret",
        "http://bank.example/agent/events/secret",
        "https://bank.example:444/agent/events/secret",
        "https://me@bank.example/agent/events/secret",
        "/agent/events/secret",
        "\u{1b}[2J",
    ] {
        let (at, listened) = asked_at(url, events(&event("active"))).await;
        assert_eq!((at, listened), (vec![5, 10], 0), "{url:?}");
    }
}

/// Time never passes.
struct Never;

#[async_trait]
impl Pause for Never {
    async fn pause(&self, _: std::time::Duration) {
        std::future::pending::<()>().await;
    }
}

// AA-10.10.2-02
#[tokio::test]
async fn nothing_but_the_stream_is_needed_to_go_on() {
    let stage = Stage::new();
    let mut answered = registered("pending");
    answered["approval"]["notification_url"] = json!(URL);
    stage
        .on("POST /agent/register", ok(&answered))
        .on(EVENTS, events(&event("active")))
        .on(STATUS, ok(&answer("active")));
    let mut client = stage.client.clone();
    client.parts.pause = std::sync::Arc::new(Never);
    let request = Connect::new("Helper").with_capability("check_balance", None);
    let Connected::Pending(pending) = client.connect(BANK, request).await.unwrap() else {
        panic!("not pending");
    };
    let standing = client.wait_for_approval(&pending, &mut |_| {}).await;
    assert_eq!(standing.unwrap().status, "active");
}
