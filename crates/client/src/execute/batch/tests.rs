use serde_json::json;

use super::*;
use crate::fake::{Stage, bank, ok, outage};

const BATCH: &str = "POST /capability/batch-execute";

async fn stage() -> Stage {
    let stage = Stage::new();
    let mut document = bank();
    document["endpoints"]["batch_execute"] = json!("/capability/batch-execute");
    stage.now_on("GET /.well-known/agent-configuration", ok(&document));
    stage.connected().await;
    stage
}

fn items() -> Vec<BatchItem> {
    let item = |capability: &str| BatchItem {
        capability: capability.to_owned(),
        arguments: json!({ "n": 1 }).as_object().cloned(),
    };
    vec![
        item("check_balance"),
        item("transfer"),
        item("check_balance"),
    ]
}

// AA-4.3-08
#[tokio::test]
async fn calls_go_out_together_and_each_has_its_outcome() {
    let stage = stage().await;
    let refused = json!({ "error": "constraint_violated", "message": "Too much." });
    stage.on(
        BATCH,
        ok(&json!({ "responses": [
            { "id": "2", "status": "completed", "data": 3 },
            { "id": "0", "status": "completed", "data": 1 },
            { "id": "1", "status": "failed", "error": refused },
        ]})),
    );
    let outcomes = stage.client.execute_batch("agt_1", items()).await.unwrap();
    assert_eq!(outcomes[0], Ok(json!(1)));
    assert!(outcomes[1].as_ref().unwrap_err().is("constraint_violated"));
    assert_eq!(outcomes[2], Ok(json!(3)));
    let sent = &stage.sent(BATCH)[0];
    assert_eq!(
        sent.claims["aud"],
        "https://bank.example/capability/execute"
    );
    assert_eq!(
        sent.claims["capabilities"],
        json!(["check_balance", "transfer"])
    );
    let first = json!({ "id": "0", "capability": "check_balance", "arguments": { "n": 1 } });
    assert_eq!(sent.body["requests"][0], first);
}

#[tokio::test]
async fn an_answer_that_does_not_fit_the_calls_is_none() {
    let done = |id: &str| json!({ "id": id, "status": "completed", "data": 1 });
    for responses in [
        json!([]),
        json!([done("0"), done("1")]),
        json!([done("0"), done("0"), done("1")]),
        json!([done("0"), done("1"), done("3")]),
        json!([done("0"), done("1"), done("x")]),
        json!([done("0"), done("1"), { "id": "2", "status": "completed" }]),
        json!([done("0"), done("1"), { "id": "2", "status": "pending" }]),
        json!([done("0"), done("1"), { "id": "2", "status": "failed", "error": "no" }]),
    ] {
        let stage = stage().await;
        stage.on(BATCH, ok(&json!({ "responses": responses })));
        let error = stage
            .client
            .execute_batch("agt_1", items())
            .await
            .unwrap_err();
        assert!(
            matches!(error, ClientError::BadAnswer { .. }),
            "{responses}"
        );
    }
}

#[tokio::test]
async fn a_batch_that_may_have_run_is_not_sent_again() {
    let stage = stage().await;
    stage.on(BATCH, outage());
    stage
        .client
        .execute_batch("agt_1", items())
        .await
        .unwrap_err();
    assert_eq!(stage.sent(BATCH).len(), 1);
}

#[tokio::test]
async fn what_cannot_be_a_batch_is_not_sent() {
    let with_batches = stage().await;
    let many = vec![items().remove(0); 51];
    for items in [Vec::new(), many] {
        let error = with_batches.client.execute_batch("agt_1", items).await;
        assert!(matches!(
            error,
            Err(ClientError::Caller(CallerError::BatchSize(_)))
        ));
    }
    let without = Stage::new();
    without.connected().await;
    let error = without.client.execute_batch("agt_1", items()).await;
    assert!(matches!(
        error,
        Err(ClientError::Caller(CallerError::NoBatches(_)))
    ));
}
