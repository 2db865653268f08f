//! `GET /agent/events/{token}`: how an agent stands, as it changes (§10.10.2).

use std::time::Duration;

use procura_service::admin::AdminRequest;
use serde_json::{Value, json};

use crate::support::flows::{ALICE, wish};
use crate::support::http::{Answer, Listening, listen};
use crate::support::signers::{TestAgent, TestHost};
use crate::support::{Bank, extended};

async fn asked(bank: &Bank) -> (TestHost, TestAgent, Answer) {
    let host = TestHost::new();
    let (agent, answer) = bank.register(&host, &wish(json!(["list_accounts"]))).await;
    (host, agent, answer)
}

async fn listening(bank: &Bank, answer: &Answer) -> Listening {
    listen(&bank.address, &answer.notification_path(bank)).await
}

/// The status in the next event.
async fn told(events: &mut Listening) -> Value {
    let (kind, body) = events.event().await.unwrap();
    assert_eq!(kind, "status");
    body["status"].clone()
}

// AA-10.10.2-01, AA-7-06
#[tokio::test]
async fn a_listener_learns_at_once_of_an_approval_and_the_stream_ends() {
    let bank = Bank::start().await;
    let (host, agent, answer) = asked(&bank).await;
    let mut events = listening(&bank, &answer).await;
    let (_, first) = events.event().await.unwrap();
    assert_eq!(first, bank.status(&host, &agent).await.body);
    assert_eq!(first["status"], "pending");
    bank.approve_all(&answer, ALICE).await;
    let (_, last) = events.event().await.unwrap();
    assert_eq!(last, bank.status(&host, &agent).await.body);
    assert_eq!(last["status"], "active");
    assert!(events.event().await.is_none());
}

#[tokio::test]
async fn a_listener_is_let_go_when_the_server_stops() {
    let bank = Bank::start().await;
    let (_, _, answer) = asked(&bank).await;
    let mut events = listening(&bank, &answer).await;
    assert_eq!(told(&mut events).await, "pending");
    bank.ctx.stopping().leave();
    bank.ctx.stopping().end_streams();
    assert!(events.event().await.is_none());
}

// AA-10.10.2-01
#[tokio::test]
async fn a_listener_learns_of_denial_and_revocation() {
    let bank = Bank::start().await;
    let (_, _, answer) = asked(&bank).await;
    let mut events = listening(&bank, &answer).await;
    assert_eq!(told(&mut events).await, "pending");
    bank.deny(&answer, ALICE, "no").await;
    assert_eq!(told(&mut events).await, "rejected");
    assert!(events.event().await.is_none());

    let (_, agent, answer) = asked(&bank).await;
    let mut events = listening(&bank, &answer).await;
    assert_eq!(told(&mut events).await, "pending");
    let agent_id = agent.id;
    bank.administer(AdminRequest::RevokeAgent { agent_id })
        .await;
    assert_eq!(told(&mut events).await, "revoked");
    assert!(events.event().await.is_none());
}

// AA-10.10.2-01
#[tokio::test]
async fn a_listener_learns_what_became_of_a_request_for_more() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!([])).await;
    let answer = bank.request(&agent, json!(["list_accounts"])).await;
    let mut events = listening(&bank, &answer).await;
    let grants = async |events: &mut Listening| {
        let (_, body) = events.event().await.unwrap();
        body["agent_capability_grants"][0]["status"].clone()
    };
    assert_eq!(grants(&mut events).await, "pending");
    bank.approve_all(&answer, ALICE).await;
    assert_eq!(grants(&mut events).await, "active");
    assert!(events.event().await.is_none());
}

/// It ends, and from then on the URL tells nothing. The code is one of RFC 8628, in the protocol's own form.
// AA-10.10.2-01, AA-5.13-15
#[tokio::test]
async fn a_stream_ends_with_its_request() {
    let bank = Bank::start().await;
    let (_, _, answer) = asked(&bank).await;
    let mut events = listening(&bank, &answer).await;
    assert_eq!(told(&mut events).await, "pending");
    bank.clock.advance(Duration::from_mins(5));
    assert!(events.event().await.is_none());
    let late = bank.get(&answer.notification_path(&bank), None).await;
    assert_eq!(late.refusal(), (400, "expired_token"));
    assert_eq!(late.members(), ["error", "message"]);
}

#[tokio::test]
async fn nobody_listens_without_the_url() {
    let bank = Bank::start().await;
    let (_, agent, _) = asked(&bank).await;
    let unknown = format!("/agent/events/{}", "A".repeat(43));
    let of_agent = format!("/agent/events/{}", agent.id);
    for path in [unknown.as_str(), &of_agent, "/agent/events/x"] {
        let answer = bank.get(path, None).await;
        assert_eq!(answer.refusal(), (404, "approval_not_found"), "{path}");
    }
}

/// And whoever leaves makes room.
#[tokio::test]
async fn so_many_listen_to_one_request_and_no_more() {
    let bank = Bank::start().await;
    let (_, _, answer) = asked(&bank).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(listening(&bank, &answer).await);
    }
    let path = answer.notification_path(&bank);
    let refused = bank.get(&path, None).await;
    assert_eq!(refused.refusal(), (429, "rate_limited"));
    assert!(refused.header("retry-after").is_some());
    bank.deny(&answer, ALICE, "no").await;
    for mut events in open {
        while events.event().await.is_some() {}
    }
    let again = loop {
        let answer = bank.get(&path, None).await;
        if answer.status == 200 {
            break answer;
        }
        tokio::task::yield_now().await;
    };
    assert!(again.text.contains("rejected"), "{again:?}");
}

// AA-10.10-01, AA-7-06
#[tokio::test]
async fn where_the_profile_is_off_there_is_no_url() {
    let bank = Bank::start_with(&extended("[approval]\nnotifications = false")).await;
    let (_, _, answer) = asked(&bank).await;
    assert_eq!(answer.body["approval"].get("notification_url"), None);
}

/// Whoever reads the store cannot listen: it holds the digest only.
#[tokio::test]
async fn the_secret_is_nowhere_but_in_the_answer() {
    let bank = Bank::start().await;
    let (_, _, answer) = asked(&bank).await;
    let path = answer.notification_path(&bank);
    let (_, secret) = path.rsplit_once('/').unwrap();
    assert_eq!(secret.len(), 43);
    let log = serde_json::to_string(&bank.records().await).unwrap();
    assert!(!log.contains(secret));
}
