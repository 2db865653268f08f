//! What becomes of agents and hosts over time and by what people decide (§2.3, §2.4, §2.8–§2.11).

use std::time::Duration;

use procura_agent_auth::host::HostStatus;
use procura_keys::clock::Timestamp;
use procura_people::presence::Method;
use procura_service::admin::{AdminReply, AdminRequest};
use serde_json::{Value, json};

use crate::support::flows::{ALICE, wish};
use crate::support::http::Answer;
use crate::support::signers::{TestAgent, TestHost};
use crate::support::steady::START;
use crate::support::{Bank, extended};

const HOUR: Duration = Duration::from_hours(1);

/// The specification's own example (§2.4): half an hour idle, a day of use, a week in all.
async fn bank() -> Bank {
    let lifetime = r#"
        [lifetime]
        session_ttl = "30m"
        max_lifetime = "24h"
        absolute_lifetime = "7d"
    "#;
    Bank::start_with(&extended(lifetime)).await
}

async fn echo(bank: &Bank, agent: &TestAgent) -> Answer {
    bank.execute(agent, "echo", json!({})).await
}

/// Uses an agent often enough to keep its session alive.
async fn keep_busy(bank: &Bank, agent: &TestAgent, hours: u32) {
    for _ in 0..hours * 3 {
        bank.clock.advance(HOUR / 3);
        let answer = echo(bank, agent).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

async fn assert_status(bank: &Bank, host: &TestHost, agent: &TestAgent, expected: &str) {
    assert_eq!(bank.status(host, agent).await.body["status"], expected);
}

// AA-2.4-01, AA-5.5-04, AA-5.11-32, AA-5.13-07
#[tokio::test]
async fn an_agent_that_stays_idle_for_its_session_expires() {
    let bank = bank().await;
    let (host, agent) = bank.approved_agent(json!(["echo"])).await;
    bank.clock
        .advance(Duration::from_millis(30 * 60 * 1000 - 1));
    assert_status(&bank, &host, &agent, "active").await;
    bank.clock.advance(Duration::from_millis(1));
    assert_status(&bank, &host, &agent, "expired").await;
    // No call brings it back, and none of them counts as a use.
    for _ in 0..2 {
        assert_eq!(echo(&bank, &agent).await.refusal(), (403, "agent_expired"));
        let asked = bank.request(&agent, json!(["list_accounts"])).await;
        assert_eq!(asked.refusal(), (403, "agent_expired"));
    }
    let status = bank.status(&host, &agent).await;
    assert_eq!(status.body["status"], "expired");
    assert_eq!(status.body.get("expires_at"), None);
}

// AA-2.4-01, AA-2.4-02, AA-2.4-04
#[tokio::test]
async fn an_agent_that_stays_busy_expires_a_day_after_its_activation() {
    let bank = bank().await;
    let (host, agent) = bank.approved_agent(json!(["echo"])).await;
    keep_busy(&bank, &agent, 23).await;
    bank.clock.advance(HOUR / 3);
    assert_eq!(echo(&bank, &agent).await.status, 200);
    bank.clock.advance(HOUR / 3);
    assert_eq!(echo(&bank, &agent).await.status, 200);
    bank.clock.advance(HOUR / 3);
    assert_eq!(echo(&bank, &agent).await.refusal(), (403, "agent_expired"));
    assert_status(&bank, &host, &agent, "expired").await;
}

// AA-2.4-03, AA-2.4-04, AA-5.13-07, AA-2.3-04
#[tokio::test]
async fn a_week_after_its_registration_an_agent_is_revoked_for_good() {
    let bank = bank().await;
    let (host, agent) = bank.approved_agent(json!(["echo"])).await;
    bank.clock.advance((24 * 7 - 1) * HOUR);
    assert_status(&bank, &host, &agent, "expired").await;
    bank.clock.advance(HOUR);
    assert_status(&bank, &host, &agent, "revoked").await;
    let first = echo(&bank, &agent).await;
    assert_eq!(first.refusal(), (403, "absolute_lifetime_exceeded"));
    for _ in 0..2 {
        assert_eq!(echo(&bank, &agent).await.refusal(), (403, "agent_revoked"));
    }
    let status = bank.status(&host, &agent).await;
    assert_eq!(status.body["status"], "revoked");
    assert!(status.grants().is_empty());
}

#[tokio::test]
async fn an_agent_whose_lifetime_is_over_shows_no_grants_even_before_it_calls() {
    let bank = bank().await;
    let (host, agent) = bank.approved_agent(json!(["echo"])).await;
    bank.clock.advance(24 * 7 * HOUR);
    let status = bank.status(&host, &agent).await;
    assert_eq!(status.body["status"], "revoked");
    assert!(status.grants().is_empty(), "{status:?}");
}

// AA-2.4-03, AA-2.4-04
#[tokio::test]
async fn a_registration_nobody_answers_ends_with_the_absolute_lifetime_too() {
    let bank = bank().await;
    let host = TestHost::new();
    let (agent, _) = bank.register(&host, &wish(json!(["echo"]))).await;
    bank.clock.advance((24 * 7 - 1) * HOUR);
    assert_eq!(echo(&bank, &agent).await.refusal(), (403, "agent_pending"));
    bank.clock.advance(HOUR);
    assert_status(&bank, &host, &agent, "revoked").await;
    let again = bank
        .register_again(&host, &agent, &wish(json!(["echo"])))
        .await;
    assert_eq!(again.refusal(), (409, "agent_exists"));
}

// AA-2.4-06
#[tokio::test]
async fn expires_at_is_the_first_of_the_three_deadlines() {
    let config =
        "[lifetime]\nsession_ttl = \"30m\"\nmax_lifetime = \"50m\"\nabsolute_lifetime = \"70m\"";
    let bank = Bank::start_with(&extended(config)).await;
    let host = TestHost::new();
    let (agent, asked) = bank.register(&host, &wish(json!(["echo"]))).await;
    let expires_at = |minute: u64| {
        let start = Timestamp::from_millis(START);
        Value::from(start.plus(Duration::from_mins(minute)).to_string())
    };
    bank.approve_all(&asked, ALICE).await;
    assert_eq!(
        bank.status(&host, &agent).await.body["expires_at"],
        expires_at(30)
    );
    bank.clock.advance(Duration::from_mins(25));
    echo(&bank, &agent).await;
    assert_eq!(
        bank.status(&host, &agent).await.body["expires_at"],
        expires_at(50)
    );
    // Another one, approved so late that its absolute lifetime comes first.
    let (late, _) = bank.register(&host, &wish(json!(["list_accounts"]))).await;
    bank.clock.advance(Duration::from_mins(50));
    let again = bank.register_again(&host, &late, &wish(json!([]))).await;
    bank.approve_all(&again, ALICE).await;
    let status = bank.status(&host, &late).await;
    assert_eq!(status.body["expires_at"], expires_at(25 + 70));
}

#[tokio::test]
async fn with_its_clocks_switched_off_an_agent_lives_on() {
    let off =
        "[lifetime]\nsession_ttl = \"off\"\nmax_lifetime = \"off\"\nabsolute_lifetime = \"off\"";
    let bank = Bank::start_with(&extended(off)).await;
    let (host, agent) = bank.approved_agent(json!(["echo"])).await;
    bank.clock.advance(24 * 10_000 * HOUR);
    assert_eq!(echo(&bank, &agent).await.status, 200);
    // AA-3.2-08
    assert_eq!(
        bank.status(&host, &agent).await.body.get("expires_at"),
        None
    );
}

// AA-2.3-03, AA-2.3-02, AA-4.5-07
#[tokio::test]
async fn a_pending_agent_can_do_nothing_but_wait() {
    let bank = bank().await;
    let host = TestHost::new();
    let (agent, asked) = bank.register(&host, &wish(json!(["echo"]))).await;
    let refused = (403, "agent_pending");
    assert_eq!(echo(&bank, &agent).await.refusal(), refused);
    assert_eq!(
        bank.request(&agent, json!(["echo"])).await.refusal(),
        refused
    );
    let token = agent.token(&bank, &bank.issuer);
    assert_eq!(
        bank.get("/capability/list", Some(&token)).await.refusal(),
        refused
    );
    bank.approve_all(&asked, ALICE).await;
    assert_eq!(echo(&bank, &agent).await.status, 200);
}

// AA-2.3-05, AA-7.1-04
#[tokio::test]
async fn a_rejected_agent_stays_rejected() {
    let bank = bank().await;
    let host = TestHost::new();
    let (agent, asked) = bank.register(&host, &wish(json!(["echo"]))).await;
    bank.deny(&asked, ALICE, "I did not start this").await;
    let status = bank.status(&host, &agent).await;
    assert_eq!(status.body["status"], "rejected");
    let denied =
        json!({ "capability": "echo", "status": "denied", "reason": "I did not start this" });
    assert_eq!(status.body["agent_capability_grants"], json!([denied]));
    assert_eq!(echo(&bank, &agent).await.refusal(), (403, "agent_rejected"));
    bank.clock.advance(24 * 30 * HOUR);
    assert_status(&bank, &host, &agent, "rejected").await;
}

// AA-2.10-01, AA-2.10-02, AA-2.10-03, AA-2.3-01
#[tokio::test]
async fn linking_a_host_claims_its_autonomous_agents_and_takes_back_their_grants() {
    let bank = bank().await;
    let host = TestHost::new();
    let idle = bank.autonomous_agent_of(&host).await;
    bank.clock.advance(HOUR);
    let busy = bank.autonomous_agent_of(&host).await;
    assert_status(&bank, &host, &idle, "expired").await;
    let escalated = bank.request(&busy, json!(["list_accounts"])).await;
    assert_eq!(echo(&bank, &busy).await.status, 200);

    let helper = bank.approved_agent_of(&host, json!(["echo"])).await;
    let alice = bank.status(&host, &helper).await.body["user_id"].clone();
    for agent in [&idle, &busy] {
        let status = bank.status(&host, agent).await;
        assert_eq!(status.body["status"], "claimed");
        assert_eq!(status.body["user_id"], alice);
        assert!(status.grants().is_empty());
        assert_eq!(echo(&bank, agent).await.refusal(), (403, "agent_claimed"));
        let asked = bank.request(agent, json!(["echo"])).await;
        assert_eq!(asked.refusal(), (403, "agent_claimed"));
    }
    assert_eq!(echo(&bank, &helper).await.status, 200);
    // What a claimed agent had asked for cannot be granted any more.
    let root = AdminRequest::Approve {
        reference: escalated.user_code(),
        user: None,
    };
    let late = bank.try_administer(root).await;
    assert!(matches!(late, AdminReply::Refused(_)), "{late:?}");
}

// AA-2.10-06
#[tokio::test]
async fn after_claiming_work_goes_on_with_a_new_delegated_agent_only() {
    let bank = bank().await;
    let host = TestHost::new();
    let claimed = bank.autonomous_agent_of(&host).await;
    bank.approved_agent_of(&host, json!([])).await;
    let again = bank
        .register_again(&host, &claimed, &wish(json!(["echo"])))
        .await;
    assert_eq!(again.refusal(), (409, "agent_exists"));
    let helper = bank.approved_agent_of(&host, json!(["echo"])).await;
    assert_eq!(echo(&bank, &helper).await.status, 200);
}

// AA-2.10-01
#[tokio::test]
async fn a_host_linked_by_an_administrator_claims_its_autonomous_agents_too() {
    let bank = bank().await;
    let host = TestHost::new();
    let worker = bank.autonomous_agent_of(&host).await;
    bank.person(ALICE, Method::Password).await;
    let (_, asked) = bank.register(&host, &wish(json!(["list_accounts"]))).await;
    let (reference, user) = (asked.user_code(), Some(ALICE.to_owned()));
    bank.administer(AdminRequest::Approve { reference, user })
        .await;
    assert_status(&bank, &host, &worker, "claimed").await;
}

// AA-2.11-03, AA-4.5.1-07, AA-5.13-08
#[tokio::test]
async fn an_ended_host_and_its_agents_are_refused_everywhere() {
    for (end, code) in [
        (HostStatus::Revoked, "host_revoked"),
        (HostStatus::Rejected, "host_rejected"),
    ] {
        let bank = bank().await;
        let host = TestHost::new();
        let (pending, _) = bank.register(&host, &wish(json!(["echo"]))).await;
        bank.set_host(&host, end).await;
        let (_, refused) = bank.register(&host, &wish(json!(["echo"]))).await;
        assert_eq!(refused.refusal(), (403, code));
        assert_eq!(bank.status(&host, &pending).await.refusal(), (403, code));
        assert_eq!(bank.revoke(&host, &pending).await.refusal(), (403, code));
        let listed = bank.get("/capability/list", Some(&host.token(&bank))).await;
        assert_eq!(listed.refusal(), (403, code));
        assert_eq!(echo(&bank, &pending).await.refusal(), (403, code));
    }
}

// AA-2.11-01, AA-2.8-01, AA-3.1-01
#[tokio::test]
async fn a_host_is_pending_until_one_of_its_agents_is_approved() {
    let bank = bank().await;
    let host = TestHost::new();
    let state = async || {
        let thumbprint = host.thumbprint().try_into().unwrap();
        let mut tx = bank.store.read().await.unwrap();
        tx.find_host_by_thumbprint(&thumbprint)
            .await
            .unwrap()
            .unwrap()
    };
    let (_, first) = bank.register(&host, &wish(json!([]))).await;
    assert_eq!(
        (state().await.status, state().await.user_id),
        (HostStatus::Pending, None)
    );
    bank.deny(&first, ALICE, "no").await;
    assert_eq!(state().await.status, HostStatus::Pending);
    let (_, second) = bank.register(&host, &wish(json!([]))).await;
    bank.approve_all(&second, ALICE).await;
    // AA-3.1-04, AA-3.1-05, AA-2.8-03
    let linked = state().await;
    assert_eq!(linked.status, HostStatus::Active);
    assert!(linked.user_id.is_some());
    assert_eq!(linked.default_capabilities, ["echo".parse().unwrap()]);
    assert_eq!(linked.activated_at, Some(bank.now()));
}
