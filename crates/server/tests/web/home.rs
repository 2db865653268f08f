//! `/`.

use std::time::Duration;

use procura_people::presence::Method;
use procura_service::admin::AdminRequest;

use super::browser::{Browser, words};
use crate::support::Bank;
use crate::support::flows::ALICE;

#[tokio::test]
async fn it_says_who_is_signed_in_and_takes_a_code() {
    let bank = Bank::start().await;
    let mut browser = Browser::signed_in(&bank, ALICE, Method::Password).await;
    let page = browser.get("/").await;
    insta::assert_snapshot!(words(&page), @r"
    Hello, P
    Connect an app
    An app that wants to let an agent act for you shows you a code. Type it here to see what it asks for.
    Code
    Eight letters. Capitals and dashes do not matter.
    Continue
    Your account
    Name
    P
    E-mail address
    alice@example.com
    Server
    bank
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
