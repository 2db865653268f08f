//! `/login` and `/logout`.

use std::time::Duration;

use procura_people::presence::Method;
use procura_service::admin::AdminRequest;

use super::browser::{Browser, PASSWORD, add_person, value_of, words};
use crate::support::flows::{ALICE, BOB};
use crate::support::{Bank, extended, with_issuer};

#[tokio::test]
async fn the_right_password_signs_in() {
    let bank = Bank::start().await;
    add_person(&bank, ALICE).await;
    let mut browser = Browser::new(&bank);
    let answer = browser
        .post(
            "/login",
            &[("email", " Alice@Example.com "), ("password", PASSWORD)],
        )
        .await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/")));
    assert!(browser.get("/").await.text.contains(ALICE));
    assert_eq!(bank.records_of("person.sign_in").await.len(), 1);
}

#[tokio::test]
async fn on_loopback_the_cookie_is_hidden_from_scripts_and_from_other_sites() {
    let bank = Bank::start().await;
    add_person(&bank, ALICE).await;
    let answer = Browser::new(&bank).sign_in(ALICE, "").await;
    let (cookie, attributes) = answer
        .header("set-cookie")
        .unwrap()
        .split_once("; ")
        .unwrap();
    assert_eq!(cookie.split_once('=').unwrap().0, "procura_session");
    assert_eq!(attributes, "HttpOnly; SameSite=Lax; Path=/");
}

#[tokio::test]
async fn over_https_the_cookie_also_sticks_to_the_host() {
    let bank = Bank::start_with(&with_issuer("https://bank.example")).await;
    add_person(&bank, ALICE).await;
    let answer = Browser::new(&bank).sign_in(ALICE, "").await;
    let (cookie, attributes) = answer
        .header("set-cookie")
        .unwrap()
        .split_once("; ")
        .unwrap();
    assert_eq!(cookie.split_once('=').unwrap().0, "__Host-procura_session");
    assert_eq!(attributes, "HttpOnly; SameSite=Lax; Secure; Path=/");
}

#[tokio::test]
async fn signing_in_leads_back_to_where_it_was_needed() {
    let bank = Bank::start().await;
    add_person(&bank, ALICE).await;
    let mut browser = Browser::new(&bank);
    let page = browser
        .get("/login?next=%2Fdevice%3Fcode%3DWDJB-MJHT")
        .await;
    let next = value_of(&page, "next");
    assert_eq!(next, "/device?code=WDJB-MJHT");
    let answer = browser.sign_in(ALICE, &next).await;
    assert_eq!(answer.header("location"), Some("/device?code=WDJB-MJHT"));
}

#[tokio::test]
async fn signing_in_leads_to_no_other_site() {
    let bank = Bank::start().await;
    add_person(&bank, ALICE).await;
    let mut browser = Browser::new(&bank);
    for next in [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "/\t/evil.example",
        "evil",
    ] {
        let answer = browser.sign_in(ALICE, next).await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (303, Some("/")),
            "{next:?}"
        );
    }
    let page = browser.get("/login?next=%2F%2Fevil.example").await;
    assert!(!page.text.contains("evil.example"), "{}", page.text);
}

#[tokio::test]
async fn nobody_learns_whether_an_account_exists() {
    let bank = Bank::start().await;
    add_person(&bank, ALICE).await;
    add_person(&bank, BOB).await;
    bank.administer(AdminRequest::DisablePerson {
        email: BOB.to_owned(),
    })
    .await;
    let mut answers = Vec::new();
    for (email, password) in [
        (ALICE, "wrong"),
        ("carol@example.com", "wrong"),
        (BOB, PASSWORD),
    ] {
        let mut browser = Browser::new(&bank);
        let answer = browser
            .post("/login", &[("email", email), ("password", password)])
            .await;
        assert!(browser.cookie.is_none(), "{email}");
        answers.push((answer.status, answer.text.replace(email, "EMAIL")));
    }
    assert_eq!(answers[0].0, 422);
    assert!(
        answers[0]
            .1
            .contains("The e-mail address or the password is not right.")
    );
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:#?}"
    );
}

