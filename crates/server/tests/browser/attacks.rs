//! What software that drives a signed-in browser tries, and what other sites try (AAP §8.10, §8.11).

use procura_service::people;
use serde_json::{Value, json};

use crate::chromium::World;
use crate::support::flows::ALICE;
use crate::support::{Setup, extended};

const PASSWORD: &str = "correct horse battery staple";

impl World {
    /// Alice, who has a password and a passkey whose authenticator is then taken away, signed in by password.
    async fn signed_in_without_authenticator(&self) {
        let authenticator = self.plug_in().await;
        self.set_up().await;
        self.unplug(authenticator).await;
        self.sign_in_by_password().await;
    }

    async fn sign_in_by_password(&self) {
        let mut tx = self.bank.store.begin().await.unwrap();
        let alice = tx
            .find_person_by_email(&ALICE.parse().unwrap())
            .await
            .unwrap()
            .unwrap();
        let hash = procura_people::password::PasswordHash::new(PASSWORD, [7; 16]).unwrap();
        tx.set_password(&alice.id, Some(&hash), self.bank.now())
            .await
            .unwrap();
        tx.delete_sessions_of_person(&alice.id).await.unwrap();
        tx.commit().await.unwrap();
        self.open("/login").await;
        self.fill("#email", ALICE).await;
        self.fill("#password", PASSWORD).await;
        self.press("form[action$='/login'] button").await;
        self.until("document.querySelector('form.who') !== null")
            .await;
    }

    /// Sends the form of the request that is shown, as a script in the page can, with these changes to it.
    async fn send_decision(&self, changes: &str) -> Value {
        self.run(&format!(
            "(async () => {{
                const form = new FormData(document.querySelector('form.consent'));
                form.set('decision', 'approve');
                {changes}
                const response = await fetch('/device', {{ method: 'POST', body: new URLSearchParams(form) }});
                return response.status;
            }})()"
        ))
        .await
    }
}

// AA-8.11-02
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cookie_and_password_without_authenticator_approve_nothing_that_changes_things() {
    let world = World::start().await;
    world.signed_in_without_authenticator().await;
    let code = world.requested(&["transfer_domestic"]).await;
    world.open(&format!("/device?code={code}")).await;
    assert_eq!(world.send_decision("").await, 403);
    let forged = "form.set('answer', JSON.stringify({ id: 'AAAAAAAAAAAAAAAAAAAAAAAA', response: \
                  { clientDataJSON: 'e30', authenticatorData: 'AAAA', signature: 'AAAA' } }));";
    assert_eq!(world.send_decision(forged).await, 403);
    assert_eq!(world.approvals().await, 0);
    world.close().await;
}

// AA-8.11-02
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authenticator_of_the_agents_own_cannot_be_added() {
    let world = World::start().await;
    world.signed_in_without_authenticator().await;
    // A browser that is driven can be given an authenticator made of software.
    world.plug_in().await;
    world.open("/account").await;
    world.fill("#name", "Mine").await;
    world
        .press("form[action$='/account/passkeys'] button")
        .await;
    world.see("The passkey was not used.").await;
    let codes = world.run("fetch('/account/recovery', { method: 'POST', body: new URLSearchParams() }).then((r) => r.status)");
    assert_eq!(codes.await, 422);
    let asked = world.run("fetch('/account/passkeys/challenge', { method: 'POST', body: new URLSearchParams() }).then((r) => r.status)");
    assert_eq!(asked.await, 204);
    let removed = world.run(
        "fetch(document.querySelector(\"form[action$='/remove']\").action, { method: 'POST', body: new URLSearchParams() }).then((r) => r.status)",
    );
    assert_eq!(removed.await, 422);
    let mut tx = world.bank.store.read().await.unwrap();
    let alice = tx
        .find_person_by_email(&ALICE.parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        tx.list_passkeys_by_person(&alice.id).await.unwrap().len(),
        1
    );
    assert_eq!(tx.count_recovery_codes(&alice.id).await.unwrap(), 0);
    world.close().await;
}

// AA-8.11-02
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_does_not_bring_in_the_first_passkey() {
    let world = World::start().await;
    let password = Some(PASSWORD.to_owned());
    people::add_person(
        &world.bank.ctx,
        "test",
        ALICE.parse().unwrap(),
        "Alice".into(),
        password,
    )
    .await
    .unwrap();
    world.sign_in_by_password().await;
    world.plug_in().await;
    world.open("/account").await;
    world.see("A password cannot add the first passkey").await;
    let asked = world.run("fetch('/account/passkeys/challenge', { method: 'POST', body: new URLSearchParams() }).then((r) => r.status)");
    assert_eq!(asked.await, 204);
    world.close().await;
}

