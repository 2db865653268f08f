use serde_json::json;

use crate::fake::{BANK, Stage, ok, outage, refusal};

const REVOKE: &str = "POST /agent/revoke";

fn is_kept(stage: &Stage) -> bool {
    stage.client.profile().connection("agt_1").is_ok()
}

// AA-6.7-01, AA-2.6-01
#[tokio::test]
async fn the_host_revokes_the_agent_and_its_key_is_gone() {
    let stage = Stage::new();
    stage.connected().await;
    stage.on(
        REVOKE,
        ok(&json!({ "agent_id": "agt_1", "status": "revoked" })),
    );
    let gone = stage.client.disconnect("agt").await.unwrap();
    assert_eq!(gone.agent_id, "agt_1");
    let sent = &stage.sent(REVOKE)[0];
    assert_eq!(sent.typ.as_deref(), Some("host+jwt"));
    assert_eq!(
        (&sent.claims["aud"], &sent.body),
        (&json!(BANK), &json!({ "agent_id": "agt_1" }))
    );
    assert!(!is_kept(&stage));
    assert!(stage.client.profile().agent_keys(&gone).is_err());
}

#[tokio::test]
async fn an_agent_that_could_not_be_revoked_is_not_forgotten() {
    for reply in [
        outage(),
        refusal(500, "internal_error"),
        refusal(403, "unauthorized"),
        ok(&json!({ "agent_id": "agt_1", "status": "active" })),
    ] {
        let stage = Stage::new();
        stage.connected().await;
        stage.on(REVOKE, reply);
        assert!(stage.client.disconnect("agt_1").await.is_err());
        assert!(is_kept(&stage));
    }
}

#[tokio::test]
async fn an_agent_that_has_ended_already_is_forgotten() {
    for (status, code) in [
        (404, "agent_not_found"),
        (403, "agent_claimed"),
        (403, "host_revoked"),
    ] {
        let stage = Stage::new();
        stage.connected().await;
        stage.on(REVOKE, refusal(status, code));
        stage.client.disconnect("agt_1").await.unwrap();
        assert!(!is_kept(&stage));
    }
}

#[tokio::test]
async fn forgetting_tells_nobody() {
    let stage = Stage::new();
    stage.connected().await;
    stage.client.forget("agt_1").unwrap();
    assert!(!is_kept(&stage));
    assert!(stage.sent(REVOKE).is_empty());
}
