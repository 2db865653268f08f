//! What people see of what was done for them, and that it goes when they want it to.

use std::time::Duration;

use procura_people::person::PersonId;
use procura_people::presence::Method;
use procura_service::activity::{self, ActivityEntry};
use procura_service::admin::{AdminReply, AdminRequest, Listing};
use serde_json::{Value, json};

use crate::support::flows::{ALICE, BOB};
use crate::support::signers::TestHost;
use crate::support::{Bank, changed};

const DAY: Duration = Duration::from_hours(24);

async fn id_of(bank: &Bank, email: &str) -> PersonId {
    bank.person(email, Method::Password).await.person.id
}

async fn activity_of(bank: &Bank, person: &PersonId) -> Vec<ActivityEntry> {
    let listed = activity::list_activity(&bank.ctx, person, None, 100).await;
    listed.unwrap()
}

async fn events_of(bank: &Bank, person: &PersonId) -> Vec<String> {
    let entries = activity_of(bank, person).await;
    entries.into_iter().map(|entry| entry.event).collect()
}

async fn verified(bank: &Bank) -> Value {
    let verified = bank.administer(AdminRequest::AuditVerify).await;
    assert_eq!(verified["broken"], Value::Null);
    verified
}

// AA-9.2-02, AA-9.2-03, AA-11-02
#[tokio::test]
async fn people_see_what_their_own_agents_did_newest_first() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!(["echo"])).await;
    bank.execute(&agent, "echo", json!({ "n": 1 })).await;
    bank.execute(&agent, "transfer_domestic", json!({ "amount": 9 }))
        .await;
    let alice = id_of(&bank, ALICE).await;
    let entries = activity_of(&bank, &alice).await;
    let latest = &entries[0];
    assert_eq!(latest.event, "capability.refused");
    assert_eq!(latest.outcome, "capability_not_granted");
    assert_eq!(latest.capability.as_deref(), Some("transfer_domestic"));
    assert_eq!(latest.detail["arguments"], json!({ "amount": 9 }));
    assert_eq!(latest.agent.as_ref().unwrap().id.as_str(), agent.id);
    assert!(latest.agent.as_ref().unwrap().name.is_some());
    assert_eq!(latest.at, bank.now());
    assert!(latest.host.is_some());
    let places: Vec<_> = entries.iter().map(|entry| entry.sequence).collect();
    assert!(places.is_sorted_by(|newer, older| newer > older));

    let page = activity::list_activity(&bank.ctx, &alice, None, 2).await;
    let next = page.unwrap()[1].sequence;
    let older = activity::list_activity(&bank.ctx, &alice, Some(next), 2).await;
    assert_eq!(older.unwrap(), entries[2..4]);

    let bob = id_of(&bank, BOB).await;
    bank.revoke(&host, &agent).await;
    assert_eq!(events_of(&bank, &bob).await, ["person.added"]);
}

// AA-9.2-02
#[tokio::test]
async fn what_an_agent_did_before_it_was_claimed_is_its_persons() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let agent = bank.autonomous_agent_of(&host).await;
    bank.execute(&agent, "echo", json!({})).await;
    let alice = id_of(&bank, ALICE).await;
    assert_eq!(events_of(&bank, &alice).await, ["person.added"]);
    let host_id = bank.records_of("host.registered").await[0]["host_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let user = ALICE.to_owned();
    bank.administer(AdminRequest::LinkHost { host_id, user })
        .await;
    let expected = [
        "host.linked",
        "person.added",
        "capability.finished",
        "capability.started",
        "agent.registered",
        "host.registered",
    ];
    assert_eq!(events_of(&bank, &alice).await, expected);
}

// AA-9.2-02
#[tokio::test]
async fn people_take_their_activity_with_them_and_the_records_prove_themselves() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!(["echo"])).await;
    bank.execute(&agent, "echo", json!({})).await;
    id_of(&bank, BOB).await;
    let person = ALICE.to_owned();
    let export = AdminRequest::ExportActivity { person, after: 0 };
    let exported = bank.administer(export).await;
    let exported = exported.as_array().unwrap();
    let all = bank.records().await;
    assert!(exported.len() > 3 && exported.len() < all.len());
    assert!(exported.iter().all(|record| all.contains(record)));
    let last = exported.last().unwrap()["sequence"].as_i64().unwrap();
    let alice = id_of(&bank, ALICE).await;
    let more = activity::export_activity(&bank.ctx, &alice, last).await;
    assert_eq!(more.unwrap(), [Value::Null; 0]);
}

