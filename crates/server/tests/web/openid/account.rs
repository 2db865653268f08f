//! Accounts elsewhere on the account page.

use std::time::Duration;

use procura_people::presence::Method;

use super::{Visitor, World, location};
use crate::browser::{Browser, add_person, words};
use crate::support::flows::{ALICE, BOB};

#[tokio::test]
async fn an_address_that_is_in_use_opens_no_account_and_connecting_it_does() {
    let world = World::start().await;
    add_person(&world.bank, ALICE).await;
    let mut thief = world.visitor();
    let answer = thief.sign_in(&world.acme, "alice").await;
    assert_eq!(answer.status, 409);
    let told = words(&answer);
    assert!(
        told.contains("then connect Acme on your account page"),
        "{told}"
    );
    assert_eq!(thief.browser.cookie, None);

    let mut alice = world.visitor();
    alice.browser.sign_in(ALICE, "").await;
    let url = alice.leave("/account/openid/acme", &[]).await;
    let back = world.acme.approve(&url, "someone");
    assert_eq!(
        location(&alice.come_back(&back).await),
        Some("/account?done=connected")
    );
    let page = words(&alice.browser.get("/account?done=connected").await);
    assert!(
        page.contains("You can sign in with that account from now on."),
        "{page}"
    );
    let mut elsewhere = world.visitor();
    assert_eq!(
        location(&elsewhere.sign_in(&world.acme, "someone").await),
        Some("/")
    );
    assert!(elsewhere.browser.get("/account").await.text.contains(ALICE));
    let connected = world.bank.records_of("openid.connected").await;
    assert_eq!(connected[0]["detail"]["provider"], "acme");
}

#[tokio::test]
async fn an_account_elsewhere_is_connected_with_one_account_here_and_the_other_way_round() {
    let world = World::start().await;
    add_person(&world.bank, BOB).await;
    world.visitor().sign_in(&world.acme, "alice").await;
    let mut bob = world.visitor();
    bob.browser.sign_in(BOB, "").await;
    for (subject, status, title) in [
        ("alice", 409, "Somebody else has connected that account"),
        ("bob", 303, ""),
        ("bob", 303, ""),
        ("robert", 409, "You have connected another account"),
    ] {
        let url = bob.leave("/account/openid/acme", &[]).await;
        let answer = bob.come_back(&world.acme.approve(&url, subject)).await;
        assert_eq!(answer.status, status, "{subject}: {}", answer.text);
        assert!(
            status == 303 || words(&answer).contains(title),
            "{}",
            answer.text
        );
    }
    assert_eq!(world.bank.records_of("openid.connected").await.len(), 1);
}

#[tokio::test]
async fn only_who_went_to_connect_an_account_connects_it() {
    let world = World::start().await;
    add_person(&world.bank, ALICE).await;
    add_person(&world.bank, BOB).await;
    let mut visitor = world.visitor();
    visitor.browser.sign_in(ALICE, "").await;
    for sign_in_as in [None, Some(BOB)] {
        visitor.browser.sign_in(ALICE, "").await;
        let url = visitor.leave("/account/openid/acme", &[]).await;
        match sign_in_as {
            Some(email) => visitor.browser.sign_in(email, "").await,
            None => visitor.browser.post("/logout", &[]).await,
        };
        let answer = visitor.come_back(&world.acme.approve(&url, "x")).await;
        assert_eq!(answer.status, 403, "{sign_in_as:?}");
    }
    let nobody = world
        .visitor()
        .browser
        .post("/account/openid/acme", &[])
        .await;
    assert_eq!(location(&nobody), Some("/login?next=%2Faccount"));
    assert_eq!(world.bank.records_of("openid.connected").await.len(), 0);
}

// AA-8.11-02
#[tokio::test]
async fn connecting_takes_a_gesture_where_there_is_a_passkey_and_else_a_fresh_sign_in() {
    let world = World::start_with("sign_up = true", true).await;
    let mut alice = Browser::signed_in(&world.bank, ALICE, Method::Passkey).await;
    for path in ["/account/openid/acme", "/account/openid/acme/remove"] {
        let refused = alice.post(path, &[]).await;
        assert_eq!(refused.status, 422, "{path}");
    }
    let fields = [("change", "connect"), ("provider", "acme")];
    let gesture = alice.gesture("/account/challenge", &fields).await.unwrap();
    let other = alice
        .post("/account/openid/other", &[("answer", &gesture)])
        .await;
    assert_eq!(other.status, 422, "it said yes to Acme");
    let gesture = alice.gesture("/account/challenge", &fields).await.unwrap();
    let mut alice = Visitor::of(alice);
    alice
        .leave("/account/openid/acme", &[("answer", &gesture)])
        .await;

    let mut bob = Browser::signed_in(&world.bank, BOB, Method::Password).await;
    world.bank.clock.advance(Duration::from_mins(5));
    assert_eq!(bob.post("/account/openid/acme", &[]).await.status, 422);
}

#[tokio::test]
async fn the_last_way_to_sign_in_stays() {
    let world = World::start().await;
    let mut alice = world.visitor();
    // Who was asked anew may change their account.
    alice.sign_in(&world.acme, "alice").await;
    let stale = alice.browser.post("/account/openid/acme/remove", &[]).await;
    assert!(words(&stale).contains("Sign in again"), "{}", stale.text);
    alice.sign_in(&world.acme, "alice").await;
    let refused = alice.browser.post("/account/openid/acme/remove", &[]).await;
    assert_eq!(refused.status, 422);
    assert!(
        words(&refused).contains("You could not sign in any more"),
        "{}",
        refused.text
    );

    let url = alice.leave("/account/openid/other", &[]).await;
    let answer = alice.come_back(&world.other.approve(&url, "alice")).await;
    assert_eq!(location(&answer), Some("/account?done=connected"));
    let mut elsewhere = world.visitor();
    elsewhere.sign_in(&world.acme, "alice").await;
    let done = alice.browser.post("/account/openid/acme/remove", &[]).await;
    assert_eq!(location(&done), Some("/account?done=disconnected"));
    assert_eq!(
        elsewhere.browser.get("/account").await.status,
        303,
        "signed out there"
    );
    let gone = world.visitor().sign_in(&world.acme, "alice").await;
    assert_eq!(gone.status, 409, "the address is in use");
    assert_eq!(world.bank.records_of("openid.disconnected").await.len(), 1);
}
