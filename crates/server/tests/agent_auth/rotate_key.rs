//! `POST /agent/rotate-key` (§5.8) and `POST /host/rotate-key` (§5.9).

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::Bank;
use crate::support::flows::{ALICE, wish};
use crate::support::http::Answer;
use crate::support::signers::{TestAgent, TestHost, jwk, new_key};

async fn rotate_agent(bank: &Bank, host: &TestHost, agent: &TestAgent, key: &Value) -> Answer {
    let body = json!({ "agent_id": agent.id, "public_key": key });
    bank.post("/agent/rotate-key", Some(&host.token(bank)), &body)
        .await
}

async fn rotate_host(bank: &Bank, host: &TestHost, key: &Value) -> Answer {
    let body = json!({ "public_key": key });
    bank.post("/host/rotate-key", Some(&host.token(bank)), &body)
        .await
}

async fn echo(bank: &Bank, agent: &TestAgent) -> Answer {
    bank.execute(agent, "echo", json!({})).await
}

/// Keys that are none, or none of the right kind.
fn wrong_keys() -> [(Value, &'static str); 7] {
    let with = |member: &str, value: &str| {
        let mut key = jwk(&new_key());
        key[member] = json!(value);
        key
    };
    [
        (with("kty", "EC"), "unsupported_algorithm"),
        (with("crv", "Ed448"), "unsupported_algorithm"),
        (with("d", "AAAA"), "invalid_request"),
        (with("x", "AAAA"), "invalid_request"),
        (json!("key"), "invalid_request"),
        (json!({}), "invalid_request"),
        (json!(null), "invalid_request"),
    ]
}

// AA-5.8-01, AA-5.8-02, AA-5.8-03, AA-5.8-06
#[tokio::test]
async fn an_agents_old_key_stops_at_once_and_all_else_stays() {
    let bank = Bank::start().await;
    let (host, mut agent) = bank.approved_agent(json!(["echo", "list_accounts"])).await;
    assert_eq!(echo(&bank, &agent).await.status, 200);
    let before = bank.status(&host, &agent).await.body;
    let signed_before = agent.token(&bank, &bank.execute_url());
    let key = new_key();
    bank.clock.advance(Duration::from_mins(10));
    let answer = rotate_agent(&bank, &host, &agent, &jwk(&key)).await;
    assert_eq!(
        answer.body,
        json!({ "agent_id": agent.id, "status": "active" })
    );
    let late = bank.execute_by(&signed_before, "echo", json!({})).await;
    assert_eq!(late.refusal(), (401, "invalid_jwt"));
    assert_eq!(echo(&bank, &agent).await.refusal(), (401, "invalid_jwt"));
    assert_eq!(bank.status(&host, &agent).await.body, before);
    agent.key = key;
    assert_eq!(echo(&bank, &agent).await.status, 200);
}

// AA-5.8-01
#[tokio::test]
async fn an_expired_agent_may_get_a_new_key_and_stays_expired() {
    let bank = Bank::start().await;
    let (host, mut agent) = bank.approved_agent(json!(["echo"])).await;
    bank.clock.advance(Duration::from_hours(2));
    let key = new_key();
    let answer = rotate_agent(&bank, &host, &agent, &jwk(&key)).await;
    assert_eq!(
        (answer.status, &answer.body["status"]),
        (200, &json!("expired"))
    );
    agent.key = key;
    assert_eq!(echo(&bank, &agent).await.refusal(), (403, "agent_expired"));
}

#[tokio::test]
async fn an_agent_that_waits_or_ended_gets_no_new_key() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let claimed = bank.autonomous_agent_of(&host).await;
    let revoked = bank.approved_agent_of(&host, json!([])).await;
    bank.revoke(&host, &revoked).await;
    let (rejected, asked) = bank.register(&host, &wish(json!(["list_accounts"]))).await;
    bank.deny(&asked, ALICE, "no").await;
    let (pending, _) = bank.register(&host, &wish(json!(["list_accounts"]))).await;
    for (agent, code) in [
        (claimed, "agent_claimed"),
        (revoked, "agent_revoked"),
        (rejected, "agent_rejected"),
        (pending, "agent_pending"),
    ] {
        let answer = rotate_agent(&bank, &host, &agent, &jwk(&new_key())).await;
        assert_eq!(answer.refusal(), (403, code));
    }
}

