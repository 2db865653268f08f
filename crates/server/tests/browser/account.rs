//! A person's ways to sign in.

use std::time::Duration;

use procura_service::people;

use crate::chromium::World;
use crate::support::flows::ALICE;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_passkey_is_added_with_the_first_and_named_and_removed() {
    let world = World::start().await;
    let first = world.plug_in().await;
    world.set_up().await;
    let codes = "form[action$='/account/recovery'] button";
    world.press(codes).await;
    world.see("Write them down now.").await;
    let shown = world
        .run("document.querySelectorAll('.codes li').length")
        .await;
    assert_eq!(shown, 10);

    world.open("/account").await;
    world.press("#passkeys ~ .lines summary").await;
    world.fill("#name-1", "Laptop <b>").await;
    world.press("form[action$='/name'] button").await;
    world.see("The passkey has its new name.").await;
    world.see("Laptop <b>").await;

    // The first authenticator says yes; then it gives way to another one, as a person who picks one would have it.
    world.bank.clock.advance(Duration::from_secs(1));
    world.run(MAKE_LATER).await;
    world.fill("#name", "Phone").await;
    world
        .press("form[action$='/account/passkeys'] button")
        .await;
    world.until("window.making === true").await;
    world.unplug(first).await;
    let second = world.plug_in_key().await;
    world.run("window.make()").await;
    world.see("The passkey was added.").await;
    world.see("Phone").await;

    world.press("form[action$='/remove'] button").await;
    world.see("The passkey was removed.").await;
    world
        .until("!document.body.innerText.includes('Laptop')")
        .await;
    world.unplug(second).await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_brings_a_passkey_to_an_account_that_has_only_a_password() {
    let world = World::start().await;
    let email: procura_people::person::Email = ALICE.parse().unwrap();
    let password = Some("correct horse battery staple".to_owned());
    let added = people::add_person(
        &world.bank.ctx,
        "test",
        email.clone(),
        "Alice".into(),
        password,
    );
    let alice = added.await.unwrap();
    let link = people::invite(&world.bank.ctx, "test", email, false)
        .await
        .unwrap();
    world.plug_in().await;
    let path = format!("/invite/{}", link.expose());
    world.arrive_with_passkey(&path, None).await;
    let mut tx = world.bank.store.read().await.unwrap();
    let passkeys = tx.list_passkeys_by_person(&alice.id).await.unwrap();
    assert_eq!(passkeys.len(), 1);
    world.open(&path).await;
    world.see("This link does not work any more").await;
    world.close().await;
}

/// Lets a passkey be made only when the test says so.
const MAKE_LATER: &str = "{
    const make = navigator.credentials.create.bind(navigator.credentials);
    navigator.credentials.create = async (options) => {
        window.making = true;
        await new Promise((done) => { window.make = done; });
        return make(options);
    };
}";
