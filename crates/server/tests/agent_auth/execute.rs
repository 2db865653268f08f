//! `POST /capability/execute` (§5.11).

use std::sync::Arc;

use procura_adapters::{Backend, BackendError, Call, Reply, async_trait};
use serde_json::{Value, json};

use super::list::ELSEWHERE;
use crate::support::flows::ALICE;
use crate::support::signers::TestHost;
use crate::support::{Bank, Setup, extended, offered, with_issuer};

// AA-5.11-01, AA-5.11-02, AA-5.11-05, AA-2.15-04, AA-2.15-07
#[tokio::test]
async fn a_granted_call_is_carried_out_and_answered_with_its_result() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!(["check_balance"])).await;
    let answer = bank
        .execute(&agent, "check_balance", json!({ "account_id": "acc_123" }))
        .await;
    insta::assert_snapshot!(bank.shown(&answer), @r#"
    200 {
      "data": {
        "account_id": "acc_123",
        "balance": 4280.13,
        "currency": "USD"
      }
    }
    "#);
}

// AA-5.11-04, AA-2.13-02, AA-1.4.1-01
#[tokio::test]
async fn arguments_may_be_absent_null_or_empty() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!(["echo"])).await;
    let bodies = [
        json!({ "capability": "echo" }),
        json!({ "capability": "echo", "arguments": null }),
        json!({ "capability": "echo", "arguments": {} }),
        json!({ "capability": "echo", "unknown": 1 }),
    ];
    for body in bodies {
        let token = agent.token(&bank, &bank.execute_url());
        let answer = bank.post("/capability/execute", Some(&token), &body).await;
        assert_eq!(
            (answer.status, &answer.body),
            (200, &json!({ "data": {} })),
            "{body}"
        );
    }
}

// AA-5.11-04
#[tokio::test]
async fn arguments_reach_the_backend_as_they_were_sent() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!(["echo"])).await;
    let sent = json!({ "a": [1, 2.5, null, true], "ü": { "b": "\u{0}\"" }, "n": 18_446_744_073_709_551_615_u64 });
    let answer = bank.execute(&agent, "echo", sent.clone()).await;
    assert_eq!(answer.body["data"], sent);
}

// AA-5.2.1-05
#[tokio::test]
async fn arguments_that_do_not_fit_the_schema_never_reach_the_backend() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!(["check_balance"])).await;
    for arguments in [
        json!({}),
        json!({ "account_id": 1 }),
        json!({ "account_id": "a", "b": 1 }),
    ] {
        let answer = bank
            .execute(&agent, "check_balance", arguments.clone())
            .await;
        assert_eq!(answer.refusal(), (400, "invalid_request"), "{arguments}");
    }
    assert!(bank.records_of("capability.started").await.is_empty());
}

// AA-5.11-30, AA-5.11-03
#[tokio::test]
async fn the_capability_has_to_be_named() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!(["echo"])).await;
    let bodies = [
        json!({}),
        json!({ "arguments": {} }),
        json!({ "capability": null }),
        json!({ "capability": 7 }),
        json!({ "capability": ["echo"] }),
        json!({ "capability": "" }),
        json!({ "capability": "e\ncho" }),
        json!({ "capability": "x".repeat(129) }),
        json!({ "capability": "echo", "arguments": [] }),
        json!({ "capability": "echo", "arguments": "{}" }),
        json!({ "capability": "echo", "arguments": 0 }),
    ];
    for body in bodies {
        let token = agent.token(&bank, &bank.execute_url());
        let answer = bank.post("/capability/execute", Some(&token), &body).await;
        assert_eq!(answer.refusal(), (400, "invalid_request"), "{body}");
    }
}

// AA-5.11-33, AA-2.14-02
#[tokio::test]
async fn a_name_nobody_offers_is_not_found() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!(["echo"])).await;
    for name in ["fly", "Echo", "echo ", "e\u{301}cho"] {
        let answer = bank.execute(&agent, name, json!({})).await;
        assert_eq!(answer.refusal(), (404, "capability_not_found"), "{name}");
    }
}

// AA-5.11-31, AA-5.11-03
#[tokio::test]
async fn without_an_active_grant_nothing_runs() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let wanted = json!({ "name": "A", "capabilities": ["list_accounts", "check_balance"] });
    let (agent, asked) = bank.register(&host, &wanted).await;
    bank.approve_some(&asked, ALICE, &["list_accounts"]).await;
    bank.request(&agent, json!(["watch_balance"])).await;
    // Denied, pending, and never asked for; even what would be granted for the asking.
    for name in ["check_balance", "watch_balance", "export_statement", "echo"] {
        let answer = bank
            .execute(&agent, name, json!({ "account_id": "a" }))
            .await;
        assert_eq!(answer.refusal(), (403, "capability_not_granted"), "{name}");
    }
    assert!(bank.records_of("capability.started").await.is_empty());
}

