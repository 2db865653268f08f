//! `POST /host/revoke` (§5.10).

use std::time::Duration;

use procura_people::presence::Method;
use serde_json::json;

use crate::support::Bank;
use crate::support::flows::{ALICE, wish};
use crate::support::http::Answer;
use crate::support::signers::TestHost;

async fn revoke_host(bank: &Bank, host: &TestHost) -> Answer {
    bank.raw(
        "POST",
        "/host/revoke",
        &[("authorization", format!("Bearer {}", host.token(bank)))],
        None,
    )
    .await
}

// AA-5.10-01, AA-5.10-02, AA-8.5-01, AA-2.11-04, AA-5.13-08
#[tokio::test]
async fn a_host_ends_itself_and_every_agent_under_it() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let claimed = bank.autonomous_agent_of(&host).await;
    let expired = bank.approved_agent_of(&host, json!(["echo"])).await;
    bank.clock.advance(Duration::from_hours(2));
    let active = bank.approved_agent_of(&host, json!(["echo"])).await;
    assert_eq!(bank.execute(&active, "echo", json!({})).await.status, 200);
    let revoked = bank.approved_agent_of(&host, json!([])).await;
    bank.revoke(&host, &revoked).await;
    let (pending, asked) = bank.register(&host, &wish(json!(["list_accounts"]))).await;
    let host_id = bank.status(&host, &active).await.body["host_id"].clone();

    let answer = revoke_host(&bank, &host).await;
    // Expired, active and pending; the other two had ended before.
    let expected = json!({ "host_id": host_id, "status": "revoked", "agents_revoked": 3 });
    assert_eq!((answer.status, &answer.body), (200, &expected));
    for agent in [&claimed, &expired, &active, &revoked, &pending] {
        let late = bank.execute(agent, "echo", json!({})).await;
        assert_eq!(late.refusal(), (403, "host_revoked"));
    }
    assert_eq!(
        bank.status(&host, &active).await.refusal(),
        (403, "host_revoked")
    );
    let (_, late) = bank.register(&host, &wish(json!([]))).await;
    assert_eq!(late.refusal(), (403, "host_revoked"));
    let alice = bank.person(ALICE, Method::Passkey).await;
    assert!(bank.try_approve(&asked, &alice).await.is_err());
}

// AA-2.11-04, AA-2.3-04
#[tokio::test]
async fn it_stays_so_after_a_restart() {
    let issuer = crate::support::with_issuer("https://bank.example");
    let before = Bank::start_with(&issuer).await;
    let (host, agent) = before.approved_agent(json!(["echo"])).await;
    revoke_host(&before, &host).await;
    let after = before.restarted().await;
    let late = after.execute(&agent, "echo", json!({})).await;
    assert_eq!(late.refusal(), (403, "host_revoked"));
    assert_eq!(
        revoke_host(&after, &host).await.refusal(),
        (403, "host_revoked")
    );
}

// AA-5.10-03, AA-5.13-13
#[tokio::test]
async fn a_host_nobody_knows_is_not_found_and_a_waiting_one_waits() {
    let bank = Bank::start().await;
    assert_eq!(
        revoke_host(&bank, &TestHost::new()).await.refusal(),
        (404, "host_not_found")
    );
    let host = TestHost::new();
    bank.register(&host, &wish(json!([]))).await;
    assert_eq!(
        revoke_host(&bank, &host).await.refusal(),
        (403, "host_pending")
    );
}

// AA-5.10-01
#[tokio::test]
async fn no_body_is_needed_and_none_is_read() {
    let bank = Bank::start().await;
    for body in ["", "{}", "{", "[1]"] {
        let (host, _) = bank.approved_agent(json!([])).await;
        let token = host.token(&bank);
        let answer = bank
            .post_bytes("/host/revoke", Some(&token), body.into())
            .await;
        assert_eq!(answer.body["agents_revoked"], 1, "{body}");
    }
}

#[tokio::test]
async fn other_hosts_go_on() {
    let bank = Bank::start().await;
    let (host, _) = bank.approved_agent(json!(["echo"])).await;
    let (_, other) = bank.approved_agent(json!(["echo"])).await;
    revoke_host(&bank, &host).await;
    assert_eq!(bank.execute(&other, "echo", json!({})).await.status, 200);
    assert_eq!(bank.records_of("host.revoked").await.len(), 1);
}