// AA-9.2-02, AA-9.4-01, AA-9.5-01
#[tokio::test]
async fn erased_activity_is_gone_and_the_log_still_verifies() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!(["echo"])).await;
    bank.execute(&agent, "echo", json!({})).await;
    let before = verified(&bank).await;
    let alice = id_of(&bank, ALICE).await;
    let count = activity_of(&bank, &alice).await.len();
    let erased = activity::delete_activity(&bank.ctx, "person", &alice).await;
    assert_eq!(erased.unwrap(), count as u64);
    assert_eq!(activity_of(&bank, &alice).await, []);

    let log = bank.records().await;
    let text = Value::from(log.clone()).to_string();
    for trace in [&alice.0, &agent.id] {
        assert!(!text.contains(trace.as_str()), "{trace}");
    }
    let after = verified(&bank).await;
    assert_eq!(after["erased"], count);
    assert_eq!(after["erasures"][0]["count"], count);
    assert_eq!(after["erasures"][0]["why"], "person");
    assert_eq!(after["records"], before["records"].as_i64().unwrap() + 1);
    let head = log.iter().find(|record| record["hash"] == before["head"]);
    assert!(head.is_some(), "a head noted before is still in the log");

    bank.execute(&agent, "echo", json!({})).await;
    assert!(!activity_of(&bank, &alice).await.is_empty(), "life goes on");
}

// AA-2.6-03, AA-2.6-04
#[tokio::test]
async fn activity_requests_and_grants_go_with_an_account_if_so_configured() {
    for (kept, config) in [
        (
            false,
            changed("[audit]", "[audit]\nremoved_people = \"erase\""),
        ),
        (
            true,
            changed("[audit]", "[audit]\nremoved_people = \"keep\""),
        ),
    ] {
        let bank = Bank::start_with(&config).await;
        let (_, agent) = bank.approved_agent(json!(["echo"])).await;
        bank.request(&agent, json!(["transfer_domestic"])).await;
        let alice = id_of(&bank, ALICE).await;
        let email = ALICE.to_owned();
        bank.administer(AdminRequest::RemovePerson { email }).await;
        let entries = activity_of(&bank, &alice).await;
        assert_eq!(!entries.is_empty(), kept);
        let agent_id = agent.id.clone();
        let shown = bank.administer(AdminRequest::ShowAgent { agent_id }).await;
        assert_eq!(shown["status"], "revoked");
        assert_eq!(shown["grants"], json!([]));
        let waiting = AdminRequest::ListApprovals(Listing::default());
        assert_eq!(bank.administer(waiting).await, json!([]));
        verified(&bank).await;
    }
}

/// By identifier, since nobody has the address any more.
#[tokio::test]
async fn kept_activity_of_somebody_who_is_gone_can_be_erased_later() {
    let config = changed("[audit]", "[audit]\nremoved_people = \"keep\"");
    let bank = Bank::start_with(&config).await;
    bank.approved_agent(json!(["echo"])).await;
    let alice = id_of(&bank, ALICE).await;
    let email = ALICE.to_owned();
    bank.administer(AdminRequest::RemovePerson { email }).await;
    let person = ALICE.to_owned();
    let refused = bank.try_administer(AdminRequest::EraseActivity { person });
    assert!(matches!(refused.await, AdminReply::Refused(_)));
    let person = alice.0.clone();
    let erased = bank.administer(AdminRequest::EraseActivity { person });
    assert!(erased.await["erased"].as_u64().unwrap() > 0);
    assert_eq!(activity_of(&bank, &alice).await, []);
    let by = &bank.records_of("activity.erased").await[0]["actor"];
    assert!(by.as_str().unwrap().starts_with("administrator:"));
}

/// As when the server is killed between the two.
#[tokio::test]
async fn an_erasure_that_was_cut_short_is_finished_later() {
    let bank = Bank::start().await;
    bank.approved_agent(json!(["echo"])).await;
    let alice = id_of(&bank, ALICE).await;
    let mut tx = bank.store.begin().await.unwrap();
    let user = procura_agent_auth::id::UserId(alice.0.clone());
    tx.insert_due_erasure(&user).await.unwrap();
    tx.commit().await.unwrap();
    assert!(bank.keep_house().await.activity > 0);
    assert_eq!(activity_of(&bank, &alice).await, []);
    assert_eq!(bank.keep_house().await.activity, 0);
}

// AA-9.2-01
#[tokio::test]
async fn activity_and_records_are_kept_for_as_long_as_configured() {
    let keep = "[audit]\nkeep_activity = \"10d\"\nkeep_records = \"20d\"";
    let bank = Bank::start_with(&changed("[audit]", keep)).await;
    bank.approved_agent(json!(["echo"])).await;
    let alice = id_of(&bank, ALICE).await;
    let count = bank.records().await.len() as u64;
    bank.clock.advance(10 * DAY);
    assert_eq!(
        bank.keep_house().await.activity,
        0,
        "not a moment too early"
    );
    bank.clock.advance(Duration::from_secs(1));
    assert_eq!(bank.keep_house().await.activity, count);
    assert_eq!(activity_of(&bank, &alice).await, []);
    let log = verified(&bank).await;
    assert_eq!((&log["first"], &log["erased"]), (&json!(1), &json!(count)));
    assert_eq!(log["erasures"][0]["why"], "age");

    bank.clock.advance(10 * DAY);
    assert_eq!(bank.keep_house().await.records, count);
    let log = verified(&bank).await;
    assert_eq!(log["first"], count + 1);
    assert_eq!(log["cut_at"], json!(bank.now()));
    bank.approved_agent(json!(["echo"])).await;
    verified(&bank).await;
}
