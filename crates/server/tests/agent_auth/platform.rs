//! What the platform around a server sees: counters, and numbers of requests.

use serde_json::json;

use crate::support::Bank;

#[tokio::test]
async fn requests_are_counted_by_route_and_outcome_and_strangers_cannot_add_labels() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!(["list_accounts"])).await;
    bank.execute(&agent, "list_accounts", json!({})).await;
    bank.execute(&agent, "transfer_domestic", json!({})).await;
    for stranger in ["/a-secret-in-a-path", "/capability/status/job_secret"] {
        bank.get(stranger, None).await;
    }
    bank.raw("BREW", "/pot", &[], None).await;
    let answer = bank.get("/metrics", None).await;
    let kind = answer.header("content-type").unwrap();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    for line in [
        r#"procura_http_requests_total{method="POST",route="/capability/execute",status="200",outcome="ok"} 1"#,
        r#"procura_http_requests_total{method="POST",route="/capability/execute",status="403",outcome="capability_not_granted"} 1"#,
        r#"procura_http_requests_total{method="other",route="-","#,
        r#"procura_http_duration_seconds_count{route="/capability/execute"} 2"#,
    ] {
        assert!(
            answer.text.contains(line),
            "{line} is not in\n{}",
            answer.text
        );
    }
    assert!(!answer.text.contains("secret"), "{}", answer.text);
    assert!(!answer.text.contains("BREW"), "{}", answer.text);
}

#[tokio::test]
async fn a_server_that_is_told_to_stop_says_so_and_goes_on_serving() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!(["echo"])).await;
    let ready = bank.get("/readyz", None).await;
    assert_eq!((ready.status, ready.header("connection")), (200, None));
    bank.ctx.stopping().leave();
    let ready = bank.get("/readyz", None).await;
    assert_eq!((ready.status, ready.text.as_str()), (503, "stopping\n"));
    assert_eq!(bank.get("/healthz", None).await.status, 200);
    let answer = bank.execute(&agent, "echo", json!({})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("connection"), Some("close"));
}

// AA-8.2-03
#[tokio::test]
async fn tokens_refused_for_their_time_are_counted() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!(["echo"])).await;
    let now = bank.now().as_seconds();
    for (iat, exp) in [(31, 60), (40, 60), (-120, -60), (-120, 60)] {
        let token = agent.token_with(&bank, &bank.issuer, |claims| {
            claims["iat"] = json!(now + iat);
            claims["exp"] = json!(now + exp);
        });
        assert_eq!(bank.execute_by(&token, "echo", json!({})).await.status, 401);
    }
    let token = host.token_with(&bank, |claims| claims["iat"] = json!(now + 31));
    bank.get("/capability/list", Some(&token)).await;
    let text = bank.get("/metrics", None).await.text;
    for line in [
        r#"procura_clock_refusals_total{defect="issued_in_the_future"} 3"#,
        r#"procura_clock_refusals_total{defect="expired"} 1"#,
        r#"procura_clock_refusals_total{defect="too_old"} 1"#,
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

#[tokio::test]
async fn every_answer_carries_a_number_of_its_own_to_find_it_in_the_log() {
    let bank = Bank::start().await;
    let mut seen = Vec::new();
    for path in ["/healthz", "/agent/status", "/nowhere", "/login"] {
        let answer = bank.get(path, None).await;
        seen.push(answer.header("x-request-id").unwrap().to_owned());
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 4);
}
