//! What ends together with something else, and what had ended before (§2.4, §2.6, §2.10, §2.11).

use std::time::Duration;

use procura_people::consent::{Chosen, ConsentAnswer};
use procura_people::presence::Method;
use procura_service::admin::{AdminReply, AdminRequest};
use procura_service::agent_auth::consent::ConsentError;
use serde_json::{Value, json};

use crate::support::flows::{ALICE, wish};
use crate::support::signers::{TestAgent, TestHost};
use crate::support::{Bank, changed, extended};

const WEEK: Duration = Duration::from_hours(24 * 7);

async fn bank() -> Bank {
    Bank::start_with(&extended("[lifetime]\nabsolute_lifetime = \"7d\"")).await
}

async fn status(bank: &Bank, host: &TestHost, agent: &TestAgent) -> Value {
    bank.status(host, agent).await.body["status"].clone()
}

async fn host_id(bank: &Bank, host: &TestHost, agent: &TestAgent) -> String {
    let status = bank.status(host, agent).await;
    status.body["host_id"].as_str().unwrap().to_owned()
}

/// Revoked is final (§2.3), also when nobody has written it down yet.
// AA-2.4-03, AA-2.10-01
#[tokio::test]
async fn a_link_claims_nothing_whose_absolute_lifetime_is_over() {
    let bank = bank().await;
    let host = TestHost::new();
    let old = bank.autonomous_agent_of(&host).await;
    bank.clock.advance(WEEK);
    let young = bank.autonomous_agent_of(&host).await;
    bank.person(ALICE, Method::Password).await;
    let (host_id, user) = (host_id(&bank, &host, &old).await, ALICE.to_owned());
    assert_eq!(status(&bank, &host, &old).await, "revoked");
    bank.administer(AdminRequest::LinkHost { host_id, user })
        .await;
    assert_eq!(status(&bank, &host, &old).await, "revoked");
    assert_eq!(status(&bank, &host, &young).await, "claimed");
    let ended = bank.records_of("host.lifetimes_ended").await;
    assert_eq!(ended[0]["detail"]["agents"], json!([old.id]));
    assert_eq!(ended.len(), 1);
}

// AA-5.10-02
#[tokio::test]
async fn agents_whose_lifetime_was_over_do_not_count_as_revoked_with_their_host() {
    let bank = bank().await;
    let host = TestHost::new();
    bank.autonomous_agent_of(&host).await;
    bank.clock.advance(WEEK);
    bank.autonomous_agent_of(&host).await;
    let token = host.token(&bank);
    let answer = bank.post("/host/revoke", Some(&token), &json!({})).await;
    assert_eq!(answer.body["agents_revoked"], 1);
}

/// It has acted, and would come back otherwise.
// AA-2.10-01, AA-2.10-02
#[tokio::test]
async fn an_agent_that_waits_to_be_reactivated_is_claimed_too() {
    let pending = changed(
        "unknown_hosts = \"activate\"",
        "unknown_hosts = \"pending\"",
    );
    let bank = Bank::start_with(&pending).await;
    let host = TestHost::new();
    let mut body = wish(json!(["echo"]));
    body["mode"] = json!("autonomous");
    let (worker, asked) = bank.register(&host, &body).await;
    bank.administrator_approves(&asked).await;
    bank.clock.advance(WEEK / 2);
    let (token, body) = (host.token(&bank), json!({ "agent_id": worker.id }));
    let waits = bank.post("/agent/reactivate", Some(&token), &body).await;
    assert_eq!(waits.body["status"], "pending");
    bank.approved_agent_of(&host, json!(["echo"])).await;
    assert_eq!(status(&bank, &host, &worker).await, "claimed");
    let root = AdminRequest::Approve {
        reference: waits.user_code(),
        user: None,
    };
    let late = bank.try_administer(root).await;
    assert!(matches!(late, AdminReply::Refused(_)), "{late:?}");
}

/// Or the host would belong to nobody who could be deleted any more.
// AA-2.6-03
#[tokio::test]
async fn a_person_who_is_deleted_or_barred_while_reading_a_request_decides_nothing() {
    for end in [
        AdminRequest::RemovePerson {
            email: ALICE.to_owned(),
        },
        AdminRequest::DisablePerson {
            email: ALICE.to_owned(),
        },
    ] {
        let bank = bank().await;
        let host = TestHost::new();
        let (agent, asked) = bank.register(&host, &wish(json!(["echo"]))).await;
        let alice = bank.person(ALICE, Method::Passkey).await;
        let (id, view) = bank.read(&alice, &asked).await.unwrap();
        bank.administer(end).await;
        let items = view
            .items
            .iter()
            .map(|item| Chosen::as_asked(&item.id))
            .collect();
        for answer in [
            ConsentAnswer::Approve { items },
            ConsentAnswer::Deny { reason: None },
        ] {
            let refused = bank.decide(&alice, &id, &view, &answer).await;
            assert!(
                matches!(refused, Err(ConsentError::NoAccount)),
                "{refused:?}"
            );
        }
        assert_eq!(status(&bank, &host, &agent).await, "pending");
    }
}

#[tokio::test]
async fn an_agent_that_is_turned_down_acts_for_nobody() {
    let bank = bank().await;
    let host = TestHost::new();
    let (agent, asked) = bank.register(&host, &wish(json!(["echo"]))).await;
    bank.person(ALICE, Method::Password).await;
    let (host_id, user) = (host_id(&bank, &host, &agent).await, ALICE.to_owned());
    bank.administer(AdminRequest::LinkHost { host_id, user })
        .await;
    bank.deny(&asked, ALICE, "no").await;
    let status = bank.status(&host, &agent).await;
    assert_eq!(status.body["status"], "rejected");
    assert_eq!(status.body.get("user_id"), None);
}
