//! One token, one use (§4.6, §8.2, §8.4).

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::flows::wish;
use crate::support::http::{self, Answer};
use crate::support::signers::{TestAgent, TestHost, new_key, sign, tampered};
use crate::support::{Bank, with_issuer};

const REPLAYED: (u16, &str) = (401, "invalid_jwt");

async fn echo(bank: &Bank, token: &str) -> Answer {
    bank.execute_by(token, "echo", json!({})).await
}

async fn bank_with_agent() -> (Bank, TestHost, TestAgent) {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!(["echo"])).await;
    (bank, host, agent)
}

fn wins(statuses: &[u16]) -> (usize, usize) {
    let count = |wanted: u16| statuses.iter().filter(|status| **status == wanted).count();
    (count(200), count(401))
}

// AA-4.6-01, AA-8.4-01, AA-4.5-09
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_thousand_sends_of_one_token_exactly_one_runs() {
    let (bank, _, agent) = bank_with_agent().await;
    let token = agent.token(&bank, &bank.execute_url());
    let body = json!({ "capability": "echo", "arguments": {} });
    let statuses =
        http::send_at_once(&bank.address, "/capability/execute", &token, &body, 1000).await;
    assert_eq!(wins(&statuses), (1, 999));
    assert_eq!(bank.records_of("capability.started").await.len(), 1);
}

// AA-4.6-01, AA-4.5.1-06
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_sends_of_one_host_token_exactly_one_counts() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let token = host.registration_token(&bank, &host.new_agent());
    let body = wish(json!(["echo"]));
    let statuses = http::send_at_once(&bank.address, "/agent/register", &token, &body, 200).await;
    assert_eq!(wins(&statuses), (1, 199));
    assert_eq!(bank.records_of("agent.registered").await.len(), 1);
}

// AA-4.5.1-06, AA-4.5.1-01, AA-4.6-01
#[tokio::test]
async fn a_host_token_is_used_up_at_one_endpoint_for_all_of_them() {
    let (bank, host, agent) = bank_with_agent().await;
    let path = format!("/agent/status?agent_id={}", agent.id);
    let sends = async |endpoint: &str, token: &str| match endpoint {
        "status" => bank.get(&path, Some(token)).await,
        "list" => bank.get("/capability/list", Some(token)).await,
        "register" => {
            bank.post("/agent/register", Some(token), &wish(json!([])))
                .await
        }
        _ => {
            bank.post(
                "/agent/revoke",
                Some(token),
                &json!({ "agent_id": agent.id }),
            )
            .await
        }
    };
    let all = ["status", "list", "register", "revoke"];
    for first in all {
        let fresh = host.new_agent();
        let token = host.registration_token(&bank, &fresh);
        assert_eq!(sends(first, &token).await.status, 200, "{first}");
        for second in all {
            let again = sends(second, &token).await;
            assert_eq!(again.refusal(), REPLAYED, "{first}, then {second}");
        }
    }
}

// AA-4.6-01
#[tokio::test]
async fn an_agent_token_is_used_up_at_one_endpoint_for_all_of_them() {
    let (bank, _, agent) = bank_with_agent().await;
    // Execution takes tokens for the issuer too, so one token fits everywhere.
    let token = agent.token(&bank, &bank.issuer);
    assert_eq!(echo(&bank, &token).await.status, 200);
    assert_eq!(
        bank.get("/capability/list", Some(&token)).await.refusal(),
        REPLAYED
    );
    assert_eq!(
        bank.get("/capability/describe?name=echo", Some(&token))
            .await
            .refusal(),
        REPLAYED
    );
    let asked = bank
        .request_by(&token, &json!({ "capabilities": ["echo"] }))
        .await;
    assert_eq!(asked.refusal(), REPLAYED);
}

