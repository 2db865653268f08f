//! From an empty server to an agent that acts, is held to its limits, and is stopped.

use procura_service::people;
use serde_json::json;

use crate::chromium::World;
use crate::support::flows::ALICE;
use crate::support::signers::TestHost;

impl World {
    /// Follows a link and makes a passkey there, by the authenticator that is plugged in.
    pub(crate) async fn arrive_with_passkey(&self, path: &str, email: Option<&str>) {
        self.open(path).await;
        if let Some(email) = email {
            self.fill("#email", email).await;
        }
        self.fill("#name", "Alice").await;
        self.press("button[value=passkey]").await;
        self.arrive("/account").await;
    }

    /// Sets up the first administrator, Alice, with a passkey.
    pub(crate) async fn set_up(&self) {
        let link = people::invite_first_administrator(&self.bank.ctx).await;
        let token = link.unwrap().unwrap();
        let path = format!("/setup/{}", token.expose());
        self.arrive_with_passkey(&path, Some(ALICE)).await;
    }
}

// AA-8.11-02, AA-8.10-07
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_the_first_run_to_a_stopped_agent() {
    let world = World::start().await;
    world.plug_in().await;
    world.set_up().await;
    world.see("Passkey").await;

    let host = TestHost::new();
    let wish = json!({
        "name": "Helper",
        "host_name": "Laptop",
        "capabilities": [
            { "name": "transfer_domestic", "constraints": { "amount": { "max": 1000 } } },
            "check_balance",
        ],
    });
    let (agent, answer) = world.bank.register(&host, &wish).await;
    let code = answer.user_code();
    world.open(&format!("/device?code={code}")).await;
    world.see("can change things").await;
    world.press(".ask:has([id^=most-]) summary").await;
    world.fill("[id^=most-]", "250").await;
    world.press("button[value=approve]").await;
    world.see("amount: at most 250").await;
    let recorded = &world.bank.records_of("approval.granted").await[0];
    assert_eq!(recorded["detail"]["proof"], "passkey");

    let pay = |amount: u32| {
        let arguments =
            json!({ "amount": amount, "currency": "USD", "destination_account": "acc_456" });
        world.bank.execute(&agent, "transfer_domestic", arguments)
    };
    assert_eq!(pay(250).await.status, 200);
    assert_eq!(pay(251).await.refusal(), (403, "constraint_violated"));

    world.open("/").await;
    world
        .press(&format!("a[href='/agents/{}']", agent.id))
        .await;
    world.see("amount: at most 250").await;
    world
        .press("form[action$='/revoke'].inside:not(#grants *) button")
        .await;
    world.see("The agent is stopped.").await;
    assert_eq!(pay(1).await.refusal(), (403, "agent_revoked"));
    world.close().await;
}
