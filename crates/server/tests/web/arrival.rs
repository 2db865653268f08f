//! `/setup`, `/invite` and `/signup`.

use std::time::Duration;

use procura_people::invitation::{INVITATION_LIFETIME, SETUP_LIFETIME};
use procura_service::admin::{AdminRequest, Listing};
use procura_service::people;

use super::authenticator::Authenticator;
use super::browser::{Browser, PASSWORD, bank_by_name, words};
use crate::support::flows::{ALICE, BOB};
use crate::support::{Bank, Setup, extended};

async fn setup_path(bank: &Bank) -> String {
    let link = people::invite_first_administrator(&bank.ctx).await;
    format!("/setup/{}", link.unwrap().unwrap().expose())
}

async fn invite_path(bank: &Bank, email: &str, administrator: bool) -> String {
    let email = email.to_owned();
    let request = AdminRequest::InvitePerson {
        email,
        administrator,
    };
    let invited = bank.administer(request).await;
    let link = invited["link"].as_str().unwrap();
    link.strip_prefix(&bank.issuer).unwrap().to_owned()
}

fn by_password(email: &str) -> [(&str, &str); 4] {
    [
        ("email", email),
        ("name", "Alice"),
        ("with", "password"),
        ("password", PASSWORD),
    ]
}

#[tokio::test]
async fn the_first_administrator_sets_up_the_server_once() {
    let bank = Bank::start().await;
    let path = setup_path(&bank).await;
    let mut browser = Browser::new(&bank);
    assert!(words(&browser.get(&path).await).starts_with("Set up the first administrator"));
    let answer = browser.post(&path, &by_password(ALICE)).await;
    assert_eq!(answer.header("location"), Some("/account"));
    assert_eq!(browser.get("/account").await.status, 200);

    assert_eq!(Browser::new(&bank).get(&path).await.status, 410);
    let again = Browser::new(&bank).post(&path, &by_password(BOB)).await;
    assert_eq!(again.status, 410);
    assert_eq!(
        people::invite_first_administrator(&bank.ctx).await.unwrap(),
        None
    );
    let recorded = &bank.records_of("person.joined").await[0];
    assert_eq!(recorded["detail"]["administrator"], true);
}

#[tokio::test]
async fn a_new_link_for_the_first_administrator_replaces_the_one_before() {
    let bank = Bank::start().await;
    let earlier = setup_path(&bank).await;
    let path = setup_path(&bank).await;
    assert_eq!(Browser::new(&bank).get(&earlier).await.status, 410);
    bank.clock.advance(Duration::from_mins(59));
    assert_eq!(Browser::new(&bank).get(&path).await.status, 200);
    bank.clock.advance(SETUP_LIFETIME);
    assert_eq!(Browser::new(&bank).get(&path).await.status, 410);
    let late = Browser::new(&bank).post(&path, &by_password(ALICE)).await;
    assert_eq!(late.status, 410);
}

#[tokio::test]
async fn somebody_elses_account_is_not_set_up_anew() {
    let bank = Bank::start().await;
    super::browser::add_person(&bank, ALICE).await;
    let path = setup_path(&bank).await;
    let refused = Browser::new(&bank).post(&path, &by_password(ALICE)).await;
    assert_eq!(refused.status, 422);
    assert!(words(&refused).contains("This address cannot be used."));
    // The link is not used up by that.
    assert_eq!(Browser::new(&bank).get(&path).await.status, 200);
}

#[tokio::test]
async fn an_invitation_is_for_one_address_and_for_three_days() {
    let bank = Bank::start().await;
    let path = invite_path(&bank, ALICE, false).await;
    // Whatever is typed, the account is of whom the link names.
    let mut browser = Browser::new(&bank);
    let answer = browser.post(&path, &by_password(BOB)).await;
    assert_eq!(answer.status, 303);
    assert!(browser.get("/account").await.text.contains(ALICE));

    let path = invite_path(&bank, BOB, false).await;
    bank.clock.advance(INVITATION_LIFETIME);
    assert_eq!(Browser::new(&bank).get(&path).await.status, 410);
}

#[tokio::test]
async fn an_invitation_of_an_administrator_makes_one() {
    let bank = Bank::start().await;
    super::browser::add_person(&bank, ALICE).await;
    let mut earlier = Browser::new(&bank);
    earlier.sign_in(ALICE, "").await;
    let path = invite_path(&bank, ALICE, true).await;
    Browser::new(&bank).post(&path, &by_password("")).await;
    let people = bank
        .administer(AdminRequest::ListPeople(Listing::default()))
        .await;
    assert_eq!(people[0]["administrator"], true);
    assert_eq!(people.as_array().unwrap().len(), 1);
    assert_eq!(earlier.get("/account").await.status, 303);
}

