//! `POST /device`: what a person's answer does.

use std::time::Duration;

use procura_people::presence::Method;
use serde_json::json;

use super::browser::{
    Browser, FORM, add_person, bank_by_name, page_of, requested, row, value_of, words,
};
use crate::support::flows::{ALICE, BOB, wish};
use crate::support::http::Answer;
use crate::support::signers::{TestAgent, TestHost};
use crate::support::{Bank, Setup, extended};

/// A request by a new app, and what is needed to ask how it went.
struct Request {
    host: TestHost,
    agent: TestAgent,
    code: String,
}

impl Request {
    async fn new(bank: &Bank, capabilities: &[&str]) -> Self {
        let host = TestHost::new();
        let (agent, answer) = bank.register(&host, &wish(json!(capabilities))).await;
        Self {
            host,
            agent,
            code: answer.user_code(),
        }
    }

    async fn status(&self, bank: &Bank) -> Answer {
        bank.status(&self.host, &self.agent).await
    }

    async fn is_pending(&self, bank: &Bank) -> bool {
        self.status(bank).await.body["status"] == "pending"
    }
}

async fn alice(bank: &Bank) -> Browser<'_> {
    Browser::signed_in(bank, ALICE, Method::Password).await
}

// AA-7.1-01, AA-7.1-03, AA-8.11-03
#[tokio::test]
async fn approving_everything_makes_the_agent_active() {
    let bank = Bank::start().await;
    let request = Request::new(&bank, &["check_balance", "list_accounts"]).await;
    let mut browser = alice(&bank).await;
    let page = browser.get(&page_of(&request.code)).await;
    let done = browser
        .approve(&page, &["check_balance", "list_accounts"])
        .await;
    assert_eq!(done.status, 200);
    insta::assert_snapshot!(words(&done), @r"
    Approved
    The agent “Helper” may now:
    Check the balance of one of your accounts
    List your accounts
    You can close this page and go back to the app.
    Go to the first page
    ");
    let status = request.status(&bank).await;
    assert_eq!(status.body["status"], "active");
    assert_eq!(
        status.grants(),
        [("check_balance", "active"), ("list_accounts", "active")]
    );
    assert_eq!(browser.get(&page_of(&request.code)).await.status, 409);
    let recorded = &bank.records_of("approval.granted").await[0];
    assert_eq!(recorded["detail"]["proof"], "password");
}

#[tokio::test]
async fn what_is_left_out_is_denied() {
    let bank = Bank::start().await;
    let request = Request::new(&bank, &["check_balance", "list_accounts"]).await;
    let mut browser = alice(&bank).await;
    let page = browser.get(&page_of(&request.code)).await;
    let done = browser.approve(&page, &["list_accounts"]).await;
    insta::assert_snapshot!(words(&done), @r"
    Approved in part
    The agent “Helper” may now:
    List your accounts
    You left out:
    Check the balance of one of your accounts
    You can close this page and go back to the app.
    Go to the first page
    ");
    let status = request.status(&bank).await;
    assert_eq!(
        status.grants(),
        [("check_balance", "denied"), ("list_accounts", "active")]
    );
}

// AA-7.1-04
#[tokio::test]
async fn denying_rejects_the_agent_and_tells_it_why() {
    let bank = Bank::start().await;
    let request = Request::new(&bank, &["check_balance"]).await;
    let mut browser = alice(&bank).await;
    let page = browser.get(&page_of(&request.code)).await;
    let fields = [("decision", "deny"), ("reason", " Not\nnow <b> ")];
    let done = browser.decide(&page, &fields).await;
    assert_eq!(done.status, 200);
    insta::assert_snapshot!(words(&done), @r"
    Denied
    The agent “Helper” was turned down and can do nothing in your name.
    It is told why:
    Not now <b>
    You can close this page and go back to the app.
    Go to the first page
    ");
    let status = request.status(&bank).await;
    assert_eq!(status.body["status"], "rejected");
    assert_eq!(status.grant("check_balance")["reason"], "Not now <b>");
    assert_eq!(bank.records_of("approval.denied").await.len(), 1);
}

#[tokio::test]
async fn denying_more_leaves_what_the_agent_had() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!(["check_balance"])).await;
    let answer = bank.request(&agent, json!(["list_accounts"])).await;
    let mut browser = alice(&bank).await;
    let page = browser.get(&page_of(&answer.user_code())).await;
    let done = browser
        .decide(&page, &[("decision", "deny"), ("reason", "")])
        .await;
    assert!(
        words(&done).contains("What it had before stays as it was."),
        "{}",
        words(&done)
    );
    let status = bank.status(&host, &agent).await;
    assert_eq!(status.body["status"], "active");
    assert_eq!(
        status.grants(),
        [("check_balance", "active"), ("list_accounts", "denied")]
    );
}

#[tokio::test]
async fn an_agent_that_asks_for_nothing_can_be_connected() {
    let bank = Bank::start().await;
    let request = Request::new(&bank, &[]).await;
    let mut browser = alice(&bank).await;
    let page = browser.get(&page_of(&request.code)).await;
    let done = browser.approve(&page, &[]).await;
    assert!(
        words(&done).contains("It can do nothing in your name yet"),
        "{}",
        words(&done)
    );
    assert_eq!(request.status(&bank).await.body["status"], "active");
}

// AA-8.11-01
#[tokio::test]
async fn approving_with_an_old_sign_in_leads_through_a_new_one() {
    let bank = Bank::start_with(&extended("[sessions]\nfresh_for = \"2m\"")).await;
    add_person(&bank, ALICE).await;
    let request = Request::new(&bank, &["check_balance"]).await;
    let mut browser = alice(&bank).await;
    let page = browser.get(&page_of(&request.code)).await;
    bank.clock.advance(Duration::from_mins(2));
    let answer = browser.approve(&page, &["check_balance"]).await;
    let sign_in = format!("/login?next=%2Fdevice%3Fcode%3D{}", request.code);
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some(sign_in.as_str()))
    );
    assert!(request.is_pending(&bank).await);

    let page = browser.get(&sign_in).await;
    let answer = browser.sign_in(ALICE, &value_of(&page, "next")).await;
    let page = browser.get(answer.header("location").unwrap()).await;
    assert_eq!(browser.approve(&page, &["check_balance"]).await.status, 200);
    assert!(!request.is_pending(&bank).await);
}