// AA-4.6-01
#[tokio::test]
async fn a_refused_call_uses_its_token_up_too() {
    let (bank, host, agent) = bank_with_agent().await;
    let token = agent.token(&bank, &bank.execute_url());
    assert_eq!(bank.execute_by(&token, "fly", json!({})).await.status, 404);
    assert_eq!(echo(&bank, &token).await.refusal(), REPLAYED);
    let token = host.token(&bank);
    assert_eq!(bank.get("/agent/status", Some(&token)).await.status, 400);
    assert_eq!(
        bank.get("/capability/list", Some(&token)).await.refusal(),
        REPLAYED
    );
}

// AA-4.5-13
#[tokio::test]
async fn what_nobody_proved_uses_no_token_up() {
    let (bank, host, agent) = bank_with_agent().await;
    let here = bank.execute_url();
    let claims = agent.claims(&bank, &here);
    let good = sign("agent+jwt", &claims, &agent.key);
    for forged in [tampered(&good), sign("agent+jwt", &claims, &new_key())] {
        assert_eq!(echo(&bank, &forged).await.status, 401);
    }
    // Nor does a good token at a place it is not meant for.
    assert_eq!(bank.get("/capability/list", Some(&good)).await.status, 401);
    assert_eq!(echo(&bank, &good).await.status, 200);

    let claims = host.claims(&bank);
    let good = sign("host+jwt", &claims, &host.key);
    let path = format!("/agent/status?agent_id={}", agent.id);
    for forged in [tampered(&good), sign("host+jwt", &claims, &new_key())] {
        assert_eq!(bank.get(&path, Some(&forged)).await.status, 401);
    }
    assert_eq!(bank.get(&path, Some(&good)).await.status, 200);
}

// AA-4.5-13
#[tokio::test]
async fn what_nobody_proved_keeps_no_session_alive() {
    let (bank, _, agent) = bank_with_agent().await;
    bank.clock.advance(Duration::from_mins(50));
    let forged = tampered(&agent.token(&bank, &bank.execute_url()));
    assert_eq!(echo(&bank, &forged).await.status, 401);
    bank.clock.advance(Duration::from_mins(10));
    let late = bank.execute(&agent, "echo", json!({})).await;
    assert_eq!(late.refusal(), (403, "agent_expired"));
}

// AA-4.6-02
#[tokio::test]
async fn the_same_name_on_tokens_of_different_signers_is_no_replay() {
    let (bank, host, one) = bank_with_agent().await;
    let sibling = bank.approved_agent_of(&host, json!(["echo"])).await;
    let (other_host, other) = bank.approved_agent(json!(["echo"])).await;
    for agent in [&one, &sibling, &other] {
        let name = |claims: &mut Value| claims["jti"] = json!("the same");
        let token = agent.token_with(&bank, &bank.execute_url(), name);
        assert_eq!(echo(&bank, &token).await.status, 200);
        assert_eq!(echo(&bank, &token).await.refusal(), REPLAYED);
    }
    for host in [&host, &other_host] {
        let token = host.token_with(&bank, |claims| claims["jti"] = json!("the same"));
        assert_eq!(bank.get("/capability/list", Some(&token)).await.status, 200);
    }
}

// AA-4.6-01, AA-4.2-06, AA-4.3-04
#[tokio::test]
async fn every_token_needs_a_name() {
    let (bank, host, agent) = bank_with_agent().await;
    for name in [
        json!(null),
        json!(""),
        json!(7),
        json!(["j"]),
        json!("j".repeat(257)),
    ] {
        let rename = |claims: &mut Value| claims["jti"] = name.clone();
        let token = agent.token_with(&bank, &bank.execute_url(), rename);
        assert_eq!(
            echo(&bank, &token).await.refusal(),
            (401, "invalid_jwt"),
            "{name}"
        );
        let token = host.token_with(&bank, rename);
        let answer = bank.get("/capability/list", Some(&token)).await;
        assert_eq!(answer.refusal(), (401, "invalid_jwt"), "{name}");
    }
}

