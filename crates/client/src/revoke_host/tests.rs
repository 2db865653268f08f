use serde_json::json;

use crate::connect::Connect;
use crate::fake::{BANK, Stage, ok, outage, refusal, registered};

const REVOKE: &str = "POST /host/revoke";

#[tokio::test]
async fn a_revoked_host_loses_its_agents_there() {
    let stage = Stage::new();
    stage.connected().await;
    let answer = json!({ "host_id": "hst_1", "status": "revoked", "agents_revoked": 3 });
    stage.on(REVOKE, ok(&answer));
    let revoked = stage.client.revoke_host(BANK).await.unwrap();
    assert_eq!(
        (revoked.agents_revoked, &*revoked.forgotten),
        (3, &["agt_1".to_owned()][..])
    );
    assert_eq!(stage.sent(REVOKE)[0].typ.as_deref(), Some("host+jwt"));
    assert!(stage.client.profile().connections().unwrap().is_empty());
}

#[tokio::test]
async fn nothing_is_forgotten_before_the_provider_has_said_so() {
    let stage = Stage::new();
    stage.connected().await;
    stage.on(REVOKE, outage());
    stage.client.revoke_host(BANK).await.unwrap_err();
    assert_eq!(stage.client.profile().connections().unwrap().len(), 1);
    stage.now_on(REVOKE, refusal(403, "host_revoked"));
    stage.client.revoke_host(BANK).await.unwrap();
    assert!(stage.client.profile().connections().unwrap().is_empty());
}

// AA-8.8.1-02
#[tokio::test]
async fn a_new_host_shares_nothing_with_the_old_one() {
    let stage = Stage::new();
    stage.connected().await;
    let old = stage.sent("POST /agent/register").pop().unwrap();
    let new = stage.client.new_host(false).unwrap();
    assert_eq!(new.forgotten, ["agt_1"]);
    stage.now_on("POST /agent/register", ok(&registered("active")));
    stage
        .client
        .connect(BANK, Connect::new("Helper"))
        .await
        .unwrap();
    let fresh = stage.sent("POST /agent/register").pop().unwrap();
    assert_eq!(fresh.kid, new.thumbprint.map(|it| it.to_string()));
    assert_ne!(fresh.kid, old.kid);
    let agent_key = |seen: &crate::fake::Seen| seen.claims["agent_public_key"]["x"].clone();
    assert_ne!(agent_key(&fresh), agent_key(&old));
}

// AA-9.1-01, AA-9.1-02
#[tokio::test]
async fn providers_of_a_host_with_keys_per_server_cannot_compare_them() {
    let stage = Stage::new();
    assert_eq!(stage.client.new_host(true).unwrap().thumbprint, None);
    let at = |issuer| {
        stage
            .client
            .host_identity(Some(issuer))
            .unwrap()
            .unwrap()
            .thumbprint
    };
    assert_ne!(at(BANK), at("https://shop.example"));
    assert_eq!(at(BANK), at(BANK));
    stage.connected().await;
    let sent = stage.sent("POST /agent/register").pop().unwrap();
    assert_eq!(sent.kid, Some(at(BANK).to_string()));
    // The key goes with the token. No URL of a key set, the same everywhere, would give the host away.
    assert!(sent.claims["host_public_key"].is_object());
    assert!(sent.claims.get("host_jwks_url").is_none());
}
