//! What the operator does beside the protocol, and what agents and hosts notice of it.

use procura_service::admin::{AdminReply, AdminRequest, Listing};
use serde_json::{Value, json};

use crate::support::Bank;
use crate::support::flows::{ALICE, BOB, wish};
use crate::support::signers::{TestAgent, TestHost};

async fn host_id(bank: &Bank, host: &TestHost, agent: &TestAgent) -> String {
    let status = bank.status(host, agent).await;
    status.body["host_id"].as_str().unwrap().to_owned()
}

async fn runs(bank: &Bank, agent: &TestAgent) -> (u16, String) {
    let answer = bank.execute(agent, "list_accounts", json!({})).await;
    let (status, code) = answer.refusal();
    (status, code.to_owned())
}

fn revoked() -> (u16, String) {
    (403, "agent_revoked".to_owned())
}

// AA-2.6-02
#[tokio::test]
async fn an_administrator_stops_one_agent_and_its_sibling_goes_on() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!(["list_accounts"])).await;
    let sibling = bank
        .approved_agent_of(&host, json!(["list_accounts"]))
        .await;
    // Each agent has called before, so that what the server remembers of it has to go.
    assert_eq!(runs(&bank, &agent).await.0, 200);
    let agent_id = agent.id.clone();
    let shown = bank
        .administer(AdminRequest::RevokeAgent { agent_id })
        .await;
    assert_eq!(shown["status"], "revoked");
    assert_eq!(runs(&bank, &agent).await, revoked());
    assert_eq!(runs(&bank, &sibling).await.0, 200);
}

// AA-8.8.1-01, AA-8.5-01, AA-2.11-04
#[tokio::test]
async fn a_compromised_host_is_stopped_out_of_band_with_all_its_agents() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!(["list_accounts"])).await;
    let sibling = bank
        .approved_agent_of(&host, json!(["list_accounts"]))
        .await;
    for agent in [&agent, &sibling] {
        assert_eq!(runs(&bank, agent).await.0, 200);
    }
    let host_id = host_id(&bank, &host, &agent).await;
    let done = bank.administer(AdminRequest::RevokeHost { host_id }).await;
    assert_eq!(done["agents_revoked"], 2);
    for agent in [&agent, &sibling] {
        assert_eq!(runs(&bank, agent).await.0, 403);
    }
    assert_eq!(
        bank.status(&host, &agent).await.refusal(),
        (403, "host_revoked")
    );
    let (_, again) = bank.register(&host, &wish(json!([]))).await;
    assert_eq!(again.refusal(), (403, "host_revoked"));
}

// AA-2.6-03
#[tokio::test]
async fn removing_a_person_stops_everything_that_acts_for_them_and_nothing_else() {
    let bank = Bank::start().await;
    let (hosts_of_alice, of_alice) = bank.approved_agent(json!(["list_accounts"])).await;
    let host = TestHost::new();
    let (of_bob, asked) = bank.register(&host, &wish(json!(["list_accounts"]))).await;
    bank.approve_all(&asked, BOB).await;
    for agent in [&of_alice, &of_bob] {
        assert_eq!(runs(&bank, agent).await.0, 200);
    }
    let email = ALICE.to_owned();
    bank.administer(AdminRequest::RemovePerson { email }).await;
    assert_eq!(runs(&bank, &of_alice).await.0, 403);
    assert_eq!(runs(&bank, &of_bob).await.0, 200);
    // The host ends as well, so that it makes no further agents.
    let statuses = [(&hosts_of_alice, "host_revoked"), (&host, "-")];
    for (host, expected) in statuses {
        let (_, answer) = bank.register(host, &wish(json!([]))).await;
        assert_eq!(answer.refusal().1, expected, "{answer:?}");
    }
    let people = bank
        .administer(AdminRequest::ListPeople(Listing::default()))
        .await;
    let emails: Vec<_> = people
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["email"])
        .collect();
    assert!(!emails.contains(&&json!(ALICE)), "{people}");
    // The log outlives the account.
    assert!(!bank.records_of("approval.granted").await.is_empty());
}