#[tokio::test]
async fn denying_takes_no_new_sign_in() {
    let bank = Bank::start_with(&extended("[sessions]\nfresh_for = \"2m\"")).await;
    let request = Request::new(&bank, &["transfer_domestic"]).await;
    let mut browser = alice(&bank).await;
    bank.clock.advance(Duration::from_mins(2));
    let page = browser.get(&page_of(&request.code)).await;
    assert_eq!(
        browser.decide(&page, &[("decision", "deny")]).await.status,
        200
    );
    assert_eq!(request.status(&bank).await.body["status"], "rejected");
}

// AA-8.11-02, AA-8.10-07
#[tokio::test]
async fn a_password_does_not_approve_what_can_change_things() {
    let bank = Bank::start().await;
    let request = Request::new(&bank, &["check_balance", "transfer_domestic"]).await;
    let mut browser = alice(&bank).await;
    let page = browser.get(&page_of(&request.code)).await;
    let refused = browser
        .approve(&page, &["check_balance", "transfer_domestic"])
        .await;
    assert_eq!(refused.status, 403);
    insta::assert_snapshot!(words(&refused).replace(&request.code, "CODE"), @r"
    A password is not enough for this
    Something you chose can change things in your name. An agent that uses your browser could fill in your password, so approving this takes a passkey, which only you can use.
    Nothing was approved yet. You can go back and approve the rest without it.
    Or an administrator approves the whole request on the server with
    procurad admin approvals approve CODE --user alice@example.com
    Back to the request
    ");
    assert!(request.is_pending(&bank).await);

    // AA-8.11-03
    let done = browser.approve(&page, &["check_balance"]).await;
    assert_eq!(done.status, 200);
    let grants = request.status(&bank).await;
    assert_eq!(
        grants.grants(),
        [("check_balance", "active"), ("transfer_domestic", "denied")]
    );
}

// AA-8.10-07
#[tokio::test]
async fn a_passkey_approves_what_can_change_things() {
    let bank = bank_by_name().await;
    let request = Request::new(&bank, &["check_balance", "transfer_domestic"]).await;
    let mut browser = Browser::signed_in(&bank, ALICE, Method::Passkey).await;
    let page = browser.get(&page_of(&request.code)).await;
    let done = browser
        .approve(&page, &["check_balance", "transfer_domestic"])
        .await;
    assert_eq!(done.status, 200);
    let status = request.status(&bank).await;
    assert_eq!(
        status.grants(),
        [("check_balance", "active"), ("transfer_domestic", "active")]
    );
}

// AA-8.11-01, AA-8.11-02
#[tokio::test]
async fn a_passkey_sign_in_is_no_proof_for_a_decision() {
    let bank = bank_by_name().await;
    let request = Request::new(&bank, &["transfer_domestic"]).await;
    let mut browser = Browser::signed_in(&bank, ALICE, Method::Passkey).await;
    browser.authenticator = None;
    let page = browser.get(&page_of(&request.code)).await;
    let refused = browser.approve(&page, &["transfer_domestic"]).await;
    assert_eq!(refused.status, 403);
    assert!(words(&refused).starts_with("This takes your passkey"));
    assert!(request.is_pending(&bank).await);
}

// AA-8.11-01
#[tokio::test]
async fn a_gesture_stands_in_for_a_fresh_sign_in() {
    let setup = Setup {
        config: extended("[sessions]\nfresh_for = \"2m\""),
        by_name: true,
        ..Setup::default()
    };
    let bank = setup.start().await;
    let request = Request::new(&bank, &["check_balance"]).await;
    let mut browser = Browser::signed_in(&bank, ALICE, Method::Passkey).await;
    bank.clock.advance(Duration::from_mins(2));
    let page = browser.get(&page_of(&request.code)).await;
    let done = browser.approve(&page, &["check_balance"]).await;
    assert_eq!(done.status, 200, "{}", words(&done));
}

#[tokio::test]
async fn approving_nothing_is_not_an_answer() {
    let bank = Bank::start().await;
    let request = Request::new(&bank, &["check_balance", "list_accounts"]).await;
    let mut browser = alice(&bank).await;
    let page = browser.get(&page_of(&request.code)).await;
    for fields in [
        vec![("decision", "approve")],
        vec![("decision", "approve"), ("item", "grt_other")],
    ] {
        let again = browser.decide(&page, &fields).await;
        assert_eq!(again.status, 422);
        assert!(
            words(&again).starts_with("Choose at least one capability"),
            "{}",
            words(&again)
        );
        assert!(!row(&again, "list_accounts").contains(" checked"));
    }
    assert!(request.is_pending(&bank).await);
}

#[tokio::test]
async fn a_reason_that_is_too_long_comes_back_as_it_was_typed() {
    let bank = Bank::start().await;
    let request = Request::new(&bank, &["check_balance"]).await;
    let mut browser = alice(&bank).await;
    let page = browser.get(&page_of(&request.code)).await;
    let reason = "no ".repeat(200);
    let again = browser
        .decide(&page, &[("decision", "deny"), ("reason", &reason)])
        .await;
    assert_eq!(again.status, 422);
    assert!(again.text.contains(&reason), "{}", again.text);
    assert!(request.is_pending(&bank).await);
}

#[tokio::test]
async fn what_changed_since_it_was_shown_is_not_approved() {
    let bank = Bank::start().await;
    let request = Request::new(&bank, &["check_balance"]).await;
    let mut browser = alice(&bank).await;
    let page = browser.get(&page_of(&request.code)).await;
    let other_name = json!({ "name": "Another", "host_name": "Your bank" });
    bank.register(&request.host, &other_name).await;
    let again = browser.approve(&page, &["check_balance"]).await;
    assert_eq!(again.status, 409);
    let words = words(&again);
    assert!(
        words.starts_with("The request changed while you were reading it."),
        "{words}"
    );
    assert!(words.contains("“Your bank”"), "{words}");
    assert!(request.is_pending(&bank).await);
    // Read again, it can be approved.
    assert_eq!(
        browser.approve(&again, &["check_balance"]).await.status,
        200
    );
}

#[tokio::test]
async fn an_answer_to_one_request_does_not_fit_another() {
    let bank = Bank::start().await;
    let (first, second) = (
        Request::new(&bank, &["check_balance"]).await,
        Request::new(&bank, &["list_accounts"]).await,
    );
    let mut browser = alice(&bank).await;
    let harmless = browser.get(&page_of(&first.code)).await;
    let other = browser.get(&page_of(&second.code)).await;
    let (reference, shown) = (value_of(&other, "reference"), value_of(&harmless, "shown"));
    let (code, item) = (value_of(&harmless, "code"), value_of(&other, "item"));
    let fields = [
        ("reference", reference.as_str()),
        ("shown", &shown),
        ("code", &code),
        ("item", &item),
        ("decision", "approve"),
    ];
    assert_eq!(browser.post("/device", &fields).await.status, 409);
    assert!(second.is_pending(&bank).await);
}

#[tokio::test]
async fn the_same_form_sent_twice_decides_once() {
    let bank = Bank::start().await;
    let request = Request::new(&bank, &["check_balance"]).await;
    let mut browser = alice(&bank).await;
    let page = browser.get(&page_of(&request.code)).await;
    assert_eq!(browser.approve(&page, &["check_balance"]).await.status, 200);
    assert_eq!(browser.approve(&page, &["check_balance"]).await.status, 409);
    assert_eq!(
        browser.decide(&page, &[("decision", "deny")]).await.status,
        409
    );
    assert_eq!(request.status(&bank).await.body["status"], "active");
    assert_eq!(bank.records_of("approval.granted").await.len(), 1);
}

#[tokio::test]
async fn of_two_answers_at_once_one_counts() {
    let bank = Bank::start().await;
    for _ in 0..10 {
        let request = Request::new(&bank, &["check_balance"]).await;
        let (mut one, mut two) = (alice(&bank).await, Browser::new(&bank));
        two.cookie.clone_from(&one.cookie);
        let page = one.get(&page_of(&request.code)).await;
        let (yes, no) = tokio::join!(
            one.approve(&page, &["check_balance"]),
            two.decide(&page, &[("decision", "deny")])
        );
        let mut statuses = [yes.status, no.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409]);
        let expected = if yes.status == 200 {
            "active"
        } else {
            "rejected"
        };
        assert_eq!(request.status(&bank).await.body["status"], expected);
        bank.clock.advance(Duration::from_millis(1));
    }
}

