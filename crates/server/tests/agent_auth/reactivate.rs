//! `POST /agent/reactivate` (§5.6).

use std::time::Duration;

use procura_keys::clock::Timestamp;
use serde_json::{Value, json};

use crate::support::flows::{ALICE, wish};
use crate::support::http::Answer;
use crate::support::signers::{TestAgent, TestHost};
use crate::support::steady::START;
use crate::support::{Bank, extended};

const HOUR: Duration = Duration::from_hours(1);

/// Half an hour idle, a day of use, a week in all.
async fn bank() -> Bank {
    let lifetime = "session_ttl = \"30m\"\nmax_lifetime = \"24h\"\nabsolute_lifetime = \"7d\"";
    Bank::start_with(&extended(&format!("[lifetime]\n{lifetime}"))).await
}

async fn reactivate(bank: &Bank, host: &TestHost, agent: &TestAgent) -> Answer {
    let token = host.token(bank);
    let body = json!({ "agent_id": agent.id });
    bank.post("/agent/reactivate", Some(&token), &body).await
}

async fn echo(bank: &Bank, agent: &TestAgent) -> Answer {
    bank.execute(agent, "echo", json!({})).await
}

fn hours_after_start(hours: u32) -> Value {
    Timestamp::from_millis(START)
        .plus(hours * HOUR)
        .to_string()
        .into()
}

// AA-2.5-01, AA-5.6-05, AA-5.6-06, AA-5.6-07, AA-5.6-08, AA-2.2-02
#[tokio::test]
async fn an_expired_agent_comes_back_with_its_hosts_defaults_and_no_more() {
    let bank = bank().await;
    let (host, agent) = bank.approved_agent(json!(["list_accounts"])).await;
    let asked = bank.request(&agent, json!(["check_balance"])).await;
    bank.approve_all(&asked, ALICE).await;
    bank.clock.advance(2 * HOUR);
    assert_eq!(echo(&bank, &agent).await.refusal(), (403, "agent_expired"));

    let answer = reactivate(&bank, &host, &agent).await;
    assert_eq!(answer.body["agent_id"], agent.id);
    assert_eq!(answer.body["status"], "active");
    assert_eq!(answer.body["mode"], "delegated");
    assert_eq!(answer.grants(), [("echo", "active")]);
    assert_eq!(answer.body["activated_at"], hours_after_start(2));
    assert_eq!(answer.body["created_at"], hours_after_start(0));
    assert!(answer.body["expires_at"].is_string());
    assert!(answer.body.get("approval").is_none());
    assert_eq!(bank.status(&host, &agent).await.body, answer.body);

    assert_eq!(echo(&bank, &agent).await.status, 200);
    let lost = bank.execute(&agent, "list_accounts", json!({})).await;
    assert_eq!(lost.refusal(), (403, "capability_not_granted"));
    let again = bank.request(&agent, json!(["list_accounts"])).await;
    assert_eq!(again.grants(), [("list_accounts", "pending")]);
}

// AA-2.5-02, AA-5.6-07
#[tokio::test]
async fn both_expiring_clocks_start_again() {
    let bank = bank().await;
    let (host, agent) = bank.approved_agent(json!(["echo"])).await;
    for _ in 0..2 {
        bank.clock.advance(24 * HOUR);
        assert_eq!(echo(&bank, &agent).await.refusal(), (403, "agent_expired"));
        assert_eq!(reactivate(&bank, &host, &agent).await.status, 200);
        bank.clock.advance(HOUR / 3);
        assert_eq!(echo(&bank, &agent).await.status, 200);
        bank.clock.advance(HOUR / 2);
        assert_eq!(echo(&bank, &agent).await.refusal(), (403, "agent_expired"));
        assert_eq!(reactivate(&bank, &host, &agent).await.status, 200);
    }
}

