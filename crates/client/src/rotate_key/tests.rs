use procura_keys::jwk::PublicJwk;
use serde_json::json;

use super::*;
use crate::fake::{BANK, Seen, Stage, ok, outage, refusal, status};
use crate::profile::ProfileError;

const ROTATE: &str = "POST /agent/rotate-key";
const ROTATE_HOST: &str = "POST /host/rotate-key";
const STATUS: &str = "GET /agent/status";
const LIST: &str = "GET /capability/list";

fn rotated() -> serde_json::Value {
    json!({ "agent_id": "agt_1", "status": "active" })
}

fn host_rotated() -> serde_json::Value {
    json!({ "host_id": "hst_1", "status": "active" })
}

fn listed() -> serde_json::Value {
    json!({ "capabilities": [], "has_more": false })
}

/// The thumbprint of the key that a rotation asked for.
fn announced(seen: &Seen) -> String {
    let key = PublicJwk::parse(&seen.body["public_key"]).unwrap().key;
    Thumbprint::of(&key).to_string()
}

fn agent_thumbprint(stage: &Stage) -> String {
    let connection = stage.client.profile.connection("agt_1").unwrap();
    let keys = stage.client.profile.agent_keys(&connection).unwrap();
    Thumbprint::of(keys.in_force.public()).to_string()
}

fn host_thumbprint(stage: &Stage) -> String {
    let identity = stage.client.host_identity(Some(BANK)).unwrap();
    identity.unwrap().thumbprint.to_string()
}

#[tokio::test]
async fn a_rotated_agent_signs_with_its_new_key() {
    let stage = Stage::new();
    stage.connected().await;
    stage.on(ROTATE, ok(&rotated())).on(LIST, ok(&listed()));
    let rotated = stage.client.rotate_agent_key("agt_1").await.unwrap();
    let sent = &stage.sent(ROTATE)[0];
    assert_eq!(sent.typ.as_deref(), Some("host+jwt"));
    assert_eq!(sent.body["agent_id"], "agt_1");
    assert_eq!(announced(sent), rotated.thumbprint.to_string());
    stage
        .client
        .capabilities(BANK, None, Some("agt_1"))
        .await
        .unwrap();
    assert_eq!(
        stage.sent(LIST)[0].kid,
        Some(rotated.thumbprint.to_string())
    );
}

#[tokio::test]
async fn a_rotation_whose_answer_was_lost_is_healed_by_the_next_call() {
    let stage = Stage::new();
    stage.connected().await;
    let old = agent_thumbprint(&stage);
    stage.on(ROTATE, outage());
    stage.client.rotate_agent_key("agt_1").await.unwrap_err();
    let new = announced(&stage.sent(ROTATE)[0]);
    // The server has moved on: the old key is refused twice, the second time after a look at the clock.
    stage
        .on(LIST, refusal(401, "invalid_jwt"))
        .on(LIST, refusal(401, "invalid_jwt"))
        .on(LIST, ok(&listed()));
    for _ in 0..2 {
        stage
            .client
            .capabilities(BANK, None, Some("agt_1"))
            .await
            .unwrap();
    }
    let signers: Vec<_> = stage
        .sent(LIST)
        .into_iter()
        .filter_map(|it| it.kid)
        .collect();
    assert_eq!(signers, [old.clone(), old, new.clone(), new.clone()]);
    assert_eq!(agent_thumbprint(&stage), new);
}

#[tokio::test]
async fn a_rotation_that_never_arrived_leaves_the_old_key_in_force() {
    let stage = Stage::new();
    stage.connected().await;
    let old = agent_thumbprint(&stage);
    stage.on(ROTATE, outage()).on(LIST, ok(&listed()));
    stage.client.rotate_agent_key("agt_1").await.unwrap_err();
    stage
        .client
        .capabilities(BANK, None, Some("agt_1"))
        .await
        .unwrap();
    assert_eq!(stage.sent(LIST)[0].kid, Some(old));
    // Called again it asks for the same key, since the first request may still arrive.
    stage.now_on(ROTATE, ok(&rotated()));
    stage.client.rotate_agent_key("agt_1").await.unwrap();
    let sent = stage.sent(ROTATE);
    assert_eq!(announced(&sent[0]), announced(&sent[1]));
    assert_eq!(agent_thumbprint(&stage), announced(&sent[1]));
}