#[tokio::test]
async fn an_expired_request_is_not_approved() {
    let bank = Bank::start().await;
    let request = Request::new(&bank, &["check_balance"]).await;
    let mut browser = alice(&bank).await;
    let page = browser.get(&page_of(&request.code)).await;
    bank.clock.advance(Duration::from_mins(5));
    assert_eq!(browser.approve(&page, &["check_balance"]).await.status, 410);
    assert!(request.is_pending(&bank).await);
}

#[tokio::test]
async fn without_a_session_nothing_is_decided() {
    let bank = Bank::start().await;
    let request = Request::new(&bank, &["check_balance"]).await;
    let page = alice(&bank).await.get(&page_of(&request.code)).await;
    for decision in ["approve", "deny"] {
        let answer = Browser::new(&bank)
            .decide(&page, &[("decision", decision)])
            .await;
        assert_eq!(answer.status, 303, "{decision}");
        assert!(
            answer
                .header("location")
                .unwrap()
                .starts_with("/login?next="),
            "{decision}"
        );
    }
    assert!(request.is_pending(&bank).await);
}

#[tokio::test]
async fn somebody_else_decides_nothing_about_a_linked_app() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!(["check_balance"])).await;
    let answer = bank.request(&agent, json!(["list_accounts"])).await;
    let page = alice(&bank).await.get(&page_of(&answer.user_code())).await;
    let mut bob = Browser::signed_in(&bank, BOB, Method::Passkey).await;
    assert_eq!(bob.approve(&page, &["list_accounts"]).await.status, 403);
    assert_eq!(bob.decide(&page, &[("decision", "deny")]).await.status, 403);
}

