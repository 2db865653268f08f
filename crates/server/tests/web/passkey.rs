//! Signing in with a passkey, and the challenges for it.

use procura_people::presence::Method;
use serde_json::json;

use super::authenticator::Authenticator;
use super::browser::{Browser, bank_by_name, cookie_name, page_of, requested, value_of, words};
use crate::support::flows::{ALICE, BOB};
use crate::support::http::Answer;
use crate::support::{Bank, Setup, extended};

/// The ticket a browser without a session is given with a challenge, and the challenge.
async fn challenge(bank: &Bank) -> (String, Answer) {
    let asked = Browser::new(bank).post("/login/challenge", &[]).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    let ticket = asked.header("set-cookie").unwrap();
    let (ticket, attributes) = ticket.split_once(';').unwrap();
    assert!(
        attributes.contains("HttpOnly; SameSite=Strict"),
        "{attributes}"
    );
    (ticket.to_owned(), asked)
}

async fn sign_in(bank: &Bank, ticket: &str, answer: &str) -> Answer {
    let mut browser = Browser::new(bank);
    browser.cookie = Some(ticket.to_owned());
    browser.post("/login/passkey", &[("answer", answer)]).await
}

/// Alice's authenticator.
async fn alices(bank: &Bank) -> Authenticator {
    let authenticator = Authenticator::new("alice");
    let person = bank.person(ALICE, Method::Passkey).await.person;
    authenticator.belongs_to(bank, &person.id).await;
    authenticator
}

#[tokio::test]
async fn a_passkey_signs_in() {
    let bank = bank_by_name().await;
    let authenticator = alices(&bank).await;
    let (ticket, asked) = challenge(&bank).await;
    assert_eq!(asked.body["allowCredentials"], json!([]));
    let answer = authenticator.use_passkey(&bank, &asked.body);
    let done = sign_in(&bank, &ticket, &answer).await;
    assert_eq!((done.status, done.header("location")), (303, Some("/")));
    let sets = done.headers.get_all("set-cookie").iter();
    let session = format!("{}=", cookie_name(&bank));
    assert!(
        sets.map(|set| set.to_str().unwrap())
            .any(|set| set.starts_with(&session))
    );
    let recorded = &bank.records_of("person.sign_in").await[0];
    assert_eq!(recorded["detail"]["method"], "passkey");
}

// AA-8.11-05
#[tokio::test]
async fn a_challenge_signs_in_once_and_in_the_browser_that_asked_for_it() {
    let bank = bank_by_name().await;
    let authenticator = alices(&bank).await;
    let (ticket, asked) = challenge(&bank).await;
    let (other_ticket, _) = challenge(&bank).await;
    let answer = authenticator.use_passkey(&bank, &asked.body);
    assert_eq!(sign_in(&bank, &other_ticket, &answer).await.status, 422);
    // That try has used it up.
    assert_eq!(sign_in(&bank, &ticket, &answer).await.status, 422);

    let (ticket, asked) = challenge(&bank).await;
    let answer = authenticator.use_passkey(&bank, &asked.body);
    assert_eq!(sign_in(&bank, &ticket, &answer).await.status, 303);
    assert_eq!(sign_in(&bank, &ticket, &answer).await.status, 422);
}

#[tokio::test]
async fn a_challenge_ends_after_five_minutes() {
    let bank = bank_by_name().await;
    let authenticator = alices(&bank).await;
    let (ticket, asked) = challenge(&bank).await;
    let answer = authenticator.use_passkey(&bank, &asked.body);
    bank.clock.advance(procura_people::challenge::LIFETIME);
    assert_eq!(sign_in(&bank, &ticket, &answer).await.status, 422);
}

#[tokio::test]
async fn a_passkey_of_nobody_and_of_somebody_barred_sign_nobody_in() {
    let bank = bank_by_name().await;
    let barred = Authenticator::new("bob");
    let bob = bank.person(BOB, Method::Passkey).await.person;
    barred.belongs_to(&bank, &bob.id).await;
    procura_service::people::disable_person(&bank.ctx, "test", &bob.email)
        .await
        .unwrap();
    for authenticator in [Authenticator::new("nobody"), barred] {
        let (ticket, asked) = challenge(&bank).await;
        let answer = authenticator.use_passkey(&bank, &asked.body);
        let refused = sign_in(&bank, &ticket, &answer).await;
        assert_eq!(refused.status, 422);
        assert!(words(&refused).contains("This passkey does not belong to an account here."));
    }
}

#[tokio::test]
async fn challenges_for_strangers_are_limited() {
    let bank = Setup {
        config: extended("[limits]\nchallenge = \"2/1h\""),
        limited: true,
        by_name: true,
        ..Setup::default()
    };
    let bank = bank.start().await;
    for status in [200, 200, 429] {
        let asked = Browser::new(&bank).post("/login/challenge", &[]).await;
        assert_eq!(asked.status, status);
    }
}

#[tokio::test]
async fn at_an_ip_address_there_is_no_passkey_to_sign_in_with() {
    let bank = Bank::start().await;
    let asked = Browser::new(&bank).post("/login/challenge", &[]).await;
    assert_eq!(asked.status, 204);
    let page = Browser::new(&bank).get("/login").await;
    assert!(!page.text.contains("data-passkey"), "{}", page.text);
}

// AA-8.11-05
#[tokio::test]
async fn somebody_elses_passkey_approves_nothing() {
    let bank = bank_by_name().await;
    let code = requested(&bank, &["transfer_domestic"]).await;
    let mut alice = Browser::signed_in(&bank, ALICE, Method::Passkey).await;
    let bob = Browser::signed_in(&bank, BOB, Method::Passkey).await;
    let page = alice.get(&page_of(&code)).await;
    alice.authenticator = bob.authenticator;
    let refused = alice.approve(&page, &["transfer_domestic"]).await;
    assert_eq!(refused.status, 403);
    assert_eq!(
        bank.records_of("passkey.used").await[0]["outcome"],
        "refused"
    );
    assert!(bank.records_of("approval.granted").await.is_empty());
}

// AA-8.11-05
#[tokio::test]
async fn a_gesture_for_less_does_not_approve_more() {
    let bank = bank_by_name().await;
    let code = requested(&bank, &["transfer_domestic", "check_balance"]).await;
    let mut alice = Browser::signed_in(&bank, ALICE, Method::Passkey).await;
    let page = alice.get(&page_of(&code)).await;
    let (reference, shown) = (value_of(&page, "reference"), value_of(&page, "shown"));
    let items: Vec<_> = page
        .text
        .split("name=\"item\" value=\"")
        .skip(1)
        .map(|rest| rest.split_once('"').unwrap().0.to_owned())
        .collect();
    let mut fields = vec![
        ("reference", reference.as_str()),
        ("shown", &shown),
        ("decision", "approve"),
        ("item", &items[0]),
    ];
    let gesture = alice.gesture("/device/challenge", &fields).await.unwrap();
    fields.extend([("item", items[1].as_str()), ("answer", &gesture)]);
    assert_eq!(alice.post("/device", &fields).await.status, 403);
    assert!(bank.records_of("approval.granted").await.is_empty());
}