// AA-5.11-31
#[tokio::test]
async fn one_agents_grant_is_not_anothers() {
    let bank = Bank::start().await;
    let (host, one) = bank.approved_agent(json!(["list_accounts"])).await;
    let other = bank.approved_agent_of(&host, json!(["echo"])).await;
    assert_eq!(
        bank.execute(&one, "list_accounts", json!({})).await.status,
        200
    );
    let answer = bank.execute(&other, "list_accounts", json!({})).await;
    assert_eq!(answer.refusal(), (403, "capability_not_granted"));
}

// AA-2.12-06, AA-2.12-07
#[tokio::test]
async fn a_capability_that_was_removed_says_so_to_whoever_held_it() {
    let issuer = with_issuer("https://bank.example");
    let legacy = "[[capability]]\nname = \"legacy\"\ndescription = \"Old\"\napproval = \"none\"\nrespond = { value = 1 }\n";
    let before = Bank::start_with(&format!("{issuer}\n{legacy}")).await;
    let (host, holder) = before.approved_agent(json!(["legacy", "echo"])).await;
    let other = before.approved_agent_of(&host, json!(["echo"])).await;
    assert_eq!(
        before.execute(&holder, "legacy", json!({})).await.body["data"],
        1
    );

    let after = before.restarted_with(&issuer).await;
    let answer = after.execute(&holder, "legacy", json!({})).await;
    assert_eq!(answer.refusal(), (403, "capability_not_granted"));
    assert!(
        answer.text_of("message").contains("has been removed"),
        "{answer:?}"
    );
    let answer = after.execute(&other, "legacy", json!({})).await;
    assert_eq!(answer.refusal(), (404, "capability_not_found"));
    assert_eq!(after.execute(&holder, "echo", json!({})).await.status, 200);
}

// AA-5.11-02, AA-2.15-03, AA-4.3-07, AA-4.5-02, AA-8.18-01
#[tokio::test]
async fn the_token_has_to_name_this_place_or_the_issuer_exactly() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!(["echo"])).await;
    let (here, issuer) = (bank.execute_url(), bank.issuer.clone());
    for audience in [json!(here), json!(issuer), json!([here])] {
        let token = agent.token_with(&bank, "", |claims| claims["aud"] = audience.clone());
        let answer = bank.execute_by(&token, "echo", json!({})).await;
        assert_eq!(answer.status, 200, "{audience}");
    }
    let others = [
        json!(format!("{here}/")),
        json!(format!("{issuer}/")),
        json!(format!("{here}?")),
        json!(here.to_uppercase()),
        json!(format!("{issuer}/capability")),
        json!(format!("{issuer}/agent/introspect")),
        json!("https://bank.example/capability/execute"),
        json!([here, "https://elsewhere.example"]),
        json!([]),
        json!(""),
        json!(null),
        json!(7),
    ];
    for audience in others {
        let token = agent.token_with(&bank, "", |claims| claims["aud"] = audience.clone());
        let answer = bank.execute_by(&token, "echo", json!({})).await;
        assert_eq!(answer.refusal(), (401, "invalid_jwt"), "{audience}");
    }
}

// AA-4.3-08, AA-4.3-09, AA-4.5-11
#[tokio::test]
async fn a_token_covers_what_it_lists_or_everything_when_it_lists_nothing() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!(["echo", "list_accounts"])).await;
    let here = bank.execute_url();
    let refused = (403, "capability_not_granted");
    for (list, echo) in [
        (vec!["echo"], 200),
        (vec!["list_accounts", "echo"], 200),
        (vec![], 403),
        (vec!["list_accounts"], 403),
        (vec!["Echo"], 403),
    ] {
        let token = agent.token_for(&bank, &here, &list);
        let answer = bank.execute_by(&token, "echo", json!({})).await;
        assert_eq!(answer.status, echo, "{list:?}");
    }
    // Listing what it does not hold gives it nothing.
    let token = agent.token_for(&bank, &here, &["check_balance"]);
    let answer = bank
        .execute_by(&token, "check_balance", json!({ "account_id": "a" }))
        .await;
    assert_eq!(answer.refusal(), refused);
    let token = agent.token(&bank, &here);
    assert_eq!(
        bank.execute_by(&token, "list_accounts", json!({}))
            .await
            .status,
        200
    );
}

// AA-4.3-08
#[tokio::test]
async fn a_list_of_anything_but_names_makes_the_token_invalid() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!(["echo"])).await;
    for list in [
        json!("echo"),
        json!([7]),
        json!({ "echo": true }),
        json!(null),
        json!([""]),
    ] {
        let here = bank.execute_url();
        let token = agent.token_with(&bank, &here, |claims| claims["capabilities"] = list.clone());
        let answer = bank.execute_by(&token, "echo", json!({})).await;
        assert_eq!(answer.refusal(), (401, "invalid_jwt"), "{list}");
    }
}

