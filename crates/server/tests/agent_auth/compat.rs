//! `compat = "better-auth"`: each thing that is let pass, and that it is refused without.

mod life;

use serde_json::{Value, json};

use crate::support::flows::wish;
use crate::support::http::Answer;
use crate::support::signers::{TestAgent, TestHost};
use crate::support::{BANK, Bank};

/// The example's bank, strict and lenient, with agents of unknown hosts left to the default.
async fn banks() -> [(bool, Bank); 2] {
    let config = BANK.replace(r#"unknown_hosts = "activate""#, "");
    let lenient = config.replacen("[provider]", "compat = \"better-auth\"\n[provider]", 1);
    assert_ne!(config, lenient);
    [
        (false, Bank::start_with(&config).await),
        (true, Bank::start_with(&lenient).await),
    ]
}

fn without_issuer(bank: &Bank, agent: &TestAgent, audience: &str) -> String {
    agent.token_with(bank, audience, |claims| {
        claims.as_object_mut().unwrap().remove("iss");
    })
}

#[tokio::test]
async fn an_agent_token_may_lack_its_issuer() {
    for (lenient, bank) in banks().await {
        let (_, agent) = bank.approved_agent(json!(["echo"])).await;
        let token = without_issuer(&bank, &agent, &bank.execute_url());
        let answer = bank.execute_by(&token, "echo", json!({})).await;
        assert_eq!(answer.status, if lenient { 200 } else { 401 });
        let again = bank.execute_by(&token, "echo", json!({})).await;
        assert_eq!(again.refusal(), (401, "invalid_jwt"), "a replay stays one");
    }
}

#[tokio::test]
async fn a_wrong_issuer_and_a_wrong_key_are_refused_all_the_same() {
    for (_, bank) in banks().await {
        let (_, agent) = bank.approved_agent(json!(["echo"])).await;
        let (_, other) = bank.approved_agent(json!(["echo"])).await;
        for wrong in [json!(other.issuer), json!(""), json!(null), json!(7)] {
            let token = agent.token_with(&bank, &bank.execute_url(), |claims| {
                claims["iss"] = wrong.clone();
            });
            let answer = bank.execute_by(&token, "echo", json!({})).await;
            assert_eq!(answer.refusal(), (401, "invalid_jwt"), "{wrong}");
        }
        let thief = TestAgent {
            id: agent.id.clone(),
            ..other
        };
        let token = without_issuer(&bank, &thief, &bank.execute_url());
        let answer = bank.execute_by(&token, "echo", json!({})).await;
        assert_eq!(answer.refusal(), (401, "invalid_jwt"));
    }
}

/// The key of a host comes from its token, so `iss` is all that ties them.
#[tokio::test]
async fn a_host_token_needs_its_issuer_all_the_same() {
    for (_, bank) in banks().await {
        let host = TestHost::new();
        let agent = host.new_agent();
        let token = host.token_with(&bank, |claims| {
            claims["agent_public_key"] = crate::support::signers::jwk(&agent.key);
            claims.as_object_mut().unwrap().remove("iss");
        });
        let body = wish(json!([]));
        let answer = bank.post("/agent/register", Some(&token), &body).await;
        assert_eq!(answer.refusal(), (401, "invalid_jwt"));
    }
}

#[tokio::test]
async fn autonomous_agents_of_strangers_may_be_active_at_once() {
    let body = json!({ "name": "Worker", "mode": "autonomous", "capabilities": ["echo"] });
    for (lenient, bank) in banks().await {
        let (_, answer) = bank.register(&TestHost::new(), &body).await;
        let expected = if lenient { "active" } else { "pending" };
        assert_eq!(answer.body["status"], expected);
    }
    let told = BANK.replace(
        r#"unknown_hosts = "activate""#,
        r#"unknown_hosts = "refuse""#,
    );
    let told = told.replacen("[provider]", "compat = \"better-auth\"\n[provider]", 1);
    let bank = Bank::start_with(&told).await;
    let (_, answer) = bank.register(&TestHost::new(), &body).await;
    assert_eq!(answer.status, 400, "the configuration has the last word");
}

async fn revoke_by(bank: &Bank, agent: &TestAgent, whom: &str) -> Answer {
    let token = agent.token(bank, &bank.issuer);
    let body = json!({ "agent_id": whom });
    bank.post("/agent/revoke", Some(&token), &body).await
}

#[tokio::test]
async fn an_agent_may_revoke_itself_and_nobody_else() {
    for (lenient, bank) in banks().await {
        let (host, agent) = bank.approved_agent(json!(["echo"])).await;
        let sibling = bank.approved_agent_of(&host, json!(["echo"])).await;
        let answer = revoke_by(&bank, &agent, &sibling.id).await;
        let refused = if lenient {
            (403, "unauthorized")
        } else {
            (401, "invalid_jwt")
        };
        assert_eq!(answer.refusal(), refused);
        let answer = revoke_by(&bank, &agent, &agent.id).await;
        assert_eq!(answer.status, if lenient { 200 } else { 401 });
        let expected = if lenient { "revoked" } else { "active" };
        assert_eq!(bank.status(&host, &agent).await.body["status"], expected);
        assert_eq!(bank.status(&host, &sibling).await.body["status"], "active");
        assert_eq!(bank.revoke(&host, &sibling).await.status, 200);
    }
}

fn path(bank: &Bank, started: &Answer) -> String {
    let url = started.text_of("status_url");
    url.strip_prefix(&bank.issuer).unwrap().to_owned()
}

async fn start(bank: &Bank, token: &str) -> Answer {
    let arguments = json!({ "account_id": "acc_123" });
    let answer = bank.execute_by(token, "export_statement", arguments).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    answer
}

#[tokio::test]
async fn the_token_that_started_a_job_may_ask_for_it_and_for_nothing_else() {
    for (lenient, bank) in banks().await {
        let (_, agent) = bank.approved_agent(json!(["export_statement"])).await;
        let tokens = [(); 2].map(|()| agent.token(&bank, &bank.execute_url()));
        let first = start(&bank, &tokens[0]).await;
        let second = start(&bank, &tokens[1]).await;
        for _ in 0..2 {
            let answer = bank.get(&path(&bank, &first), Some(&tokens[0])).await;
            assert_eq!(answer.status == 401, !lenient, "{answer:?}");
        }
        let other_job = bank.get(&path(&bank, &second), Some(&tokens[0])).await;
        assert_eq!(other_job.refusal(), (401, "invalid_jwt"));
        let call = bank.execute_by(&tokens[0], "echo", json!({})).await;
        assert_eq!(call.refusal(), (401, "invalid_jwt"));
        bank.clock.advance(std::time::Duration::from_secs(90));
        let late = bank.get(&path(&bank, &first), Some(&tokens[0])).await;
        assert_eq!(late.refusal(), (401, "invalid_jwt"));
    }
}

#[tokio::test]
async fn the_discovery_document_may_be_found_in_other_places() {
    let paths = [
        "/api/auth/agent-configuration",
        "/api/auth/agent/agent-configuration",
    ];
    for (lenient, bank) in banks().await {
        let proper = bank.get("/.well-known/agent-configuration", None).await;
        for path in paths {
            let answer = bank.get(path, None).await;
            if lenient {
                assert_eq!(answer.body, proper.body);
            } else {
                assert_eq!(answer.refusal(), (404, "not_found"));
            }
        }
    }
    let config = "compat = \"better-auth\"\n[provider]\nissuer = \"https://bank.example/api/auth\"";
    let bank = Bank::start_with(&BANK.replacen("[provider]", config, 1)).await;
    for path in paths {
        assert_ne!(bank.get(path, None).await.body["issuer"], Value::Null);
    }
}

async fn document(bank: &Bank) -> String {
    let answer = bank.get("/.well-known/agent-configuration", None).await;
    answer.text.replace(&bank.issuer, "")
}

#[tokio::test]
async fn what_a_server_says_of_itself_does_not_change() {
    let [(_, strict), (_, lenient)] = banks().await;
    assert_eq!(document(&strict).await, document(&lenient).await);
}