// AA-8.11-05
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gesture_for_one_request_approves_no_other() {
    let world = World::start().await;
    world.plug_in().await;
    world.set_up().await;
    let (small, large) = (
        world.requested(&["transfer_domestic"]).await,
        world
            .requested(&["transfer_domestic", "check_balance"])
            .await,
    );
    world.open(&format!("/device?code={small}")).await;
    let answer = world.run(GESTURE).await;
    world.open(&format!("/device?code={large}")).await;
    let swapped = format!("form.set('answer', {answer});");
    assert_eq!(world.send_decision(&swapped).await, 403);
    // The challenge is used up, so it does not even count for what it was made for.
    world.open(&format!("/device?code={small}")).await;
    assert_eq!(world.send_decision(&swapped).await, 403);
    assert_eq!(world.approvals().await, 0);

    let fresh = world.run(GESTURE).await;
    let honest = format!("form.set('answer', {fresh});");
    assert_eq!(world.send_decision(&honest).await, 200);
    assert_eq!(world.approvals().await, 1);
    world.close().await;
}

// AA-8.11-05
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_changed_after_it_was_shown_is_not_approved() {
    let world = World::start().await;
    world.plug_in().await;
    world.set_up().await;
    let code = world.requested(&["transfer_domestic"]).await;
    world.open(&format!("/device?code={code}")).await;
    // What was shown is named by its digest; here it names something else than what is approved.
    world
        .run("document.querySelector('[name=shown]').value = 'A'.repeat(43)")
        .await;
    world.press("button[value=approve]").await;
    world
        .see("The request changed while you were reading it.")
        .await;
    assert_eq!(world.approvals().await, 0);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_page_is_shown_in_a_frame() {
    let world = World::start().await;
    world.plug_in().await;
    world.set_up().await;
    let frame = json!(format!("{}/account", world.bank.issuer));
    let shown = world
        .run(&format!(
            "new Promise((done) => {{
                const frame = document.createElement('iframe');
                frame.src = {frame};
                frame.onload = () => {{
                    try {{ done(frame.contentDocument?.body?.innerText ?? 'nothing'); }} catch {{ done('nothing'); }}
                }};
                document.body.append(frame);
            }})"
        ))
        .await;
    assert!(!shown.to_string().contains("Your account"), "{shown}");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_of_another_site_changes_nothing() {
    let world = World::start().await;
    world.plug_in().await;
    world.set_up().await;
    let target = json!(format!("{}/account/sessions/end", world.bank.issuer));
    world
        .page
        .goto("data:text/html,<p>Win a prize")
        .await
        .unwrap();
    let submit = format!(
        "(() => {{
            const form = document.createElement('form');
            form.method = 'post';
            form.action = {target};
            document.body.append(form);
            form.submit();
        }})()"
    );
    world.run(&submit).await;
    world.see("This form came from somewhere else").await;
    world.open("/account").await;
    world.see("this browser").await;
    assert_eq!(world.bank.records_of("sessions.ended").await.len(), 0);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_was_planted_does_not_become_the_victims() {
    let world = World::start().await;
    world.plug_in().await;
    world.set_up().await;
    let planted = world.page.get_cookies().await.unwrap();
    let planted = planted
        .iter()
        .find(|cookie| cookie.name == "procura_session")
        .unwrap();
    let planted = format!("procura_session={}", planted.value);
    world.open("/login").await;
    // The passkey is offered in the e-mail field, and the authenticator of the test takes the offer at once.
    world.arrive("/").await;
    let headers = [("cookie", planted)];
    let answer = world.bank.raw("GET", "/account", &headers, None).await;
    assert_eq!(
        answer.status, 303,
        "the session from before the sign-in still works"
    );
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guessing_codes_comes_to_an_end() {
    let world = World::with(Setup {
        config: extended("[limits]\nuser_code = \"3/1h\""),
        limited: true,
        ..Setup::default()
    })
    .await;
    world.plug_in().await;
    world.set_up().await;
    for code in ["BCDF-GHJK", "BCDF-GHJL", "BCDF-GHJM"] {
        world.open(&format!("/device?code={code}")).await;
        world.see("No request has this code").await;
    }
    let code = world.requested(&["check_balance"]).await;
    world.open(&format!("/device?code={code}")).await;
    world.see("Too many tries").await;
    world.close().await;
}

/// What a page does when its button is pressed, short of sending the form.
const GESTURE: &str = "(async () => {
    const bytes = (text) => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
    const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
        .replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
    const form = new FormData(document.querySelector('form.consent'));
    form.set('decision', 'approve');
    const response = await fetch('/device/challenge', { method: 'POST', body: new URLSearchParams(form) });
    const options = await response.json();
    options.challenge = bytes(options.challenge);
    options.allowCredentials.forEach((one) => { one.id = bytes(one.id); });
    const used = await navigator.credentials.get({ publicKey: options });
    return JSON.stringify({
        id: used.id,
        response: {
            clientDataJSON: text(used.response.clientDataJSON),
            authenticatorData: text(used.response.authenticatorData),
            signature: text(used.response.signature),
        },
    });
})()";
