//! Key types on the discovery list, and what taking one off it does.

use serde_json::json;

use crate::support::flows::{ALICE, wish};
use crate::support::signers::TestHost;
use crate::support::{BANK, Bank, with_issuer};

// AA-4.1-07, AA-8.16-02
#[tokio::test]
async fn a_key_type_taken_off_the_list_stays_good_for_those_who_have_it() {
    let config = with_issuer("https://bank.example");
    let bank = Bank::start_with(&config).await;
    let mut bank = bank;
    bank.issuer = "https://bank.example".to_owned();
    let (host, agent) = bank.approved_agent(json!(["echo"])).await;
    let (waiting, asked) = bank.register(&host, &wish(json!(["list_accounts"]))).await;
    let none = config.replacen("[provider]", "[provider]\nalgorithms = []", 1);
    let later = bank.restarted_with(&none).await;

    let document = later.get("/.well-known/agent-configuration", None).await;
    assert_eq!(document.body["algorithms"], json!([]));
    assert_eq!(later.execute(&agent, "echo", json!({})).await.status, 200);
    later.approve_all(&asked, ALICE).await;
    assert_eq!(later.status(&host, &waiting).await.body["status"], "active");
    for host in [&host, &TestHost::new()] {
        let (_, refused) = later.register(host, &wish(json!(["echo"]))).await;
        assert_eq!(refused.refusal(), (400, "unsupported_algorithm"));
    }
    let removed = procura_service::agent_auth::discovery::removed_algorithms_in_use(&later.ctx);
    assert_eq!(removed.await.unwrap().len(), 1);
    let removed = procura_service::agent_auth::discovery::removed_algorithms_in_use(&bank.ctx);
    assert_eq!(removed.await.unwrap(), []);
}

#[tokio::test]
async fn nobody_is_warned_about_keys_that_nobody_has() {
    let none = BANK.replacen("[provider]", "[provider]\nalgorithms = []", 1);
    let bank = Bank::start_with(&none).await;
    let removed = procura_service::agent_auth::discovery::removed_algorithms_in_use(&bank.ctx);
    assert_eq!(removed.await.unwrap(), []);
}
