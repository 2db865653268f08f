//! `POST /agent/request-capability` (§5.4).

use procura_people::presence::Method;
use procura_service::admin::{AdminRequest, Listing};
use procura_service::agent_auth::consent::ConsentError;
use serde_json::{Value, json};

use crate::support::Bank;
use crate::support::flows::{ALICE, BOB};
use crate::support::signers::TestHost;

// AA-5.4-02, AA-5.4-04, AA-5.4-05, AA-5.4-06
#[tokio::test]
async fn what_needs_approval_waits_while_the_agent_works_on() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!(["echo"])).await;
    let answer = bank
        .request(
            &agent,
            json!(["check_balance", { "name": "list_accounts" }]),
        )
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["agent_id"], agent.id);
    assert_eq!(
        answer.grants(),
        [("check_balance", "pending"), ("list_accounts", "pending")]
    );
    let approval = &answer.body["approval"];
    assert_eq!(approval["method"], "device_authorization");
    assert_eq!(
        approval["verification_uri"],
        format!("{}/device", bank.issuer)
    );
    assert_eq!(bank.status(&host, &agent).await.body["status"], "active");
    assert_eq!(bank.execute(&agent, "echo", json!({})).await.status, 200);
    let tried = bank.execute(&agent, "list_accounts", json!({})).await;
    assert_eq!(tried.refusal(), (403, "capability_not_granted"));
}

// AA-5.4-04, AA-5.4-06, AA-5.3-15
#[tokio::test]
async fn what_needs_no_approval_is_granted_at_once() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!(["list_accounts"])).await;
    let answer = bank.request(&agent, json!(["echo"])).await;
    assert_eq!(answer.grants(), [("echo", "active")]);
    let description = "Returns the arguments it was called with";
    assert_eq!(answer.grant("echo")["description"], description);
    assert!(answer.body["approval"].is_null());
    assert_eq!(bank.execute(&agent, "echo", json!({})).await.status, 200);
}

// AA-5.4-06, AA-5.4-04
#[tokio::test]
async fn one_request_may_hold_granted_held_and_waiting_capabilities() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!(["list_accounts"])).await;
    let wanted = json!(["list_accounts", "echo", "check_balance"]);
    let answer = bank.request(&agent, wanted).await;
    let expected = [
        ("list_accounts", "active"),
        ("echo", "active"),
        ("check_balance", "pending"),
    ];
    assert_eq!(answer.grants(), expected);
    assert!(answer.body["approval"].is_object());
}

// AA-5.4-03, AA-5.4-07, AA-3.3-06
#[tokio::test]
async fn once_approved_the_grant_shows_in_full_and_can_be_used() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!(["echo"])).await;
    let answer = bank.request(&agent, json!(["check_balance"])).await;
    bank.approve_all(&answer, ALICE).await;
    let status = bank.status(&host, &agent).await;
    let grant = status.grant("check_balance");
    assert_eq!(grant["status"], "active");
    assert_eq!(grant["reason"], "because");
    assert_eq!(grant["input"]["required"], json!(["account_id"]));
    let used = bank
        .execute(&agent, "check_balance", json!({ "account_id": "acc_1" }))
        .await;
    assert_eq!(used.body["data"]["account_id"], "acc_1");
}

// AA-5.4-07, AA-5.3-18, AA-3.3-06
#[tokio::test]
async fn once_denied_the_grant_shows_why_and_the_agent_stays_active() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!(["echo"])).await;
    let answer = bank.request(&agent, json!(["check_balance"])).await;
    bank.deny(&answer, ALICE, "Not this account").await;
    let status = bank.status(&host, &agent).await;
    assert_eq!(status.body["status"], "active");
    let denied =
        json!({ "capability": "check_balance", "status": "denied", "reason": "Not this account" });
    assert_eq!(*status.grant("check_balance"), denied);
    let tried = bank
        .execute(&agent, "check_balance", json!({ "account_id": "a" }))
        .await;
    assert_eq!(tried.refusal(), (403, "capability_not_granted"));
    assert_eq!(bank.execute(&agent, "echo", json!({})).await.status, 200);
}

#[tokio::test]
async fn what_was_denied_once_is_not_granted_by_default_later() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let (agent, answer) = bank
        .register(&host, &json!({ "name": "A", "capabilities": ["echo"] }))
        .await;
    bank.approve_some(&answer, ALICE, &[]).await;
    let answer = bank.request(&agent, json!(["echo"])).await;
    assert_eq!(answer.grants(), [("echo", "pending")]);
}

// AA-5.4-09
#[tokio::test]
async fn asking_only_for_what_is_held_is_a_conflict() {
    let bank = Bank::start().await;
    let limited = |max: u32| json!([{ "name": "transfer_domestic", "constraints": { "amount": { "max": max } } }]);
    let (_, agent) = bank.approved_agent(limited(500)).await;
    for held in [limited(500), limited(100)] {
        let answer = bank.request(&agent, held).await;
        assert_eq!(answer.refusal(), (409, "already_granted"));
    }
    // More than it holds is something new.
    let answer = bank.request(&agent, limited(501)).await;
    assert_eq!(answer.grants(), [("transfer_domestic", "pending")]);
}

