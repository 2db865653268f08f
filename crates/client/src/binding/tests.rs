//! How the client answers a provider that demands proof of possession.

use procura_agent_auth::token::Window;
use procura_agent_auth::token::dpop::{self, Expected};
use procura_keys::clock::Clock as _;
use procura_keys::thumbprint::Thumbprint;
use serde_json::{Value, json};

use crate::error::ClientError;
use crate::execute::Executed;
use crate::fake::{Seen, Stage, bank, ok, refusal};

const EXECUTE: &str = "POST /capability/execute";

async fn execute(stage: &Stage, agent: &str) -> Result<Executed, ClientError> {
    let described = json!({ "name": "check_balance", "description": "d" });
    stage.now_on("GET /capability/describe", ok(&described));
    stage.client.execute(agent, "check_balance", None).await
}

/// The token of a request and whether its proof holds for it.
fn token_with_good_proof(stage: &Stage, seen: &Seen, nonce: Option<&str>) -> bool {
    let header = |name: &str| seen.headers[name].to_str().unwrap().to_owned();
    let authorization = header("authorization");
    let token = authorization.strip_prefix("DPoP ").unwrap();
    let key: Thumbprint = serde_json::from_value(seen.claims["cnf"]["jkt"].clone()).unwrap();
    let proof = header("dpop");
    let expected = Expected {
        token,
        key: &key,
        method: "POST",
        url: seen.url.as_str(),
        nonces: None,
        window: Window::default(),
        now: stage.clock.now(),
    };
    let claims = proof.split('.').nth(1).unwrap();
    let claims = procura_keys::digest::from_base64url(claims).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    dpop::verify(&proof, &expected).is_ok() && claims["nonce"].as_str() == nonce
}

// AA-4.4-02, AA-4.4-03
#[tokio::test]
async fn a_demanded_proof_is_made_and_a_nonce_is_put_into_it() {
    let stage = Stage::new();
    let agent = stage.connected().await;
    stage.on(EXECUTE, refusal(401, "invalid_dpop_proof"));
    stage.on(
        EXECUTE,
        refusal(401, "use_dpop_nonce").header("dpop-nonce", "n-1"),
    );
    stage.on(EXECUTE, ok(&json!({ "data": 7 })));
    assert!(execute(&stage, &agent).await.is_ok());
    let sent = stage.sent(EXECUTE);
    assert_eq!(sent.len(), 3);
    assert!(!sent[0].headers.contains_key("dpop") && sent[0].claims["cnf"].is_null());
    assert!(token_with_good_proof(&stage, &sent[1], None));
    assert!(token_with_good_proof(&stage, &sent[2], Some("n-1")));
    assert_ne!(sent[1].claims["jti"], sent[2].claims["jti"]);
}

// AA-4.4-02
#[tokio::test]
async fn a_provider_that_always_demands_it_gets_it_at_once() {
    let stage = Stage::new();
    let mut document = bank();
    document["dpop_bound_access_tokens_required"] = json!(true);
    stage.now_on("GET /.well-known/agent-configuration", ok(&document));
    let agent = stage.connected().await;
    stage.on(EXECUTE, ok(&json!({ "data": 7 })));
    assert!(execute(&stage, &agent).await.is_ok());
    assert!(token_with_good_proof(&stage, &stage.sent(EXECUTE)[0], None));
}

#[tokio::test]
async fn nobody_is_asked_for_ever() {
    for code in ["invalid_dpop_proof", "use_dpop_nonce", "invalid_jwt"] {
        let stage = Stage::new();
        let agent = stage.connected().await;
        stage.on(EXECUTE, refusal(401, code).header("dpop-nonce", "n"));
        assert!(execute(&stage, &agent).await.is_err());
        assert!(stage.sent(EXECUTE).len() <= 3, "{code}");
    }
}

// AA-8.9-03
#[tokio::test]
async fn a_registration_is_bound_wherever_that_can_be_checked() {
    for (algorithms, is_bound) in [
        (json!(null), false),
        (json!(["ES256"]), false),
        (json!(["ES256", "EdDSA"]), true),
    ] {
        let stage = Stage::new();
        let mut document = bank();
        document["dpop_signing_alg_values_supported"] = algorithms;
        stage.now_on("GET /.well-known/agent-configuration", ok(&document));
        stage.connected().await;
        let sent = &stage.sent("POST /agent/register")[0];
        assert_eq!(sent.headers.contains_key("dpop"), is_bound);
        assert_eq!(sent.claims["cnf"]["jkt"].is_string(), is_bound);
        assert!(!is_bound || token_with_good_proof(&stage, sent, None));
    }
}