// AA-8.2-04, AA-8.2-01, AA-8.2-02
#[tokio::test]
async fn a_token_is_remembered_for_as_long_as_it_could_be_accepted() {
    let (bank, _, agent) = bank_with_agent().await;
    let now = bank.now().as_seconds();
    // As early as it may come, so that it could be accepted for two minutes.
    let ahead = |claims: &mut Value| {
        claims["iat"] = json!(now + 30);
        claims["exp"] = json!(now + 90);
    };
    let used = agent.token_with(&bank, &bank.execute_url(), ahead);
    let unused = agent.token_with(&bank, &bank.execute_url(), ahead);
    assert_eq!(echo(&bank, &used).await.status, 200);
    bank.clock.advance(Duration::from_secs(119));
    bank.keep_house().await;
    let again = echo(&bank, &used).await;
    assert!(again.text_of("message").contains("jti"), "{again:?}");
    assert_eq!(echo(&bank, &unused).await.status, 200);
    bank.clock.advance(Duration::from_secs(1));
    let again = echo(&bank, &used).await;
    assert!(again.text_of("message").contains("expired"), "{again:?}");
}

// AA-8.2-01, AA-8.2-02
#[tokio::test]
async fn clocks_may_be_half_a_minute_apart() {
    let (bank, _, agent) = bank_with_agent().await;
    let now = bank.now().as_seconds();
    let cases = [
        (30, 90, 200),
        (31, 91, 401),
        (-60, -29, 200),
        (-60, -30, 401),
        (-89, 60, 200),
        (-90, 60, 401),
        (0, 86_400, 200),
        (0, 0, 401),
        (0, -1, 401),
    ];
    for (iat, exp, status) in cases {
        let token = agent.token_with(&bank, &bank.execute_url(), |claims| {
            claims["iat"] = json!(now + iat);
            claims["exp"] = json!(now + exp);
        });
        assert_eq!(
            echo(&bank, &token).await.status,
            status,
            "iat {iat}, exp {exp}"
        );
    }
}

// AA-4.6-01, AA-8.2-04
#[tokio::test]
async fn a_token_accepted_before_a_restart_is_refused_after_it() {
    let before = Bank::start_with(&with_issuer("https://bank.example")).await;
    let (host, agent) = before.approved_agent(json!(["echo"])).await;
    let here = before.execute_url();
    let executed = agent.token(&before, &here);
    let refused = agent.token(&before, &here);
    let unreadable = agent.token(&before, &here);
    let introspected = agent.token(&before, &here);
    let listed = agent.token(&before, &before.issuer);
    let asked = host.token(&before);
    let newcomer = TestHost::new();
    let registered = newcomer.registration_token(&before, &newcomer.new_agent());
    let unused = agent.token(&before, &here);

    assert_eq!(echo(&before, &executed).await.status, 200);
    assert_eq!(
        before.execute_by(&refused, "fly", json!({})).await.status,
        404
    );
    let answer = before
        .post_bytes("/capability/execute", Some(&unreadable), b"{".to_vec())
        .await;
    assert_eq!(answer.status, 400);
    assert_eq!(before.introspect(&introspected).await.body["active"], true);
    assert_eq!(
        before.get("/capability/list", Some(&listed)).await.status,
        200
    );
    assert_eq!(
        before.get("/capability/list", Some(&asked)).await.status,
        200
    );
    let answer = before
        .post("/agent/register", Some(&registered), &wish(json!([])))
        .await;
    assert_eq!(answer.status, 200);

    let after = before.restarted().await;
    for used in [executed, refused, unreadable, introspected] {
        assert_eq!(echo(&after, &used).await.refusal(), REPLAYED);
    }
    for used in [listed, asked] {
        assert_eq!(
            after.get("/capability/list", Some(&used)).await.refusal(),
            REPLAYED
        );
    }
    let answer = after
        .post("/agent/register", Some(&registered), &wish(json!([])))
        .await;
    assert_eq!(answer.refusal(), REPLAYED);
    assert_eq!(echo(&after, &unused).await.status, 200);
}
