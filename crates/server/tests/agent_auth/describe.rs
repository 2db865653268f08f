//! `GET /capability/describe` (§5.2.1).

use serde_json::json;

use super::list::ELSEWHERE;
use crate::support::signers::TestHost;
use crate::support::{Bank, extended};

// AA-5.2.1-01, AA-2.12-01, AA-2.12-04
#[tokio::test]
async fn a_capability_is_shown_with_its_schemas() {
    let bank = Bank::start().await;
    let answer = bank
        .get("/capability/describe?name=check_balance", None)
        .await;
    insta::assert_snapshot!(bank.shown(&answer), @r#"
    200 {
      "description": "Check the balance of one of your accounts",
      "input": {
        "additionalProperties": false,
        "properties": {
          "account_id": {
            "description": "The account to check",
            "type": "string"
          }
        },
        "required": [
          "account_id"
        ],
        "type": "object"
      },
      "name": "check_balance",
      "output": {
        "properties": {
          "account_id": {
            "type": "string"
          },
          "balance": {
            "type": "number"
          },
          "currency": {
            "type": "string"
          }
        },
        "type": "object"
      }
    }
    "#);
}

// AA-5.2.1-01, AA-2.12-02
#[tokio::test]
async fn what_a_capability_does_not_define_is_left_out() {
    let bank = Bank::start_with(&extended(ELSEWHERE)).await;
    let echo = bank.get("/capability/describe?name=echo", None).await;
    assert_eq!(echo.members(), ["description", "name"]);
    let accounts = bank
        .get("/capability/describe?name=list_accounts", None)
        .await;
    assert_eq!(accounts.members(), ["description", "name", "output"]);
    let tax = bank.get("/capability/describe?name=pay_tax", None).await;
    assert_eq!(tax.members(), ["description", "location", "name"]);
    assert_eq!(tax.body["location"], "https://tax.example/agent/execute");
}

// AA-5.2.1-02, AA-2.12-05
#[tokio::test]
async fn only_an_agent_is_told_whether_it_holds_the_capability() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!(["echo"])).await;
    for host in [&host, &TestHost::new()] {
        let token = host.token(&bank);
        let answer = bank
            .get("/capability/describe?name=echo", Some(&token))
            .await;
        assert_eq!(answer.status, 200);
        assert!(answer.body["grant_status"].is_null());
    }
    for (name, expected) in [("echo", "granted"), ("check_balance", "not_granted")] {
        let token = agent.token(&bank, &bank.issuer);
        let path = format!("/capability/describe?name={name}");
        let answer = bank.get(&path, Some(&token)).await;
        assert_eq!(answer.body["grant_status"], expected);
    }
}

// AA-5.2.1-04, AA-2.14-02
#[tokio::test]
async fn a_name_nobody_offers_is_not_found() {
    let bank = Bank::start().await;
    let long = "x".repeat(5_000);
    for name in ["fly", "Check_balance", "check_balance%20", "", "%00", &long] {
        let answer = bank
            .get(&format!("/capability/describe?name={name}"), None)
            .await;
        assert_eq!(answer.refusal(), (404, "capability_not_found"), "{name}");
        assert!(answer.text.len() < 1_000, "{}", answer.text.len());
    }
}

// AA-5.2.1-01, AA-5.13-05
#[tokio::test]
async fn a_query_without_a_name_is_refused() {
    let bank = Bank::start().await;
    for query in ["", "?", "?names=echo", "?name=echo&name=check_balance"] {
        let answer = bank
            .get(&format!("/capability/describe{query}"), None)
            .await;
        assert_eq!(answer.refusal(), (400, "invalid_request"), "{query}");
    }
}
