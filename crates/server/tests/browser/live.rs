//! Pages that stay open show what happens meanwhile.

use serde_json::json;

use crate::chromium::World;
use crate::support::flows::ALICE;
use crate::support::signers::TestAgent;

impl World {
    /// Alice before the page of an agent that may look at a balance. The page is marked, so that one that is
    /// loaded again is told from one that is not.
    async fn watching(&self) -> TestAgent {
        let authenticator = self.plug_in().await;
        self.set_up().await;
        self.unplug(authenticator).await;
        let (_, agent) = self.bank.approved_agent(json!(["check_balance"])).await;
        self.open(&format!("/agents/{}", agent.id)).await;
        self.see("Check the balance").await;
        self.run("window.isTheSame = true").await;
        agent
    }

    /// Waits until the page shows this text without having been loaded again.
    async fn see_without_loading(&self, text: &str) {
        let text = json!(text);
        let script =
            format!("document.body.innerText.includes({text}) && window.isTheSame === true");
        self.until(&script).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_shows_a_call_that_was_made_after_it_was_loaded() {
    let world = World::start().await;
    let agent = world.watching().await;
    let shown = "document.body.innerText.includes('acc_123')";
    assert_eq!(world.run(shown).await, false);
    let account = json!({ "account_id": "acc_123" });
    let answer = world.bank.execute(&agent, "check_balance", account).await;
    assert_eq!(answer.status, 200);
    world.see_without_loading("acc_123").await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_is_about_to_press_stays_where_it_is() {
    let world = World::start().await;
    let agent = world.watching().await;
    world.press("#grants .confirm summary").await;
    world
        .run("window.about = document.querySelector('#grants button')")
        .await;
    // This part is not as the server has it any more, and neither is the one beside it.
    world
        .run("document.querySelector('#grants .hint, #grants .facts-line').append('?')")
        .await;
    let account = json!({ "account_id": "acc_123" });
    world.bank.execute(&agent, "check_balance", account).await;
    world.see_without_loading("acc_123").await;
    assert_eq!(world.run("window.about.isConnected").await, true);

    // Once it is let go, it follows.
    world.press("#grants .confirm summary").await;
    world.run("document.activeElement.blur()").await;
    world.until("!window.about.isConnected").await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_whose_session_has_ended_shows_nothing_any_more() {
    let world = World::start().await;
    world.watching().await;
    let mut tx = world.bank.store.begin().await.unwrap();
    let alice = tx.find_person_by_email(&ALICE.parse().unwrap()).await;
    let alice = alice.unwrap().unwrap();
    tx.delete_sessions_of_person(&alice.id).await.unwrap();
    tx.commit().await.unwrap();
    world.until("location.pathname === '/login'").await;
    world.close().await;
}
