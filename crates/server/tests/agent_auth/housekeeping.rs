//! Removing what nobody waits for any more.

use std::time::Duration;

use procura_service::admin::AdminRequest;
use serde_json::{Value, json};

use crate::support::Bank;
use crate::support::flows::{ALICE, wish};
use crate::support::signers::TestHost;

const DAY: Duration = Duration::from_hours(24);

// AA-7.1-06, AA-10.9-01
#[tokio::test]
async fn a_registration_that_nobody_approved_is_deleted_and_may_come_again() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let (agent, first) = bank.register(&host, &wish(json!(["echo"]))).await;
    bank.clock.advance(7 * DAY);
    assert_eq!(bank.keep_house().await.agents, 0, "not a moment too early");
    bank.clock.advance(Duration::from_secs(1));
    let removed = bank.keep_house().await;
    assert_eq!((removed.agents, removed.hosts), (1, 1));
    let gone = bank.status(&host, &agent).await;
    assert_eq!(gone.refusal(), (401, "invalid_jwt"));
    let agent_id = agent.id.clone();
    let shown = bank.try_administer(AdminRequest::ShowAgent { agent_id });
    let shown = format!("{:?}", shown.await);
    assert!(shown.contains("no agent has the identifier"), "{shown}");

    let again = bank
        .register_again(&host, &agent, &wish(json!(["echo"])))
        .await;
    assert_eq!(again.status, 200);
    assert_ne!(again.body["agent_id"], first.body["agent_id"]);
}

// AA-7.1-06
#[tokio::test]
async fn a_known_host_learns_that_its_pending_agent_is_gone() {
    let bank = Bank::start().await;
    let (host, active) = bank.approved_agent(json!(["echo"])).await;
    let (pending, _) = bank
        .register(&host, &wish(json!(["transfer_domestic"])))
        .await;
    bank.clock.advance(8 * DAY);
    let removed = bank.keep_house().await;
    assert_eq!((removed.agents, removed.hosts), (1, 0));
    let gone = bank.status(&host, &pending).await;
    assert_eq!(gone.refusal(), (404, "agent_not_found"));
    assert_eq!(bank.status(&host, &active).await.body["status"], "expired");
}

#[tokio::test]
async fn asking_again_keeps_a_registration() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let (agent, _) = bank.register(&host, &wish(json!(["echo"]))).await;
    bank.clock.advance(8 * DAY);
    let asked = bank
        .register_again(&host, &agent, &wish(json!(["echo"])))
        .await;
    let removed = bank.keep_house().await;
    assert_eq!((removed.agents, removed.hosts), (0, 0));
    bank.approve_all(&asked, ALICE).await;
    bank.clock.advance(Duration::from_mins(10));
    bank.keep_house().await;
    assert_eq!(bank.status(&host, &agent).await.body["status"], "active");
}

// AA-10.9-01
#[tokio::test]
async fn a_run_is_recorded_and_counted_when_it_removed_something() {
    let bank = Bank::start().await;
    bank.register(&TestHost::new(), &wish(json!(["echo"])))
        .await;
    bank.keep_house().await;
    assert_eq!(bank.records_of("housekeeping.ran").await, [Value::Null; 0]);
    bank.clock.advance(8 * DAY);
    let removed = bank.administer(AdminRequest::RunHousekeeping).await;
    assert_eq!(
        (&removed["agents"], &removed["hosts"]),
        (&json!(1), &json!(1))
    );
    let ran = bank.records_of("housekeeping.ran").await;
    assert_eq!(ran.len(), 1);
    assert_eq!(ran[0]["detail"], removed);
    let actor = ran[0]["actor"].as_str().unwrap();
    assert!(actor.starts_with("administrator:"), "{actor}");
    let metrics = bank.get("/metrics", None).await.text;
    for line in [
        r#"procura_housekeeping_removed_total{what="agents"} 1"#,
        r#"procura_housekeeping_removed_total{what="sessions"} 0"#,
    ] {
        assert!(metrics.contains(line), "{metrics}");
    }
}

#[tokio::test]
async fn what_is_kept_for_good_stays() {
    let off = "[housekeeping]\npending = \"off\"\nrequests = \"off\"\nended_grants = \"off\"\n";
    let bank = Bank::start_with(&crate::support::extended(off)).await;
    let host = TestHost::new();
    let (agent, _) = bank.register(&host, &wish(json!(["echo"]))).await;
    bank.clock.advance(20 * DAY);
    let removed = bank.keep_house().await;
    assert_eq!((removed.agents, removed.hosts, removed.requests), (0, 0, 0));
    let again = bank
        .register_again(&host, &agent, &wish(json!(["echo"])))
        .await;
    assert_eq!(again.body["agent_id"], agent.id);
}

#[tokio::test]
async fn a_denial_is_forgotten_when_its_agent_can_no_longer_return() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!(["echo"])).await;
    let asked = bank.request(&agent, json!(["transfer_domestic"])).await;
    bank.deny(&asked, ALICE, "no").await;
    bank.clock.advance(29 * DAY);
    assert_eq!(bank.keep_house().await.grants, 0);
    bank.revoke(&host, &agent).await;
    bank.clock.advance(91 * DAY);
    assert_eq!(bank.keep_house().await.grants, 2);
    let agent_id = agent.id.clone();
    let shown = bank.administer(AdminRequest::ShowAgent { agent_id }).await;
    assert_eq!(shown["status"], "revoked", "what has ended stays ended");
}

#[tokio::test]
async fn a_reactivation_that_nobody_approved_may_be_asked_for_again() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!(["echo"])).await;
    bank.clock.advance(2 * DAY);
    let host_id = bank.records_of("host.registered").await[0]["host_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut tx = bank.store.begin().await.unwrap();
    let id = host_id.parse().unwrap();
    let owner = tx.load_host(&id).await.unwrap().user_id.unwrap();
    tx.unlink_host(&id, &owner, bank.now()).await.unwrap();
    tx.commit().await.unwrap();
    let body = json!({ "agent_id": agent.id });
    let token = host.token(&bank);
    let asked = bank.post("/agent/reactivate", Some(&token), &body).await;
    assert_eq!(asked.body["status"], "pending");
    bank.clock.advance(8 * DAY);
    assert_eq!(bank.keep_house().await.expired, 1);
    let token = host.token(&bank);
    let again = bank.post("/agent/reactivate", Some(&token), &body).await;
    assert_eq!(again.body["status"], "pending", "{again:?}");
}
