//! `POST /capability/batch-execute`: several calls under one token.

use serde_json::{Value, json};

use crate::support::Bank;
use crate::support::http::Answer;
use crate::support::signers::TestAgent;

async fn batch(bank: &Bank, token: &str, calls: Value) -> Answer {
    let body = json!({ "requests": calls });
    bank.post("/capability/batch-execute", Some(token), &body)
        .await
}

async fn agent(bank: &Bank) -> TestAgent {
    let limits = json!({ "account_id": "acc_123" });
    let scoped = json!({ "name": "check_balance", "constraints": limits });
    let wanted = json!([
        scoped,
        "list_accounts",
        "export_statement",
        "watch_balance",
        "echo"
    ]);
    bank.approved_agent(wanted).await.1
}

#[tokio::test]
async fn each_call_is_judged_by_itself_and_answered_in_order() {
    let bank = Bank::start().await;
    let agent = agent(&bank).await;
    let calls = json!([
        { "id": "a", "capability": "check_balance", "arguments": { "account_id": "acc_123" } },
        { "capability": "check_balance", "arguments": { "account_id": "acc_9" } },
        { "capability": "transfer_domestic" },
        { "capability": "fly" },
        { "capability": "export_statement", "arguments": { "account_id": "acc_123" } },
        { "capability": "watch_balance", "arguments": { "account_id": "acc_123" } },
        { "id": "last", "capability": "echo", "arguments": { "n": 7 } },
    ]);
    let answer = batch(&bank, &agent.token(&bank, &bank.execute_url()), calls).await;
    assert_eq!(answer.status, 200);
    let responses = answer.body["responses"].as_array().unwrap();
    let told: Vec<_> = responses
        .iter()
        .map(|one| {
            let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
            (
                text(&one["id"]),
                text(&one["status"]),
                text(&one["error"]["error"]),
            )
        })
        .collect();
    let told: Vec<_> = told
        .iter()
        .map(|(a, b, c)| (a.as_str(), b.as_str(), c.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("a", "completed", "-"),
            ("1", "failed", "constraint_violated"),
            ("2", "failed", "capability_not_granted"),
            ("3", "failed", "capability_not_found"),
            ("4", "failed", "batch_unsupported_result_type"),
            ("5", "failed", "batch_unsupported_result_type"),
            ("last", "completed", "-"),
        ]
    );
    assert_eq!(responses[6]["data"], json!({ "n": 7 }));
    assert_eq!(responses[1]["error"]["code"], "constraint_violated");
    assert_eq!(bank.records_of("capability.started").await.len(), 4);
    assert_eq!(bank.records_of("capability.refused").await.len(), 3);
}

// AA-4.3-08, AA-4.6-01
#[tokio::test]
async fn one_token_covers_one_batch_and_its_claim_bounds_every_call() {
    let bank = Bank::start().await;
    let agent = agent(&bank).await;
    let token = agent.token_for(&bank, &bank.execute_url(), &["echo"]);
    let calls = json!([{ "capability": "echo" }, { "capability": "list_accounts" }]);
    let answer = batch(&bank, &token, calls.clone()).await;
    assert_eq!(answer.body["responses"][0]["status"], "completed");
    assert_eq!(
        answer.body["responses"][1]["error"]["error"],
        "capability_not_granted"
    );
    assert_eq!(
        batch(&bank, &token, calls).await.refusal(),
        (401, "invalid_jwt")
    );
}

#[tokio::test]
async fn a_batch_holds_one_to_fifty_calls() {
    let bank = Bank::start().await;
    let agent = agent(&bank).await;
    for (count, status) in [(0, 400), (1, 200), (50, 200), (51, 400)] {
        let calls = json!(vec![json!({ "capability": "echo" }); count]);
        let answer = batch(&bank, &agent.token(&bank, &bank.execute_url()), calls).await;
        assert_eq!(answer.status, status, "{count}: {}", answer.text);
    }
    for wrong in [json!(7), json!([7]), json!([{ "arguments": {} }])] {
        let answer = batch(&bank, &agent.token(&bank, &bank.execute_url()), wrong).await;
        assert_eq!(answer.refusal(), (400, "invalid_request"));
    }
}

// AA-8.13-01
#[tokio::test]
async fn a_batch_is_no_way_around_the_limit() {
    let limited = crate::support::extended("[limits]\nagent = \"3/1h\"");
    let bank = Bank::start_limited(&limited).await;
    let host = crate::support::signers::TestHost::new();
    let agent = bank.autonomous_agent_of(&host).await;
    let calls = json!(vec![json!({ "capability": "echo" }); 5]);
    let answer = batch(&bank, &agent.token(&bank, &bank.execute_url()), calls).await;
    let responses = answer.body["responses"].as_array().unwrap();
    let refused = responses
        .iter()
        .filter(|one| one["error"]["error"] == "rate_limited");
    assert_eq!(refused.count(), 2, "{}", answer.text);
}