#[tokio::test]
async fn a_second_rotation_finds_out_that_the_first_had_worked() {
    let stage = Stage::new();
    stage.connected().await;
    stage.on(ROTATE, outage());
    stage.client.rotate_agent_key("agt_1").await.unwrap_err();
    stage
        .now_on(ROTATE, refusal(400, "invalid_request"))
        .on(LIST, refusal(401, "invalid_jwt"))
        .on(LIST, refusal(401, "invalid_jwt"))
        .on(LIST, ok(&listed()));
    let rotated = stage.client.rotate_agent_key("agt_1").await.unwrap();
    assert_eq!(agent_thumbprint(&stage), rotated.thumbprint.to_string());
}

#[tokio::test]
async fn a_refused_rotation_changes_nothing() {
    let stage = Stage::new();
    stage.connected().await;
    let old = agent_thumbprint(&stage);
    stage.on(ROTATE, refusal(403, "unauthorized"));
    let error = stage.client.rotate_agent_key("agt_1").await.unwrap_err();
    assert!(error.refused().unwrap().is("unauthorized"));
    // No second key is left to try.
    stage.on(LIST, refusal(401, "invalid_jwt"));
    let error = stage.client.capabilities(BANK, None, Some("agt_1")).await;
    assert!(error.unwrap_err().refused().unwrap().is("invalid_jwt"));
    for sent in stage.sent(LIST) {
        assert_eq!(sent.kid.as_ref(), Some(&old));
    }
    assert_eq!(agent_thumbprint(&stage), old);
}

#[tokio::test]
async fn the_answer_has_to_be_about_the_agent() {
    let stage = Stage::new();
    stage.connected().await;
    let other = json!({ "agent_id": "agt_2", "status": "active" });
    stage.on(ROTATE, ok(&other));
    let error = stage.client.rotate_agent_key("agt_1").await.unwrap_err();
    assert!(matches!(error, ClientError::BadAnswer { .. }), "{error}");
}

// AA-8.7-01
#[tokio::test]
async fn the_host_s_key_is_rotated_at_every_provider() {
    let stage = Stage::new();
    stage.connected().await;
    let old = host_thumbprint(&stage);
    stage
        .on(ROTATE_HOST, ok(&host_rotated()))
        .on(STATUS, ok(&status("active", &json!([]))));
    let rotation = stage.client.rotate_host_key().await.unwrap();
    assert!(rotation.is_complete);
    assert_eq!(rotation.rotated, [BANK]);
    let sent = &stage.sent(ROTATE_HOST)[0];
    assert_eq!(sent.kid, Some(old));
    stage.client.status("agt_1").await.unwrap();
    assert_eq!(stage.sent(STATUS)[0].kid, Some(announced(sent)));
    assert_eq!(stage.sent(STATUS)[0].claims["iss"], announced(sent));
}

#[tokio::test]
async fn a_host_rotation_whose_answer_was_lost_is_healed_by_an_agent_s_call_too() {
    let stage = Stage::new();
    stage.connected().await;
    let agent = agent_thumbprint(&stage);
    stage.on(ROTATE_HOST, outage());
    let rotation = stage.client.rotate_host_key().await.unwrap();
    assert!(!rotation.is_complete);
    assert_eq!(rotation.remaining[0].issuer, BANK);
    let new = announced(&stage.sent(ROTATE_HOST)[0]);
    stage
        .on(LIST, refusal(401, "invalid_jwt"))
        .on(LIST, refusal(401, "invalid_jwt"))
        .on(LIST, ok(&listed()));
    stage
        .client
        .capabilities(BANK, None, Some("agt_1"))
        .await
        .unwrap();
    let last = stage.sent(LIST).pop().unwrap();
    assert_eq!((last.kid, &last.claims["iss"]), (Some(agent), &json!(new)));
    assert_eq!(host_thumbprint(&stage), new);
    // Nothing is left to tell; the old key goes.
    let rotation = stage.client.rotate_host_key().await.unwrap();
    assert!(rotation.is_complete);
    assert_eq!(stage.sent(ROTATE_HOST).len(), 1);
    assert_eq!(host_thumbprint(&stage), new);
}

