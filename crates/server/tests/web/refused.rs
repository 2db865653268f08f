//! Requests that a person cannot decide, and what the page tells them.

use std::time::Duration;

use procura_people::presence::Method;
use procura_service::admin::AdminRequest;
use serde_json::json;

use super::browser::{Browser, page_of, requested, words};
use crate::support::flows::{ALICE, BOB};
use crate::support::signers::TestHost;
use crate::support::{Bank, changed, extended};

async fn alice(bank: &Bank) -> Browser<'_> {
    Browser::signed_in(bank, ALICE, Method::Password).await
}

// AA-7.1-03
#[tokio::test]
async fn an_expired_code_is_dead() {
    let bank = Bank::start().await;
    let code = requested(&bank, &["check_balance"]).await;
    bank.clock.advance(Duration::from_mins(5));
    let page = alice(&bank).await.get(&page_of(&code)).await;
    assert_eq!(page.status, 410);
    insta::assert_snapshot!(words(&page), @r"
    This request has expired
    Nothing was approved. Requests stay open for a few minutes only.
    Start again in the app, and it will show you a new code.
    Enter another code
    ");
}

// AA-7.1-03
#[tokio::test]
async fn a_code_works_once() {
    let bank = Bank::start().await;
    let (_, answer) = bank
        .register(&TestHost::new(), &json!({ "name": "Helper" }))
        .await;
    bank.approve_all(&answer, ALICE).await;
    let page = alice(&bank).await.get(&page_of(&answer.user_code())).await;
    assert_eq!(page.status, 409);
    insta::assert_snapshot!(words(&page), @r"
    This request has been answered
    A request is answered once, and its code does not work a second time.
    If this was not you, stop the agent: ask an administrator to revoke it.
    Enter another code
    ");
}

#[tokio::test]
async fn a_replaced_request_is_withdrawn() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let body = json!({ "name": "Helper" });
    let (agent, first) = bank.register(&host, &body).await;
    let second = bank.register_again(&host, &agent, &body).await;
    let page = alice(&bank).await.get(&page_of(&first.user_code())).await;
    assert_eq!(page.status, 410);
    insta::assert_snapshot!(words(&page), @r"
    This request was withdrawn
    The app cancelled it or replaced it with a newer one. Look for the newest code in the app.
    Enter another code
    ");
    let page = alice(&bank).await.get(&page_of(&second.user_code())).await;
    assert_eq!(page.status, 200);
}

#[tokio::test]
async fn the_request_of_an_agent_that_was_stopped_is_withdrawn() {
    let bank = Bank::start().await;
    let body = json!({ "name": "Helper" });
    let (agent, answer) = bank.register(&TestHost::new(), &body).await;
    bank.administer(AdminRequest::RevokeAgent { agent_id: agent.id })
        .await;
    let page = alice(&bank).await.get(&page_of(&answer.user_code())).await;
    assert_eq!(page.status, 410);
}

#[tokio::test]
async fn an_agent_whose_session_ended_is_not_waiting_any_more() {
    let bank = Bank::start_with(&extended("[lifetime]\nsession_ttl = \"1m\"")).await;
    let (_, agent) = bank.approved_agent(json!(["check_balance"])).await;
    let answer = bank.request(&agent, json!(["list_accounts"])).await;
    bank.clock.advance(Duration::from_mins(2));
    let page = alice(&bank).await.get(&page_of(&answer.user_code())).await;
    assert_eq!(page.status, 409);
    insta::assert_snapshot!(words(&page), @r"
    This agent is not waiting any more
    The agent that asked is not waiting any more, so there is nothing left to decide.
    Start again in the app if you still want it.
    Enter another code
    ");
}

// AA-2.9-04
#[tokio::test]
async fn somebody_elses_app_is_not_for_me_to_decide() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!(["check_balance"])).await;
    let answer = bank.request(&agent, json!(["list_accounts"])).await;
    let mut bob = Browser::signed_in(&bank, BOB, Method::Password).await;
    let page = bob.get(&page_of(&answer.user_code())).await;
    assert_eq!(page.status, 403);
    assert!(!page.text.contains("Laptop"), "{}", page.text);
    insta::assert_snapshot!(words(&page), @r"
    This app belongs to another account
    It was connected by somebody else, who alone can decide what its agents may do.
    You are signed in as bob@example.com. If the other account is yours as well, sign out and use that one.
    Enter another code
    ");
}

#[tokio::test]
async fn an_agent_that_acts_for_nobody_is_an_administrators_matter() {
    let bank = Bank::start_with(&changed(
        r#"unknown_hosts = "activate""#,
        r#"unknown_hosts = "pending""#,
    ))
    .await;
    let body = json!({ "name": "Worker", "mode": "autonomous", "capabilities": ["check_balance"] });
    let (_, answer) = bank.register(&TestHost::new(), &body).await;
    let code = answer.user_code();
    let page = alice(&bank).await.get(&page_of(&code)).await;
    assert_eq!(page.status, 403);
    insta::assert_snapshot!(words(&page).replace(&code, "CODE"), @r"
    An administrator has to decide this
    This agent acts on its own and for nobody in particular, so no single person can approve it.
    An administrator approves it on the server with
    procurad admin approvals approve CODE
    Enter another code
    ");
}