// AA-5.4-08, AA-5.13-04, AA-8.6-01
#[tokio::test]
async fn names_nobody_offers_are_listed_and_nothing_is_granted() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!([])).await;
    let answer = bank.request(&agent, json!(["echo", "fly"])).await;
    assert_eq!(answer.refusal(), (400, "invalid_capabilities"));
    assert_eq!(answer.body["invalid_capabilities"], json!(["fly"]));
    assert!(bank.status(&host, &agent).await.grants().is_empty());
}

// AA-5.4-01
#[tokio::test]
async fn the_token_has_to_name_the_issuer() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!([])).await;
    let token = agent.token(&bank, &bank.execute_url());
    let answer = bank
        .request_by(&token, &json!({ "capabilities": ["echo"] }))
        .await;
    assert_eq!(answer.refusal(), (401, "invalid_jwt"));
}

// AA-4.3-08
#[tokio::test]
async fn a_token_bounds_what_may_be_asked_for() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!([])).await;
    for covered in [vec![], vec!["list_accounts"]] {
        let token = agent.token_for(&bank, &bank.issuer, &covered);
        let answer = bank
            .request_by(&token, &json!({ "capabilities": ["echo"] }))
            .await;
        assert_eq!(
            answer.refusal(),
            (403, "capability_not_granted"),
            "{covered:?}"
        );
    }
    let token = agent.token_for(&bank, &bank.issuer, &["echo"]);
    let answer = bank
        .request_by(&token, &json!({ "capabilities": ["echo"] }))
        .await;
    assert_eq!(answer.grants(), [("echo", "active")]);
}

// AA-5.4-02, AA-5.13-05
#[tokio::test]
async fn capabilities_have_to_be_named() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!([])).await;
    let cases = [
        json!({}),
        json!({ "capabilities": [] }),
        json!({ "capabilities": null }),
        json!({ "capabilities": "echo" }),
        json!({ "capabilities": ["echo"], "reason": 7 }),
    ];
    for body in cases {
        let answer = bank
            .request_by(&agent.token(&bank, &bank.issuer), &body)
            .await;
        assert_eq!(answer.refusal(), (400, "invalid_request"), "{body}");
    }
}

// AA-7.1-03
#[tokio::test]
async fn a_newer_request_for_the_same_replaces_an_undecided_one() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!([])).await;
    let first = bank.request(&agent, json!(["check_balance"])).await;
    let second = bank.request(&agent, json!(["check_balance"])).await;
    assert_ne!(first.user_code(), second.user_code());
    let alice = bank.person(ALICE, Method::Passkey).await;
    let late = bank.try_approve(&first, &alice).await;
    assert!(matches!(late, Err(ConsentError::Refused(_))), "{late:?}");
    assert_eq!(
        bank.status(&host, &agent).await.grants(),
        [("check_balance", "pending")]
    );
    bank.approve_all(&second, ALICE).await;
    assert_eq!(
        bank.status(&host, &agent).await.grants(),
        [("check_balance", "active")]
    );
}

// AA-2.2-06
#[tokio::test]
async fn an_autonomous_agent_is_decided_about_by_an_administrator() {
    let bank = Bank::start().await;
    let agent = bank.autonomous_agent_of(&TestHost::new()).await;
    let answer = bank.request(&agent, json!(["list_accounts"])).await;
    let alice = bank.person(ALICE, Method::Passkey).await;
    let refused = bank.try_approve(&answer, &alice).await;
    assert!(
        matches!(refused, Err(ConsentError::Refused(_))),
        "{refused:?}"
    );
    bank.administrator_approves(&answer).await;
    let used = bank.execute(&agent, "list_accounts", json!({})).await;
    assert_eq!(used.status, 200, "{used:?}");
}

// AA-2.9-04, AA-2.2-05
#[tokio::test]
async fn only_the_person_of_the_host_may_grant_more() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!([])).await;
    let answer = bank.request(&agent, json!(["list_accounts"])).await;
    let bob = bank.person(BOB, Method::Passkey).await;
    assert!(bank.try_approve(&answer, &bob).await.is_err());
    assert_eq!(
        bank.status(&host, &agent).await.grants(),
        [("list_accounts", "pending")]
    );
}

// AA-5.4-05
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_request_many_times_at_once_leaves_one_grant_pending() {
    let bank = std::sync::Arc::new(Bank::start().await);
    let (host, agent) = bank.approved_agent(json!([])).await;
    let agent = std::sync::Arc::new(agent);
    let mut sent = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (bank, agent) = (bank.clone(), agent.clone());
        sent.spawn(async move { bank.request(&agent, json!(["list_accounts"])).await });
    }
    let answers = sent.join_all().await;
    assert!(
        answers.iter().all(|answer| answer.status == 200),
        "{answers:?}"
    );
    assert_eq!(
        bank.status(&host, &agent).await.grants(),
        [("list_accounts", "pending")]
    );
    let open = bank
        .administer(AdminRequest::ListApprovals(Listing::default()))
        .await;
    assert_eq!(open.as_array().map(Vec::len), Some(1), "{open}");
    assert_eq!(open[0]["agent_id"], Value::from(agent.id.as_str()));
}