#[tokio::test]
async fn a_second_host_rotation_finds_out_that_the_first_had_worked() {
    let stage = Stage::new();
    stage.connected().await;
    stage.on(ROTATE_HOST, outage());
    stage.client.rotate_host_key().await.unwrap();
    stage
        .now_on(ROTATE_HOST, refusal(401, "invalid_jwt"))
        .on(ROTATE_HOST, refusal(401, "invalid_jwt"))
        .on(ROTATE_HOST, refusal(400, "invalid_request"));
    let rotation = stage.client.rotate_host_key().await.unwrap();
    assert!(rotation.is_complete, "{rotation:?}");
    assert_eq!(
        host_thumbprint(&stage),
        announced(&stage.sent(ROTATE_HOST)[0])
    );
}

#[tokio::test]
async fn a_provider_in_trouble_says_nothing_about_the_key() {
    let stage = Stage::new();
    stage.connected().await;
    let old = agent_thumbprint(&stage);
    stage.on(ROTATE, outage());
    stage.client.rotate_agent_key("agt_1").await.unwrap_err();
    for trouble in [503, 429] {
        stage
            .now_on(LIST, refusal(401, "invalid_jwt"))
            .on(LIST, refusal(401, "invalid_jwt"))
            .on(LIST, refusal(trouble, "later"));
        let error = stage.client.capabilities(BANK, None, Some("agt_1")).await;
        assert_eq!(error.unwrap_err().refused().unwrap().status, trouble);
        assert_eq!(agent_thumbprint(&stage), old);
    }
}

#[tokio::test]
async fn an_agent_connected_during_a_host_rotation_keeps_the_old_key_alive() {
    let stage = Stage::new();
    stage.connected().await;
    stage.on(ROTATE_HOST, outage());
    stage.client.rotate_host_key().await.unwrap();
    stage.now_on("POST /agent/register", outage());
    let lost = stage
        .client
        .connect(BANK, crate::Connect::new("Second"))
        .await;
    lost.unwrap_err();
    stage.client.forget("agt_1").unwrap();
    // Only the registration without an answer is left, and it may have made an agent.
    let rotation = stage.client.rotate_host_key().await.unwrap();
    assert!(!rotation.is_complete);
}

/// Two at once could tell the provider of one key last and keep the other.
#[tokio::test]
async fn keys_are_replaced_by_one_process_at_a_time() {
    let stage = Stage::new();
    stage.connected().await;
    stage.on(ROTATE, ok(&rotated()));
    stage.on(ROTATE_HOST, ok(&host_rotated()));
    let other = stage.client.profile.claim_rotation().unwrap().unwrap();
    for error in [
        stage.client.rotate_agent_key("agt_1").await.unwrap_err(),
        stage.client.rotate_host_key().await.unwrap_err(),
    ] {
        assert!(matches!(
            error,
            ClientError::Profile(ProfileError::Rotating { .. })
        ));
    }
    assert!(stage.sent(ROTATE).is_empty() && stage.sent(ROTATE_HOST).is_empty());
    drop(other);
    stage.client.rotate_agent_key("agt_1").await.unwrap();
    assert!(stage.client.rotate_host_key().await.unwrap().is_complete);
}

/// Another process may have told the provider of a key only after this one tried it.
#[tokio::test]
async fn a_key_that_was_tried_before_it_was_in_force_is_tried_again() {
    let stage = Stage::new();
    stage.connected().await;
    let client = &stage.client;
    let connection = client.profile.connection("agt_1").unwrap();
    let provider = client.provider_of(&connection).await.unwrap();
    let signer = Signer::Agent {
        connection: &connection,
        capabilities: None,
    };
    let call = Call::new(&provider, Method::GET, Endpoint::Capabilities, signer).unwrap();
    let naming = client.naming(BANK).unwrap();
    let mut tried = Vec::new();
    let mut try_next = || {
        let candidate = client.untried_keys(&call, naming, &tried).unwrap()?;
        let agent = candidate.keys.agent.as_ref().unwrap();
        let thumbprint = Thumbprint::of(agent.public());
        tried.push(candidate);
        Some(thumbprint)
    };
    let entropy = &*client.parts.entropy;
    let (next, _) = client
        .profile
        .prepare_agent_key(&connection, entropy)
        .unwrap();
    let of_next = Thumbprint::of(&next);
    assert_eq!(try_next(), Some(connection.agent_key.clone()));
    assert_eq!(try_next(), Some(of_next.clone()));
    assert_eq!(try_next(), None);
    client
        .profile
        .adopt_agent_key(&connection.agent_key, &next, entropy)
        .unwrap();
    assert_eq!(try_next(), Some(of_next));
    assert_eq!(try_next(), None);
}
