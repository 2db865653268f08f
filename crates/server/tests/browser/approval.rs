//! Saying yes with a passkey.

use serde_json::json;

use crate::chromium::World;
use crate::support::signers::TestHost;

impl World {
    /// The code of a request by a new app for these capabilities.
    pub(crate) async fn requested(&self, capabilities: &[&str]) -> String {
        let wish = json!({ "name": "Helper", "host_name": "Laptop", "capabilities": capabilities });
        let (_, answer) = self.bank.register(&TestHost::new(), &wish).await;
        answer.user_code()
    }

    pub(crate) async fn approvals(&self) -> usize {
        self.bank.records_of("approval.granted").await.len()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passkey_signs_in_and_approves_without_a_password() {
    let world = World::start().await;
    world.plug_in().await;
    world.set_up().await;
    world
        .run("fetch('/logout', { method: 'POST' }).then((answer) => answer.status)")
        .await;

    let code = world.requested(&["transfer_domestic"]).await;
    world.open(&format!("/device?code={code}")).await;
    // The passkey is offered in the e-mail field; the authenticator of the test takes the offer at once.
    world.see("can change things").await;
    world.press("button[value=approve]").await;
    world.see("may now").await;
    let recorded = &world.bank.records_of("person.sign_in").await[1];
    assert_eq!(recorded["detail"]["method"], "passkey");
    world.close().await;
}

// AA-8.11-04
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authenticator_that_does_not_know_its_user_approves_nothing() {
    let world = World::start().await;
    let authenticator = world.plug_in().await;
    world.set_up().await;
    let code = world.requested(&["transfer_domestic"]).await;
    world.open(&format!("/device?code={code}")).await;
    world.by_a_stranger(&authenticator).await;
    world.press("button[value=approve]").await;
    world.see("The passkey was not used.").await;
    assert_eq!(world.approvals().await, 0);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn denying_takes_no_passkey() {
    let world = World::start().await;
    let authenticator = world.plug_in().await;
    world.set_up().await;
    world.unplug(authenticator).await;
    let code = world.requested(&["transfer_domestic"]).await;
    world.open(&format!("/device?code={code}")).await;
    world.press("button[value=deny]").await;
    world.see("was turned down").await;
    world.close().await;
}