// AA-2.5-03, AA-2.5-04, AA-5.6-04, AA-5.13-07
#[tokio::test]
async fn the_absolute_lifetime_goes_on_and_ends_it_for_good() {
    let bank = bank().await;
    let (host, agent) = bank.approved_agent(json!(["echo"])).await;
    bank.clock.advance((24 * 7 - 1) * HOUR);
    let answer = reactivate(&bank, &host, &agent).await;
    assert_eq!(answer.body["status"], "active");
    bank.clock.advance(HOUR);
    let late = reactivate(&bank, &host, &agent).await;
    assert_eq!(late.refusal(), (403, "absolute_lifetime_exceeded"));
    let status = bank.status(&host, &agent).await;
    assert_eq!(status.body["status"], "revoked");
    assert!(status.grants().is_empty());
    assert_eq!(
        reactivate(&bank, &host, &agent).await.refusal(),
        (403, "agent_revoked")
    );
    assert_eq!(echo(&bank, &agent).await.refusal(), (403, "agent_revoked"));
}

// AA-5.6-02
#[tokio::test]
async fn nothing_happens_to_an_active_agent() {
    let bank = bank().await;
    let (host, agent) = bank.approved_agent(json!(["list_accounts"])).await;
    bank.clock.advance(HOUR / 3);
    let before = bank.status(&host, &agent).await.body;
    let answer = reactivate(&bank, &host, &agent).await;
    assert_eq!((answer.status, &answer.body), (200, &before));
    assert!(bank.records_of("agent.reactivated").await.is_empty());
    assert_eq!(
        bank.execute(&agent, "list_accounts", json!({}))
            .await
            .status,
        200
    );
}

// AA-5.6-03, AA-2.10-05, AA-2.3-04
#[tokio::test]
async fn only_an_expired_agent_comes_back() {
    let bank = bank().await;
    let host = TestHost::new();
    let claimed = bank.autonomous_agent_of(&host).await;
    let revoked = bank.approved_agent_of(&host, json!([])).await;
    bank.revoke(&host, &revoked).await;
    let (rejected, asked) = bank.register(&host, &wish(json!(["list_accounts"]))).await;
    bank.deny(&asked, ALICE, "no").await;
    let (pending, _) = bank.register(&host, &wish(json!(["list_accounts"]))).await;
    let agents = [
        (claimed, "claimed"),
        (revoked, "revoked"),
        (rejected, "rejected"),
        (pending, "pending"),
    ];
    for (agent, status) in agents {
        let answer = reactivate(&bank, &host, &agent).await;
        assert_eq!(answer.refusal(), (403, format!("agent_{status}").as_str()));
        assert_eq!(bank.status(&host, &agent).await.body["status"], status);
    }
}

// AA-5.6-01, AA-5.6-03, AA-5.13-13
#[tokio::test]
async fn the_agent_has_to_exist_and_be_the_hosts_own() {
    let bank = bank().await;
    let (host, mut agent) = bank.approved_agent(json!([])).await;
    let (other, _) = bank.approved_agent(json!([])).await;
    bank.clock.advance(HOUR);
    let answer = reactivate(&bank, &other, &agent).await;
    assert_eq!(answer.refusal(), (403, "unauthorized"));
    agent.id = "agt_1".to_owned();
    let answer = reactivate(&bank, &host, &agent).await;
    assert_eq!(answer.refusal(), (404, "agent_not_found"));
}

/// An expired delegated agent of a host that is not linked to anybody.
async fn unlinked(bank: &Bank) -> (TestHost, TestAgent) {
    let host = TestHost::new();
    let (agent, asked) = bank.register(&host, &wish(json!(["echo"]))).await;
    bank.administrator_approves(&asked).await;
    bank.clock.advance(HOUR);
    (host, agent)
}

// AA-5.6-06, AA-5.6-07, AA-5.6-08
#[tokio::test]
async fn without_a_person_behind_the_host_somebody_has_to_approve() {
    let bank = bank().await;
    let (host, agent) = unlinked(&bank).await;
    let answer = reactivate(&bank, &host, &agent).await;
    assert_eq!(answer.body["status"], "pending");
    assert_eq!(answer.grants(), [("echo", "pending")]);
    assert!(answer.body["approval"]["user_code"].is_string());
    assert!(answer.body.get("expires_at").is_none());
    assert_eq!(echo(&bank, &agent).await.refusal(), (403, "agent_pending"));
    bank.clock.advance(HOUR / 20);
    bank.approve_all(&answer, ALICE).await;
    assert_eq!(echo(&bank, &agent).await.status, 200);
    let status = bank.status(&host, &agent).await.body;
    assert_eq!(status["activated_at"], bank.now().to_string());
    assert_eq!(status["created_at"], hours_after_start(0));
}