#[tokio::test]
async fn a_refused_form_keeps_the_address_and_drops_the_password() {
    let bank = Bank::start().await;
    let fields = [
        ("email", "\"><script>@x"),
        ("password", "hunter2hunter2"),
        ("next", "/device"),
    ];
    let page = Browser::new(&bank).post("/login", &fields).await;
    assert_eq!(value_of(&page, "next"), "/device");
    assert!(
        page.text.contains("value=\"&#34;&#62;&#60;script&#62;@x\""),
        "{}",
        page.text
    );
    assert!(!page.text.contains("hunter2"), "{}", page.text);
}

// AA-8.13-03
#[tokio::test]
async fn tries_are_limited_even_with_the_right_password() {
    let bank = Bank::start_limited(&extended("[limits]\nsign_in = \"2/1h\"")).await;
    add_person(&bank, ALICE).await;
    let mut browser = Browser::new(&bank);
    for _ in 0..2 {
        let answer = browser
            .post("/login", &[("email", ALICE), ("password", "wrong")])
            .await;
        assert_eq!(answer.status, 422);
    }
    let answer = browser.sign_in(ALICE, "").await;
    assert_eq!(answer.status, 429);
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1700..=1800).contains(&wait), "{wait}");
    assert!(
        words(&answer).contains("Too many tries. Wait 30 minutes and try again."),
        "{}",
        words(&answer)
    );
    assert!(browser.cookie.is_none());
}

#[tokio::test]
async fn a_session_from_before_ends_at_sign_in() {
    let bank = Bank::start().await;
    add_person(&bank, ALICE).await;
    let mut browser = Browser::signed_in(&bank, ALICE, Method::Password).await;
    let earlier = browser.cookie.clone();
    browser.sign_in(ALICE, "").await;
    assert_ne!(browser.cookie, earlier);
    assert_eq!(browser.get("/").await.status, 200);
    browser.cookie = earlier;
    assert_eq!(browser.get("/").await.header("location"), Some("/login"));
}

#[tokio::test]
async fn a_planted_cookie_is_not_taken_over() {
    let bank = Bank::start().await;
    add_person(&bank, ALICE).await;
    let mut browser = Browser::new(&bank);
    let planted = format!("procura_session={}", "A".repeat(43));
    browser.cookie = Some(planted.clone());
    assert_eq!(browser.get("/").await.header("location"), Some("/login"));
    browser.sign_in(ALICE, "").await;
    assert_ne!(browser.cookie, Some(planted));
}

#[tokio::test]
async fn signing_out_ends_the_session_on_the_server() {
    let bank = Bank::start().await;
    let mut browser = Browser::signed_in(&bank, ALICE, Method::Password).await;
    let cookie = browser.cookie.clone();
    let answer = browser.post("/logout", &[]).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some("/login?signed_out"))
    );
    assert_eq!(browser.cookie, None);
    assert!(words(&browser.get("/login?signed_out").await).contains("You are signed out."));
    browser.cookie = cookie;
    assert_eq!(browser.get("/").await.header("location"), Some("/login"));
}

#[tokio::test]
async fn signing_out_twice_does_no_harm() {
    let bank = Bank::start().await;
    let answer = Browser::new(&bank).post("/logout", &[]).await;
    assert_eq!(answer.header("location"), Some("/login?signed_out"));
}

#[tokio::test]
async fn whoever_is_signed_in_is_asked_for_the_password_only() {
    let bank = Bank::start().await;
    let mut browser = Browser::signed_in(&bank, ALICE, Method::Password).await;
    bank.clock.advance(Duration::from_mins(6));
    let page = browser.get("/login?next=/device").await;
    assert_eq!(value_of(&page, "next"), "/device");
    assert!(
        words(&page).starts_with("Sign in again"),
        "{}",
        words(&page)
    );
    assert!(
        page.text.contains(&format!("value=\"{ALICE}\"")),
        "{}",
        page.text
    );
}