#[tokio::test]
async fn a_passkey_comes_in_by_a_link() {
    let bank = bank_by_name().await;
    let path = invite_path(&bank, ALICE, false).await;
    let mut browser = Browser::new(&bank);
    let fields = [("name", "Alice")];
    let asked = browser.post(&format!("{path}/challenge"), &fields).await;
    assert_eq!(asked.body["user"]["name"], ALICE);
    let made = Authenticator::new("alice").make_passkey(&bank, &asked.body);
    let fields = [("name", "Alice"), ("with", "passkey"), ("answer", &made)];
    // A challenge of one link does not count at another.
    let other = invite_path(&bank, BOB, false).await;
    assert_eq!(browser.post(&other, &fields).await.status, 422);
    assert_eq!(browser.post(&path, &fields).await.status, 422);

    let asked = browser
        .post(&format!("{path}/challenge"), &fields[..1])
        .await;
    let made = Authenticator::new("alice").make_passkey(&bank, &asked.body);
    let fields = [("name", "Alice"), ("with", "passkey"), ("answer", &made)];
    assert_eq!(browser.post(&path, &fields).await.status, 303);
    assert!(words(&browser.get("/account").await).contains("Not used yet."));
}

#[tokio::test]
async fn what_is_wrong_is_said_and_what_was_typed_is_kept() {
    let bank = Bank::start().await;
    let path = setup_path(&bank).await;
    let cases = [
        (
            [("email", "alice"), ("name", "Al"), ("password", PASSWORD)],
            "Expected an e-mail address",
        ),
        (
            [("email", ALICE), ("name", ""), ("password", PASSWORD)],
            "Give a name",
        ),
        (
            [("email", ALICE), ("name", "Al"), ("password", "short")],
            "A password needs at least 12",
        ),
        (
            [
                ("email", ALICE),
                ("name", "Al"),
                ("password", "alice@example.com"),
            ],
            "This password is one of the first",
        ),
    ];
    for (fields, problem) in cases {
        let mut all = fields.to_vec();
        all.push(("with", "password"));
        let refused = Browser::new(&bank).post(&path, &all).await;
        assert_eq!(refused.status, 422);
        assert!(words(&refused).contains(problem), "{}", words(&refused));
        assert!(refused.text.contains(&format!("value=\"{}\"", fields[0].1)));
        assert!(
            !refused
                .text
                .contains("name=\"password\" type=\"password\" value")
        );
    }
    let without_script = [("email", ALICE), ("name", "Al"), ("with", "passkey")];
    let refused = Browser::new(&bank).post(&path, &without_script).await;
    assert!(
        words(&refused).contains("JavaScript"),
        "{}",
        words(&refused)
    );
}

#[tokio::test]
async fn accounts_are_by_invitation_unless_the_configuration_opens_them() {
    let closed = Bank::start().await;
    assert_eq!(Browser::new(&closed).get("/signup").await.status, 403);
    let refused = Browser::new(&closed)
        .post("/signup", &by_password(ALICE))
        .await;
    assert_eq!(refused.status, 403);

    let open = Bank::start_with(&extended("[accounts]\nsign_up = true")).await;
    let mut browser = Browser::new(&open);
    assert!(
        browser
            .get("/login")
            .await
            .text
            .contains("href=\"/signup\"")
    );
    assert_eq!(
        browser.post("/signup", &by_password(ALICE)).await.status,
        303
    );
    let people = open
        .administer(AdminRequest::ListPeople(Listing::default()))
        .await;
    assert_eq!(people[0]["administrator"], false);
    let taken = Browser::new(&open)
        .post("/signup", &by_password(ALICE))
        .await;
    assert_eq!(taken.status, 422);
}

#[tokio::test]
async fn coming_in_is_throttled() {
    let bank = Setup {
        config: extended("[accounts]\nsign_up = true\n[limits]\nsign_in = \"2/1h\""),
        limited: true,
        ..Setup::default()
    };
    let bank = bank.start().await;
    for status in [422, 422, 429] {
        let answer = Browser::new(&bank)
            .post("/signup", &[("with", "password")])
            .await;
        assert_eq!(answer.status, status);
    }
}