/// Nobody answered, so it is as expired as it was, and may ask again.
// AA-2.5-01, AA-7.1-03
#[tokio::test]
async fn a_reactivation_that_nobody_answers_falls_back_to_expired() {
    let bank = bank().await;
    let (host, agent) = unlinked(&bank).await;
    let first = reactivate(&bank, &host, &agent).await;
    bank.clock.advance(Duration::from_secs(200));
    // The same key again renews the request, and the agent waits for that one.
    let body = wish(json!(["echo"]));
    let renewed = bank.register_again(&host, &agent, &body).await;
    assert_ne!(renewed.user_code(), first.user_code());
    let record = &bank.records_of("approval.renewed").await[0];
    assert_eq!(record["detail"]["replaced"].as_array().unwrap().len(), 1);
    bank.clock.advance(Duration::from_secs(299));
    assert_eq!(bank.status(&host, &agent).await.body["status"], "pending");
    bank.clock.advance(Duration::from_secs(1));
    assert_eq!(bank.status(&host, &agent).await.body["status"], "expired");
    assert_eq!(echo(&bank, &agent).await.refusal(), (403, "agent_expired"));
    let conflict = bank.register_again(&host, &agent, &body).await;
    assert_eq!(conflict.refusal(), (409, "agent_exists"));
    let again = reactivate(&bank, &host, &agent).await;
    assert_eq!(again.body["status"], "pending");
    assert_eq!(again.grants(), [("echo", "pending")]);
    bank.approve_all(&again, ALICE).await;
    assert_eq!(echo(&bank, &agent).await.status, 200);
}

// AA-7.1-04
#[tokio::test]
async fn a_reactivation_that_is_turned_down_ends_the_agent() {
    let bank = bank().await;
    let (host, agent) = unlinked(&bank).await;
    let answer = reactivate(&bank, &host, &agent).await;
    bank.deny(&answer, ALICE, "Enough").await;
    assert_eq!(bank.status(&host, &agent).await.body["status"], "rejected");
    assert_eq!(
        reactivate(&bank, &host, &agent).await.refusal(),
        (403, "agent_rejected")
    );
}

#[tokio::test]
async fn an_autonomous_agent_comes_back_as_policy_says() {
    let bank = bank().await;
    let host = TestHost::new();
    let agent = bank.autonomous_agent_of(&host).await;
    bank.clock.advance(HOUR);
    let answer = reactivate(&bank, &host, &agent).await;
    assert_eq!(answer.body["status"], "active");
    assert_eq!(answer.body["mode"], "autonomous");
    assert_eq!(echo(&bank, &agent).await.status, 200);
}

#[tokio::test]
async fn a_default_that_was_denied_does_not_come_back() {
    let bank = bank().await;
    let host = TestHost::new();
    let (agent, asked) = bank
        .register(&host, &wish(json!(["echo", "list_accounts"])))
        .await;
    bank.approve_some(&asked, ALICE, &["list_accounts"]).await;
    bank.clock.advance(HOUR);
    let answer = reactivate(&bank, &host, &agent).await;
    assert_eq!(answer.body["status"], "active");
    assert!(
        answer
            .grants()
            .iter()
            .all(|(_, status)| *status == "denied"),
        "{answer:?}"
    );
    assert_eq!(
        echo(&bank, &agent).await.refusal(),
        (403, "capability_not_granted")
    );
}

#[tokio::test]
async fn what_waited_for_approval_before_is_not_granted_after() {
    let config = "[approval]\nexpires_in = \"24h\"\n[lifetime]\nsession_ttl = \"30m\"";
    let bank = Bank::start_with(&extended(config)).await;
    let (host, agent) = bank.approved_agent(json!(["echo"])).await;
    let asked = bank.request(&agent, json!(["list_accounts"])).await;
    bank.clock.advance(HOUR);
    reactivate(&bank, &host, &agent).await;
    let alice = bank
        .person(ALICE, procura_people::presence::Method::Passkey)
        .await;
    assert!(bank.try_approve(&asked, &alice).await.is_err());
    assert_eq!(
        bank.status(&host, &agent).await.grants(),
        [("echo", "active")]
    );
}
