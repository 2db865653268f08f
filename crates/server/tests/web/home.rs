//! `/`.

use std::time::Duration;

use procura_people::presence::Method;
use procura_service::admin::AdminRequest;

use super::browser::{Browser, words};
use crate::support::Bank;
use crate::support::flows::ALICE;

#[tokio::test]
async fn without_any_app_it_says_so_and_takes_a_code() {
    let bank = Bank::start().await;
    let mut browser = Browser::signed_in(&bank, ALICE, Method::Password).await;
    let page = browser.get("/").await;
    insta::assert_snapshot!(words(&page), @r"
    Connected apps
    Apps whose agents may act in your name at bank. You can stop each of them at any time.
    Connected
    Stopped
    No app is connected yet
    An app that wants to let an agent act for you shows you a code. Type it in to see what it asks for.
    Your inbox
    Nothing waits for your decision.
    Open your inbox
    Connect an app
    Type the code that the app shows.
    Code
    Eight letters. Capitals and dashes do not matter.
    Continue
    ");
    assert!(page.text.contains("action=\"/device\""), "{}", page.text);
}

#[tokio::test]
async fn without_a_session_it_leads_to_the_sign_in_page() {
    let bank = Bank::start().await;
    let answer = Browser::new(&bank).get("/").await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some("/login"))
    );
}

#[tokio::test]
async fn a_session_ends_after_its_lifetime() {
    let bank = Bank::start().await;
    let mut browser = Browser::signed_in(&bank, ALICE, Method::Password).await;
    bank.clock
        .advance(Duration::from_hours(12) - Duration::from_millis(1));
    assert_eq!(browser.get("/").await.status, 200);
    bank.clock.advance(Duration::from_millis(1));
    assert_eq!(browser.get("/").await.header("location"), Some("/login"));
}

#[tokio::test]
async fn whoever_is_barred_is_out_at_once() {
    let bank = Bank::start().await;
    let mut browser = Browser::signed_in(&bank, ALICE, Method::Password).await;
    bank.administer(AdminRequest::DisablePerson {
        email: ALICE.to_owned(),
    })
    .await;
    assert_eq!(browser.get("/").await.header("location"), Some("/login"));
}

#[tokio::test]
async fn where_nothing_is_a_browser_gets_a_page_and_a_program_an_error() {
    let bank = Bank::start().await;
    let mut browser = Browser::new(&bank);
    let html = [("accept", "text/html,*/*".to_owned())];
    let page = browser.send("GET", "/nowhere", &html, None).await;
    assert_eq!(page.status, 404);
    let csp = page.header("content-security-policy").unwrap();
    assert!(csp.contains("default-src 'none'"), "{csp}");
    assert!(page.text.starts_with("<!doctype html>"), "{}", page.text);
    let answer = browser.get("/nowhere").await;
    assert_eq!(answer.refusal(), (404, "not_found"));
}
