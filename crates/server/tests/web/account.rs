//! `/account`: passkeys, password, recovery codes and sessions.

use std::time::Duration;

use procura_people::presence::Method;
use serde_json::json;

use super::authenticator::Authenticator;
use super::browser::{Browser, PASSWORD, add_person, bank_by_name, value_of, words};
use crate::support::Bank;
use crate::support::flows::ALICE;
use crate::support::http::Answer;

const CHANGE: &str = "/account/challenge";

/// Makes new recovery codes, with a gesture if one is asked for.
async fn make_codes(browser: &mut Browser<'_>) -> Answer {
    let change = [("change", "make_recovery_codes")];
    let gesture = browser.gesture(CHANGE, &change).await;
    let fields: Vec<_> = gesture
        .iter()
        .map(|gesture| ("answer", gesture.as_str()))
        .collect();
    browser.post("/account/recovery", &fields).await
}

fn codes_in(page: &Answer) -> Vec<String> {
    let rows = page.text.split("<code class=\"code\">").skip(1);
    rows.map(|row| row.split_once('<').unwrap().0.to_owned())
        .collect()
}

#[tokio::test]
async fn the_page_needs_a_session() {
    let bank = Bank::start().await;
    let answer = Browser::new(&bank).get("/account").await;
    assert_eq!(answer.header("location"), Some("/login?next=%2Faccount"));
    for path in [
        "passkeys",
        "password",
        "recovery",
        "sessions/end",
        "mail",
        "push",
        "push/remove",
        "passkeys/pky_1/remove",
    ] {
        let answer = Browser::new(&bank)
            .post(&format!("/account/{path}"), &[])
            .await;
        assert_eq!(answer.status, 303, "{path}");
    }
}

#[tokio::test]
async fn ten_codes_are_shown_once_and_each_signs_in_once() {
    let bank = bank_by_name().await;
    let mut alice = Browser::signed_in(&bank, ALICE, Method::Passkey).await;
    let codes = codes_in(&make_codes(&mut alice).await);
    assert_eq!(codes.len(), 10);
    let account = alice.get("/account").await;
    assert!(words(&account).contains("You have 10 left."));
    assert!(codes.iter().all(|code| !account.text.contains(code)));

    let typed = codes[3].to_lowercase().replace('-', " ");
    for (status, code) in [(303, &typed), (422, &codes[3])] {
        let fields = [("email", ALICE), ("code", code.as_str())];
        let answer = Browser::new(&bank).post("/login/recovery", &fields).await;
        assert_eq!(answer.status, status);
    }
    let earlier = codes_in(&make_codes(&mut alice).await);
    let fields = [("email", ALICE), ("code", codes[4].as_str())];
    let answer = Browser::new(&bank).post("/login/recovery", &fields).await;
    assert_eq!((answer.status, earlier.len()), (422, 10));
}

#[tokio::test]
async fn a_recovery_code_brings_in_a_new_passkey() {
    let bank = bank_by_name().await;
    let mut alice = Browser::signed_in(&bank, ALICE, Method::Passkey).await;
    let codes = codes_in(&make_codes(&mut alice).await);
    let mut recovering = Browser::new(&bank);
    let fields = [("email", ALICE), ("code", codes[0].as_str())];
    let answer = recovering.post("/login/recovery", &fields).await;
    assert_eq!(answer.header("location"), Some("/account"));

    let asked = recovering.post("/account/passkeys/challenge", &[]).await;
    assert_eq!(
        asked.body["excludeCredentials"].as_array().unwrap().len(),
        1
    );
    assert_eq!(
        asked.body["authenticatorSelection"]["userVerification"],
        "required"
    );
    let made = Authenticator::new("new").make_passkey(&bank, &asked.body);
    let fields = [("answer", made.as_str()), ("name", "New phone")];
    let added = recovering.post("/account/passkeys", &fields).await;
    assert_eq!(
        added.header("location"),
        Some("/account?done=passkey_added")
    );
    assert!(words(&recovering.get("/account").await).contains("New phone"));
    // The challenge was used up.
    let again = recovering.post("/account/passkeys", &fields).await;
    assert_eq!(again.status, 422);
}

// AA-8.11-02
#[tokio::test]
async fn a_password_alone_makes_no_new_means() {
    let bank = bank_by_name().await;
    let mut alice = Browser::signed_in(&bank, ALICE, Method::Password).await;
    for path in ["/account/passkeys", "/account/recovery"] {
        let refused = alice.post(path, &[("name", "Mine")]).await;
        assert_eq!(refused.status, 422, "{path}");
        let text = words(&refused);
        assert!(
            text.contains("A password cannot add the first passkey"),
            "{text}"
        );
    }
    let asked = alice.post("/account/passkeys/challenge", &[]).await;
    assert_eq!(asked.status, 204);
}

