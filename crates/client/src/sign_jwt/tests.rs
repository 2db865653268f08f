use procura_agent_auth::token::FORM;
use procura_keys::jwt::Unverified;
use serde_json::json;

use super::*;
use crate::fake::{BANK, Stage};

// AA-6.5-01, AA-6.5-04
#[tokio::test]
async fn a_token_is_for_the_issuer_unless_said_otherwise() {
    let stage = Stage::new();
    stage.connected().await;
    let signed = stage.client.sign_jwt("agt_1", None, None).unwrap();
    let claims = Unverified::parse(&signed.token, FORM).unwrap().claims;
    assert_eq!(
        (&claims["aud"], &claims["sub"]),
        (&json!(BANK), &json!("agt_1"))
    );
    assert!(!claims.contains_key("capabilities"));
    let lifetime = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    assert_eq!(signed.expires_in, lifetime);
    let shape = json!({ "token": signed.token, "expires_in": 60 });
    assert_eq!(json!(signed), shape);

    let aud = Some("https://api.bank.example/run");
    let signed = stage.client.sign_jwt("agt_1", aud, None).unwrap();
    let claims = Unverified::parse(&signed.token, FORM).unwrap().claims;
    assert_eq!(claims["aud"], "https://api.bank.example/run");
}

// AA-6.5-02
#[tokio::test]
async fn capabilities_the_agent_does_not_hold_are_refused() {
    let stage = Stage::new();
    stage.connected().await;
    let held = ["check_balance".to_owned()];
    let signed = stage.client.sign_jwt("agt_1", None, Some(&held)).unwrap();
    let claims = Unverified::parse(&signed.token, FORM).unwrap().claims;
    assert_eq!(claims["capabilities"], json!(["check_balance"]));
    let more = ["check_balance".to_owned(), "transfer".to_owned()];
    let error = stage.client.sign_jwt("agt_1", None, Some(&more));
    let missing = CallerError::NotHeld(vec!["transfer".to_owned()]);
    assert!(matches!(error, Err(ClientError::Caller(it)) if it == missing));
}

#[test]
fn an_unknown_agent_gets_no_token() {
    let stage = Stage::new();
    let error = stage.client.sign_jwt("agt_9", None, None);
    let unknown = CallerError::UnknownAgent("agt_9".to_owned());
    assert!(matches!(error, Err(ClientError::Caller(it)) if it == unknown));
}

#[tokio::test]
async fn a_bound_token_names_the_key_that_its_proof_shows() {
    let stage = Stage::new();
    stage.connected().await;
    let url = Url::parse("https://api.bank.example/run?q=1").unwrap();
    let aud = Some("https://api.bank.example/run");
    let sign = || {
        let signed = stage
            .client
            .sign_bound_jwt("agt_1", aud, None, &Method::POST, &url);
        signed.unwrap()
    };
    let signed = sign();
    let token = Unverified::parse(&signed.token, FORM).unwrap();
    let (header, rest) = signed.proof.split_once('.').unwrap();
    let part = |text: &str| -> serde_json::Value {
        let bytes = procura_keys::digest::from_base64url(text).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    };
    let (header, claims) = (part(header), part(rest.split_once('.').unwrap().0));
    let shown = procura_keys::digest::from_base64url(header["jwk"]["x"].as_str().unwrap());
    let shown = procura_keys::key::PublicKey::from_bytes(&shown.unwrap()).unwrap();
    assert_eq!(
        token.claims["cnf"]["jkt"],
        json!(Thumbprint::of(&shown).to_string())
    );
    assert_eq!(
        (&claims["htm"], &claims["htu"]),
        (&json!("POST"), &json!(aud))
    );
    let digest = procura_keys::digest::sha256(signed.token.as_bytes());
    assert_eq!(
        claims["ath"],
        json!(procura_keys::digest::to_base64url(&digest))
    );
    // A key of its own each time.
    let again = sign();
    assert_ne!(
        Unverified::parse(&again.token, FORM).unwrap().claims["cnf"],
        token.claims["cnf"]
    );
}