// AA-5.8-04
#[tokio::test]
async fn the_agent_has_to_exist_and_be_the_hosts_own() {
    let bank = Bank::start().await;
    let (host, mut agent) = bank.approved_agent(json!(["echo"])).await;
    let (other, _) = bank.approved_agent(json!([])).await;
    let answer = rotate_agent(&bank, &other, &agent, &jwk(&new_key())).await;
    assert_eq!(answer.refusal(), (403, "unauthorized"));
    assert_eq!(echo(&bank, &agent).await.status, 200);
    agent.id = "agt_1".to_owned();
    let answer = rotate_agent(&bank, &host, &agent, &jwk(&new_key())).await;
    assert_eq!(answer.refusal(), (404, "agent_not_found"));
}

// AA-5.8-05, AA-4.1-03
#[tokio::test]
async fn an_agents_new_key_has_to_be_a_new_public_ed25519_key() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!(["echo"])).await;
    let sibling = bank.approved_agent_of(&host, json!([])).await;
    for (key, code) in wrong_keys() {
        let answer = rotate_agent(&bank, &host, &agent, &key).await;
        assert_eq!(answer.refusal(), (400, code), "{key}");
    }
    for taken in [&agent, &sibling] {
        let answer = rotate_agent(&bank, &host, &agent, &jwk(&taken.key)).await;
        assert_eq!(answer.refusal(), (400, "invalid_request"));
    }
    assert_eq!(echo(&bank, &agent).await.status, 200);
}

// AA-5.9-01, AA-5.9-02, AA-5.9-03, AA-4.2-10
#[tokio::test]
async fn a_hosts_old_key_stops_at_once_and_all_else_stays() {
    let bank = Bank::start().await;
    let (mut host, mut agent) = bank.approved_agent(json!(["echo"])).await;
    assert_eq!(echo(&bank, &agent).await.status, 200);
    let before = bank.status(&host, &agent).await.body;
    let signed_before = host.token(&bank);
    let old = host.key;
    host.key = new_key();
    let (old, new) = (TestHost { key: old }, host);
    let answer = rotate_host(&bank, &old, &jwk(&new.key)).await;
    assert_eq!(
        answer.body,
        json!({ "host_id": before["host_id"], "status": "active" })
    );
    let path = format!("/agent/status?agent_id={}", agent.id);
    assert_eq!(
        bank.get(&path, Some(&signed_before)).await.refusal(),
        (401, "invalid_jwt")
    );
    assert_eq!(
        bank.status(&old, &agent).await.refusal(),
        (401, "invalid_jwt")
    );
    assert_eq!(bank.status(&new, &agent).await.body, before);
    // Its agents sign for the host under its new name.
    assert_eq!(echo(&bank, &agent).await.refusal(), (401, "invalid_jwt"));
    agent.issuer = new.thumbprint();
    assert_eq!(echo(&bank, &agent).await.status, 200);
    // What was trusted is still trusted.
    let (_, answer) = bank.register(&new, &wish(json!(["echo"]))).await;
    assert_eq!(answer.body["status"], "active");
    assert_eq!(answer.body["host_id"], before["host_id"]);
}

// AA-5.9-02
#[tokio::test]
async fn whoever_holds_a_hosts_old_key_is_a_stranger() {
    let bank = Bank::start().await;
    let (old, agent) = bank.approved_agent(json!([])).await;
    let known = bank.status(&old, &agent).await.body["host_id"].clone();
    rotate_host(&bank, &old, &jwk(&new_key())).await;
    let (_, answer) = bank.register(&old, &wish(json!(["echo"]))).await;
    assert_eq!(answer.body["status"], "pending");
    assert_ne!(answer.body["host_id"], known);
}

// AA-5.9-05, AA-4.1-03
#[tokio::test]
async fn a_hosts_new_key_has_to_be_a_new_public_ed25519_key() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!([])).await;
    let (other, _) = bank.approved_agent(json!([])).await;
    for (key, code) in wrong_keys() {
        let answer = rotate_host(&bank, &host, &key).await;
        assert_eq!(answer.refusal(), (400, code), "{key}");
    }
    for taken in [&host, &other] {
        let answer = rotate_host(&bank, &host, &jwk(&taken.key)).await;
        assert_eq!(answer.refusal(), (400, "invalid_request"));
    }
    assert_eq!(bank.status(&host, &agent).await.status, 200);
}

#[tokio::test]
async fn rotations_are_recorded_with_both_keys_names() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!([])).await;
    rotate_agent(&bank, &host, &agent, &jwk(&new_key())).await;
    let new = TestHost::new();
    rotate_host(&bank, &host, &jwk(&new.key)).await;
    assert_eq!(
        bank.records_of("agent.key_rotated").await[0]["agent_id"],
        agent.id
    );
    let rotated = &bank.records_of("host.key_rotated").await[0];
    let names = json!({ "from": host.thumbprint(), "to": new.thumbprint() });
    assert_eq!(rotated["detail"], names);
}