#[tokio::test]
async fn a_gesture_for_one_change_makes_no_other() {
    let bank = bank_by_name().await;
    let mut alice = Browser::signed_in(&bank, ALICE, Method::Passkey).await;
    let change = [("change", "set_password")];
    let gesture = alice.gesture(CHANGE, &change).await.unwrap();
    let refused = alice
        .post("/account/recovery", &[("answer", gesture.as_str())])
        .await;
    assert_eq!(refused.status, 422);
    assert!(bank.records_of("recovery_codes.made").await.is_empty());
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions() {
    let bank = Bank::start().await;
    add_person(&bank, ALICE).await;
    let mut alice = Browser::signed_in(&bank, ALICE, Method::Password).await;
    let mut other = Browser::signed_in(&bank, ALICE, Method::Password).await;
    let password = "four entirely new words";
    let answer = alice
        .post("/account/password", &[("password", password)])
        .await;
    assert_eq!(
        answer.header("location"),
        Some("/account?done=password_set")
    );
    assert_eq!(alice.get("/account").await.status, 200);
    assert_eq!(other.get("/account").await.status, 303);
    let fields = [("email", ALICE), ("password", password)];
    assert_eq!(
        Browser::new(&bank).post("/login", &fields).await.status,
        303
    );
    assert_eq!(Browser::new(&bank).sign_in(ALICE, "").await.status, 422);
}

#[tokio::test]
async fn a_weak_password_is_refused_and_not_sent_back() {
    let bank = Bank::start().await;
    let mut alice = Browser::signed_in(&bank, ALICE, Method::Password).await;
    for password in ["short", "Password123456", "alice@example.com"] {
        let refused = alice
            .post("/account/password", &[("password", password)])
            .await;
        assert_eq!(refused.status, 422);
        assert!(!refused.text.contains(&format!("value=\"{password}\"")) || password == ALICE);
    }
    bank.clock.advance(Duration::from_mins(6));
    let stale = alice
        .post("/account/password", &[("password", PASSWORD)])
        .await;
    assert!(words(&stale).contains("Sign in again"), "{}", words(&stale));
}

#[tokio::test]
async fn a_passkey_is_removed_with_a_gesture() {
    let bank = bank_by_name().await;
    let mut alice = Browser::signed_in(&bank, ALICE, Method::Passkey).await;
    let id = value_of(&alice.get("/account").await, "passkey");
    let path = format!("/account/passkeys/{id}/remove");
    assert_eq!(alice.post(&path, &[]).await.status, 422);
    let change = [("change", "remove_passkey"), ("passkey", id.as_str())];
    let gesture = alice.gesture(CHANGE, &change).await.unwrap();
    let answer = alice.post(&path, &[("answer", &gesture)]).await;
    assert_eq!(
        answer.header("location"),
        Some("/account?done=passkey_removed")
    );
    let recorded = &bank.records_of("passkey.removed").await[0];
    assert_eq!(recorded["detail"], json!({ "passkey_id": id }));
}

#[tokio::test]
async fn nobody_elses_passkey_is_renamed() {
    let bank = bank_by_name().await;
    let mut alice = Browser::signed_in(&bank, ALICE, Method::Passkey).await;
    let id = value_of(&alice.get("/account").await, "passkey");
    let mut bob = Browser::signed_in(&bank, "bob@example.com", Method::Passkey).await;
    let path = format!("/account/passkeys/{id}/name");
    assert_eq!(bob.post(&path, &[("name", "Bob's")]).await.status, 422);
    assert_eq!(alice.post(&path, &[("name", "")]).await.status, 422);
    let answer = alice.post(&path, &[("name", "<b>")]).await;
    assert_eq!(answer.status, 303);
    assert!(
        alice
            .get("/account")
            .await
            .text
            .contains("<bdi>&#60;b&#62;</bdi>")
    );
}

#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let bank = Bank::start().await;
    let mut here = Browser::signed_in(&bank, ALICE, Method::Password).await;
    let mut there = Browser::signed_in(&bank, ALICE, Method::Password).await;
    let mut elsewhere = Browser::signed_in(&bank, ALICE, Method::Password).await;
    let mut bob = Browser::signed_in(&bank, "bob@example.com", Method::Password).await;
    let page = here.get("/account").await;
    assert_eq!(page.text.matches("with a password").count(), 3);
    let session = value_of(&page, "session");
    // Bob cannot end what is not his.
    bob.post("/account/sessions/end", &[("session", &session)])
        .await;
    assert_eq!(
        words(&here.get("/account").await)
            .matches("with a password")
            .count(),
        3
    );
    here.post("/account/sessions/end", &[("session", &session)])
        .await;
    assert_eq!(
        words(&here.get("/account").await)
            .matches("with a password")
            .count(),
        2
    );
    here.post("/account/sessions/end", &[]).await;
    assert_eq!(here.get("/account").await.status, 200);
    for other in [&mut there, &mut elsewhere] {
        assert_eq!(other.get("/account").await.status, 303);
    }
    assert_eq!(bob.get("/account").await.status, 200);
}