#[tokio::test]
async fn the_first_thing_wrong_decides_the_answer() {
    let bank = Bank::start().await;
    let limits = json!({ "amount": { "max": 5 } });
    let transfer = json!([{ "name": "transfer_domestic", "constraints": limits }]);
    let (_, agent) = bank.approved_agent(transfer).await;
    let bad = json!({ "amount": 6, "currency": "dollars" });
    let good = json!({ "amount": 5, "currency": "dollars" });
    let none: &[&str] = &[];
    let all: &[&str] = &["transfer_domestic", "fly", "check_balance"];
    let cases = [
        (none, "fly", &bad, (404, "capability_not_found")),
        (
            none,
            "transfer_domestic",
            &bad,
            (403, "capability_not_granted"),
        ),
        (all, "check_balance", &bad, (403, "capability_not_granted")),
        (all, "transfer_domestic", &bad, (403, "constraint_violated")),
        (all, "transfer_domestic", &good, (400, "invalid_request")),
    ];
    for (list, name, arguments, expected) in cases {
        let token = agent.token_for(&bank, &bank.execute_url(), list);
        let answer = bank.execute_by(&token, name, arguments.clone()).await;
        assert_eq!(answer.refusal(), expected, "{name} {arguments}");
    }
}

// AA-2.12-02, AA-2.15-03
#[tokio::test]
async fn what_is_carried_out_elsewhere_is_not_carried_out_here() {
    let bank = Bank::start_with(&extended(ELSEWHERE)).await;
    let (_, agent) = bank.approved_agent(json!(["pay_tax"])).await;
    let answer = bank.execute(&agent, "pay_tax", json!({})).await;
    assert_eq!(answer.refusal(), (400, "invalid_request"));
    let message = answer.text_of("message");
    assert!(
        message.contains("https://tax.example/agent/execute"),
        "{message}"
    );
    let elsewhere = agent.token(&bank, "https://tax.example/agent/execute");
    let answer = bank.execute_by(&elsewhere, "pay_tax", json!({})).await;
    assert_eq!(answer.refusal(), (401, "invalid_jwt"));
}

struct Broken;

#[async_trait]
impl Backend for Broken {
    async fn call(&self, _: Call<'_>) -> Result<Reply, BackendError> {
        Err(BackendError::Failed(
            "the vault at 10.0.0.7 said: no such secret".to_owned(),
        ))
    }
}

struct Panicking;

#[async_trait]
impl Backend for Panicking {
    async fn call(&self, _: Call<'_>) -> Result<Reply, BackendError> {
        panic!("the vault at 10.0.0.7 fell over")
    }
}

// AA-5.13-10
#[tokio::test]
async fn a_backend_that_fails_is_an_internal_error_that_tells_nothing() {
    let backends = [
        ("broken", Arc::new(Broken) as Arc<dyn Backend>),
        ("panicking", Arc::new(Panicking)),
    ];
    let offers = backends.map(|(name, backend)| offered(name, backend));
    let bank = Setup {
        offered: offers.into(),
        ..Setup::default()
    }
    .start()
    .await;
    let (_, agent) = bank
        .approved_agent(json!(["broken", "panicking", "echo"]))
        .await;
    for name in ["broken", "panicking"] {
        let answer = bank.execute(&agent, name, json!({})).await;
        assert_eq!(answer.refusal(), (500, "internal_error"), "{name}");
        assert_eq!(answer.members(), ["error", "message"]);
        assert!(!answer.text.contains("vault"), "{}", answer.text);
    }
    assert_eq!(bank.execute(&agent, "echo", json!({})).await.status, 200);
}

struct WhoCalls;

#[async_trait]
impl Backend for WhoCalls {
    async fn call(&self, call: Call<'_>) -> Result<Reply, BackendError> {
        let Call {
            agent_id,
            host_id,
            user_id,
            ..
        } = call;
        Ok(Reply::Value(json!([agent_id, host_id, user_id])))
    }
}

// AA-3.2-03
#[tokio::test]
async fn a_backend_learns_who_calls_and_for_whom() {
    let offers = vec![offered("who", Arc::new(WhoCalls))];
    let bank = Setup {
        offered: offers,
        ..Setup::default()
    }
    .start()
    .await;
    let (host, agent) = bank.approved_agent(json!(["who"])).await;
    let status = bank.status(&host, &agent).await.body;
    let answer = bank.execute(&agent, "who", json!({})).await;
    assert_eq!(
        answer.body["data"],
        json!([agent.id, status["host_id"], status["user_id"]])
    );
    let body = json!({ "name": "W", "mode": "autonomous", "capabilities": ["who"] });
    let (worker, _) = bank.register(&TestHost::new(), &body).await;
    let answer = bank.execute(&worker, "who", json!({})).await;
    assert_eq!(answer.body["data"][2], Value::Null);
}