#[tokio::test]
async fn a_form_that_no_page_sends_decides_nothing() {
    let bank = Bank::start().await;
    let request = Request::new(&bank, &["check_balance"]).await;
    let mut browser = alice(&bank).await;
    let page = browser.get(&page_of(&request.code)).await;
    let (reference, shown) = (value_of(&page, "reference"), value_of(&page, "shown"));
    let known = [("reference", reference.as_str()), ("shown", &shown)];
    assert_eq!(browser.post("/device", &known).await.status, 400);
    assert_eq!(
        browser
            .post("/device", &[("decision", "deny")])
            .await
            .status,
        400
    );
    let nobodys = format!("apr_{}", "0".repeat(32));
    let fields = [("reference", nobodys.as_str()), ("decision", "deny")];
    assert_eq!(browser.post("/device", &fields).await.status, 410);
    for content_type in [
        "text/plain",
        "application/json",
        "multipart/form-data; boundary=x",
    ] {
        let body = format!("reference={reference}&shown={shown}&decision=deny").into_bytes();
        let headers = [("content-type", content_type.to_owned())];
        let answer = browser.send("POST", "/device", &headers, Some(body)).await;
        assert_eq!(answer.status, 400, "{content_type}");
    }
    let huge = format!(
        "reference={reference}&shown={shown}&decision=deny&reason={}",
        "a".repeat(128 * 1024)
    );
    let headers = [("content-type", FORM.to_owned())];
    let answer = browser
        .send("POST", "/device", &headers, Some(huge.into_bytes()))
        .await;
    assert_eq!(answer.status, 413);
    assert!(request.is_pending(&bank).await);
}

#[tokio::test]
async fn a_person_may_decide_about_an_app_that_another_person_was_shown() {
    let bank = Bank::start().await;
    let code = requested(&bank, &["check_balance"]).await;
    assert_eq!(alice(&bank).await.get(&page_of(&code)).await.status, 200);
    let mut bob = Browser::signed_in(&bank, BOB, Method::Password).await;
    let page = bob.get(&page_of(&code)).await;
    assert_eq!(bob.approve(&page, &["check_balance"]).await.status, 200);
}