// AA-2.9-05, AA-2.9-08, AA-2.9-07
#[tokio::test]
async fn switching_accounts_is_unlinking_and_linking_with_new_agents() {
    let bank = Bank::start().await;
    let (host, of_alice) = bank.approved_agent(json!(["list_accounts"])).await;
    assert_eq!(runs(&bank, &of_alice).await.0, 200);
    let host_id = host_id(&bank, &host, &of_alice).await;
    bank.person(BOB, procura_people::presence::Method::Password)
        .await;

    let link = AdminRequest::LinkHost {
        host_id: host_id.clone(),
        user: BOB.to_owned(),
    };
    let AdminReply::Refused(why) = bank.try_administer(link.clone()).await else {
        panic!()
    };
    assert!(why.contains("Unlink it first"), "{why}");

    let unlinked = bank
        .administer(AdminRequest::UnlinkHost {
            host_id: host_id.clone(),
        })
        .await;
    assert_eq!(
        (&unlinked["status"], &unlinked["user_id"]),
        (&json!("active"), &Value::Null)
    );
    assert_eq!(runs(&bank, &of_alice).await, revoked());

    let linked = bank.administer(link).await;
    assert_eq!(linked["host_id"], host_id);
    let (of_bob, asked) = bank.register(&host, &wish(json!(["list_accounts"]))).await;
    bank.approve_all(&asked, BOB).await;
    let status = bank.status(&host, &of_bob).await;
    assert_eq!(status.body["host_id"], host_id);
    assert_eq!(status.body["user_id"], linked["user_id"]);
    assert_eq!(runs(&bank, &of_alice).await, revoked());
}

// AA-2.10-01, AA-2.10-02
#[tokio::test]
async fn linking_by_the_operator_claims_autonomous_agents() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let agent = bank.autonomous_agent_of(&host).await;
    bank.person(ALICE, procura_people::presence::Method::Password)
        .await;
    let before = bank.execute(&agent, "echo", json!({})).await;
    assert_eq!(before.status, 200);
    let host_id = host_id(&bank, &host, &agent).await;
    let user = ALICE.to_owned();
    bank.administer(AdminRequest::LinkHost { host_id, user })
        .await;
    let refused = bank.execute(&agent, "echo", json!({})).await;
    assert_eq!(refused.refusal(), (403, "agent_claimed"));
}

#[tokio::test]
async fn one_grant_is_taken_back_and_a_default_does_not_return_by_itself() {
    let bank = Bank::start().await;
    let (host, _) = bank.approved_agent(json!([])).await;
    let agent = bank
        .approved_agent_of(&host, json!(["echo", "list_accounts"]))
        .await;
    let before = bank.execute(&agent, "echo", json!({})).await;
    assert_eq!(before.status, 200);
    let grants = bank
        .administer(AdminRequest::ListGrants {
            agent_id: agent.id.clone(),
        })
        .await;
    let grants = grants.as_array().unwrap();
    let echo = grants
        .iter()
        .find(|grant| grant["capability"] == "echo")
        .unwrap();
    let grant_id = echo["grant_id"].as_str().unwrap().to_owned();
    let taken = bank
        .administer(AdminRequest::RevokeGrant { grant_id })
        .await;
    assert_eq!(taken["status"], "withdrawn");
    let refused = bank.execute(&agent, "echo", json!({})).await;
    assert_eq!(refused.refusal(), (403, "capability_not_granted"));
    assert_eq!(runs(&bank, &agent).await.0, 200);
    // Grants that were taken back are not shown, and asking again takes a person.
    assert_eq!(
        bank.status(&host, &agent).await.grants(),
        [("list_accounts", "active")]
    );
    let asked = bank.request(&agent, json!(["echo"])).await;
    assert_eq!(asked.grants(), [("echo", "pending")]);
}

// AA-11-01
#[tokio::test]
async fn each_call_can_be_traced_from_person_to_time() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!(["list_accounts"])).await;
    runs(&bank, &agent).await;
    let record = &bank.records_of("capability.started").await[0];
    let status = bank.status(&host, &agent).await;
    assert_eq!(record["agent_id"], agent.id);
    assert_eq!(record["host_id"], status.body["host_id"]);
    assert_eq!(record["user_id"], status.body["user_id"]);
    assert_eq!(record["capability"], "list_accounts");
    assert_eq!(record["at"], bank.now().as_millis());
    assert!(record["jti"].as_str().is_some_and(|jti| !jti.is_empty()));
    assert!(record["detail"]["grant_id"].is_string());
}
