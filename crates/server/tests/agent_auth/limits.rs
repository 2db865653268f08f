//! Rate limits (§8.13, §5.12).

use serde_json::json;

use crate::support::flows::wish;
use crate::support::http::Answer;
use crate::support::signers::{TestHost, tampered};
use crate::support::{Bank, changed, extended};

async fn bank(limit: &str) -> Bank {
    Bank::start_limited(&extended(&format!("[limits]\n{limit}"))).await
}

fn assert_limited(answer: &Answer) {
    assert_eq!(answer.refusal(), (429, "rate_limited"));
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=3600).contains(&seconds), "{seconds}");
}

// AA-8.13-01, AA-8.13-03, AA-8.13-04
#[tokio::test]
async fn an_agent_that_calls_too_often_is_told_when_to_come_back() {
    let bank = bank(r#"agent = "3/1h""#).await;
    let (host, agent) = bank.approved_agent(json!(["echo"])).await;
    let sibling = bank.approved_agent_of(&host, json!(["echo"])).await;
    for _ in 0..3 {
        assert_eq!(bank.execute(&agent, "echo", json!({})).await.status, 200);
    }
    assert_limited(&bank.execute(&agent, "echo", json!({})).await);
    assert_limited(&bank.request(&agent, json!(["echo"])).await);
    // Each agent has a budget of its own.
    assert_eq!(bank.execute(&sibling, "echo", json!({})).await.status, 200);
    assert_eq!(bank.records_of("capability.started").await.len(), 4);
}

// AA-8.13-01, AA-8.13-03, AA-8.13-04
#[tokio::test]
async fn a_host_and_all_its_agents_share_a_budget() {
    let bank = bank(r#"host = "3/1h""#).await;
    let (host, agent) = bank.approved_agent(json!(["echo"])).await;
    let sibling = bank.approved_agent_of(&host, json!(["echo"])).await;
    assert_eq!(bank.execute(&agent, "echo", json!({})).await.status, 200);
    assert_eq!(bank.execute(&sibling, "echo", json!({})).await.status, 200);
    assert_limited(&bank.execute(&agent, "echo", json!({})).await);
    assert_limited(&bank.revoke(&host, &agent).await);
    let (other, _) = bank.register(&TestHost::new(), &wish(json!([]))).await;
    assert_ne!(other.id, "");
}

// AA-8.13-01
#[tokio::test]
async fn all_hosts_of_a_person_share_a_budget() {
    let bank = bank(r#"person = "2/1h""#).await;
    let (_, laptop) = bank.approved_agent(json!(["echo"])).await;
    let (_, phone) = bank.approved_agent(json!(["echo"])).await;
    let others = bank.autonomous_agent_of(&TestHost::new()).await;
    assert_eq!(bank.execute(&laptop, "echo", json!({})).await.status, 200);
    assert_eq!(bank.execute(&phone, "echo", json!({})).await.status, 200);
    assert_limited(&bank.execute(&laptop, "echo", json!({})).await);
    assert_limited(&bank.execute(&phone, "echo", json!({})).await);
    assert_eq!(bank.execute(&others, "echo", json!({})).await.status, 200);
}

// AA-8.13-01, AA-8.13-02
#[tokio::test]
async fn a_capability_may_be_limited_more_tightly_than_others() {
    let config = changed("name = \"echo\"\n", "name = \"echo\"\nrate = \"2/1h\"\n");
    let limits = "[limits]\ncapability = \"4/1h\"\npresence_capability = \"1/1h\"";
    let bank = Bank::start_limited(&format!("{config}\n{limits}\n")).await;
    let wanted = json!(["echo", "list_accounts", "transfer_domestic"]);
    let (host, agent) = bank.approved_agent(wanted).await;
    let transfer = json!({ "amount": 1, "currency": "USD", "destination_account": "acc_2" });
    for (name, arguments, times) in [
        ("echo", json!({}), 2),
        ("list_accounts", json!({}), 4),
        ("transfer_domestic", transfer, 1),
    ] {
        for _ in 0..times {
            let answer = bank.execute(&agent, name, arguments.clone()).await;
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        assert_limited(&bank.execute(&agent, name, arguments).await);
    }
    // What is refused for other reasons does not count, and neither does another agent.
    let sibling = bank.approved_agent_of(&host, json!(["echo"])).await;
    for _ in 0..3 {
        let answer = bank.execute(&sibling, "list_accounts", json!({})).await;
        assert_eq!(answer.refusal(), (403, "capability_not_granted"));
    }
    assert_eq!(bank.execute(&sibling, "echo", json!({})).await.status, 200);
    // A batch is no way around it.
    let calls = json!({ "requests": [{ "capability": "echo" }, { "capability": "echo" }] });
    let token = sibling.token(&bank, &bank.execute_url());
    let batch = bank
        .post("/capability/batch-execute", Some(&token), &calls)
        .await;
    let outcomes = batch.body["responses"].as_array().unwrap();
    let codes: Vec<_> = outcomes.iter().map(|one| &one["error"]["error"]).collect();
    assert_eq!(
        codes.iter().filter(|code| **code == "rate_limited").count(),
        1,
        "{batch:?}"
    );
}

// AA-8.13-01, AA-8.13-03
#[tokio::test]
async fn asking_how_things_stand_costs_nothing_that_work_needs() {
    let bank = bank("agent = \"2/1h\"\nhost = \"4/1h\"\npolling = \"3/1h\"").await;
    let (host, agent) = bank.approved_agent(json!(["export_statement"])).await;
    for _ in 0..3 {
        assert_eq!(bank.status(&host, &agent).await.status, 200);
    }
    assert_limited(&bank.status(&host, &agent).await);
    let arguments = json!({ "account_id": "acc_1" });
    let started = bank
        .execute(&agent, "export_statement", arguments.clone())
        .await;
    let job = started.text_of("status_url")[bank.issuer.len()..].to_owned();
    for _ in 0..3 {
        let token = agent.token(&bank, &bank.execute_url());
        assert!(bank.get(&job, Some(&token)).await.status < 300);
    }
    let token = agent.token(&bank, &bank.execute_url());
    assert_limited(&bank.get(&job, Some(&token)).await);
    // Neither budget was touched by the other.
    let answer = bank
        .execute(&agent, "export_statement", arguments.clone())
        .await;
    assert_eq!(answer.status, 202);
    assert_limited(&bank.execute(&agent, "export_statement", arguments).await);
    assert_eq!(bank.revoke(&host, &agent).await.status, 200);
}

// AA-8.13-01, AA-8.13-03, AA-8.13-04
#[tokio::test]
async fn what_nobody_has_to_authenticate_for_is_limited_by_address() {
    let bank = bank(r#"address = "5/1h""#).await;
    let (_, agent) = bank.approved_agent(json!(["echo"])).await;
    for path in [
        "/.well-known/agent-configuration",
        "/capability/list",
        "/capability/describe?name=echo",
        "/capability/list",
    ] {
        assert_eq!(bank.get(path, None).await.status, 200, "{path}");
    }
    assert_limited(&bank.get("/.well-known/agent-configuration", None).await);
    assert_limited(&bank.get("/capability/list", None).await);
    let (_, answer) = bank.register(&TestHost::new(), &wish(json!([]))).await;
    assert_limited(&answer);
    // Whoever authenticates counts as who they are.
    let token = agent.token(&bank, &bank.issuer);
    assert_eq!(bank.get("/capability/list", Some(&token)).await.status, 200);
    assert_eq!(bank.execute(&agent, "echo", json!({})).await.status, 200);
}

#[tokio::test]
async fn a_replayed_token_does_not_spend_the_budget_of_whom_it_names() {
    let bank = bank(r#"agent = "2/1h""#).await;
    let (_, agent) = bank.approved_agent(json!(["echo"])).await;
    let token = agent.token(&bank, &bank.execute_url());
    assert_eq!(bank.execute_by(&token, "echo", json!({})).await.status, 200);
    for _ in 0..3 {
        let again = bank.execute_by(&token, "echo", json!({})).await;
        assert_eq!(again.refusal(), (401, "invalid_jwt"));
    }
    assert_eq!(bank.execute(&agent, "echo", json!({})).await.status, 200);
}

// AA-8.13-07, AA-8.13-01
#[tokio::test]
async fn an_address_may_bring_only_so_many_unknown_hosts() {
    let bank = bank(r#"unknown_host = "2/1h""#).await;
    let known = TestHost::new();
    bank.register(&known, &wish(json!([]))).await;
    bank.register(&TestHost::new(), &wish(json!([]))).await;
    let (_, answer) = bank.register(&TestHost::new(), &wish(json!([]))).await;
    assert_limited(&answer);
    // Whoever is known is not affected.
    let (_, answer) = bank.register(&known, &wish(json!([]))).await;
    assert_eq!(answer.status, 200);
}

// AA-5.12-09, AA-8.13-01
#[tokio::test]
async fn introspection_without_credentials_is_limited_by_address() {
    let bank = bank(r#"introspection = "2/1h""#).await;
    for _ in 0..2 {
        assert_eq!(bank.introspect("x").await.body["active"], false);
    }
    assert_limited(&bank.introspect("x").await);
}

#[tokio::test]
async fn a_forged_token_does_not_spend_the_budget_of_whom_it_names() {
    let bank = bank("agent = \"1/1h\"\nhost = \"2/1h\"").await;
    let (host, agent) = bank.approved_agent(json!(["echo"])).await;
    for _ in 0..3 {
        let forged = tampered(&agent.token(&bank, &bank.execute_url()));
        assert_eq!(
            bank.execute_by(&forged, "echo", json!({})).await.status,
            401
        );
        let forged = tampered(&host.token(&bank));
        assert_eq!(
            bank.get("/capability/list", Some(&forged)).await.status,
            401
        );
    }
    assert_eq!(bank.execute(&agent, "echo", json!({})).await.status, 200);
    assert_eq!(
        bank.get("/capability/list", Some(&host.token(&bank)))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_token_that_was_turned_away_for_the_rate_may_be_sent_again() {
    let bank = bank(r#"agent = "1/1h""#).await;
    let (_, agent) = bank.approved_agent(json!(["echo"])).await;
    let (first, second) = (
        agent.token(&bank, &bank.issuer),
        agent.token(&bank, &bank.issuer),
    );
    assert_eq!(bank.execute_by(&first, "echo", json!({})).await.status, 200);
    assert_limited(&bank.execute_by(&second, "echo", json!({})).await);
    // Not used up: still limited, and not a replay.
    assert_limited(&bank.execute_by(&second, "echo", json!({})).await);
}
