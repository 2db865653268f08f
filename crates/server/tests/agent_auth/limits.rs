//! Rate limits (§8.13, §5.12).

use serde_json::json;

use crate::support::flows::wish;
use crate::support::http::Answer;
use crate::support::signers::{TestHost, tampered};
use crate::support::{Bank, extended};

async fn bank(limit: &str) -> Bank {
    Bank::start_limited(&extended(&format!("[limits]\n{limit}"))).await
}

fn assert_limited(answer: &Answer) {
    assert_eq!(answer.refusal(), (429, "rate_limited"));
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=3600).contains(&seconds), "{seconds}");
}

// AA-8.13-01, AA-8.13-03, AA-8.13-04
#[tokio::test]
async fn an_agent_that_calls_too_often_is_told_when_to_come_back() {
    let bank = bank(r#"agent = "3/1h""#).await;
    let (host, agent) = bank.approved_agent(json!(["echo"])).await;
    let sibling = bank.approved_agent_of(&host, json!(["echo"])).await;
    for _ in 0..3 {
        assert_eq!(bank.execute(&agent, "echo", json!({})).await.status, 200);
    }
    assert_limited(&bank.execute(&agent, "echo", json!({})).await);
    assert_limited(&bank.request(&agent, json!(["echo"])).await);
    // Each agent has a budget of its own.
    assert_eq!(bank.execute(&sibling, "echo", json!({})).await.status, 200);
    assert_eq!(bank.records_of("capability.started").await.len(), 4);
}

// AA-8.13-01, AA-8.13-03, AA-8.13-04
#[tokio::test]
async fn a_host_that_asks_too_often_is_told_when_to_come_back() {
    let bank = bank(r#"host = "3/1h""#).await;
    let host = TestHost::new();
    let (agent, _) = bank.register(&host, &wish(json!([]))).await;
    for _ in 0..3 {
        assert_eq!(bank.status(&host, &agent).await.status, 200);
    }
    assert_limited(&bank.status(&host, &agent).await);
    assert_limited(&bank.revoke(&host, &agent).await);
    let (other, _) = bank.register(&TestHost::new(), &wish(json!([]))).await;
    assert_ne!(other.id, "");
}

// AA-8.13-07, AA-8.13-01
#[tokio::test]
async fn an_address_may_bring_only_so_many_unknown_hosts() {
    let bank = bank(r#"unknown_host = "2/1h""#).await;
    let known = TestHost::new();
    bank.register(&known, &wish(json!([]))).await;
    bank.register(&TestHost::new(), &wish(json!([]))).await;
    let (_, answer) = bank.register(&TestHost::new(), &wish(json!([]))).await;
    assert_limited(&answer);
    // Whoever is known is not affected.
    let (_, answer) = bank.register(&known, &wish(json!([]))).await;
    assert_eq!(answer.status, 200);
}

// AA-5.12-09, AA-8.13-01
#[tokio::test]
async fn introspection_without_credentials_is_limited_by_address() {
    let bank = bank(r#"introspection = "2/1h""#).await;
    for _ in 0..2 {
        assert_eq!(bank.introspect("x").await.body["active"], false);
    }
    assert_limited(&bank.introspect("x").await);
}

#[tokio::test]
async fn a_forged_token_does_not_spend_the_budget_of_whom_it_names() {
    let bank = bank("agent = \"1/1h\"\nhost = \"1/1h\"").await;
    let (host, agent) = bank.approved_agent(json!(["echo"])).await;
    for _ in 0..3 {
        let forged = tampered(&agent.token(&bank, &bank.execute_url()));
        assert_eq!(
            bank.execute_by(&forged, "echo", json!({})).await.status,
            401
        );
        let forged = tampered(&host.token(&bank));
        assert_eq!(
            bank.get("/capability/list", Some(&forged)).await.status,
            401
        );
    }
    assert_eq!(bank.execute(&agent, "echo", json!({})).await.status, 200);
    assert_eq!(
        bank.get("/capability/list", Some(&host.token(&bank)))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_token_that_was_turned_away_for_the_rate_may_be_sent_again() {
    let bank = bank(r#"agent = "1/1h""#).await;
    let (_, agent) = bank.approved_agent(json!(["echo"])).await;
    let (first, second) = (
        agent.token(&bank, &bank.issuer),
        agent.token(&bank, &bank.issuer),
    );
    assert_eq!(bank.execute_by(&first, "echo", json!({})).await.status, 200);
    assert_limited(&bank.execute_by(&second, "echo", json!({})).await);
    // Not used up: still limited, and not a replay.
    assert_limited(&bank.execute_by(&second, "echo", json!({})).await);
}
