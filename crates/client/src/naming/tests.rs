use procura_agent_auth::token::FORM;
use procura_keys::jwt::Unverified;
use serde_json::json;

use super::*;
use crate::fake::{BANK, Reply, Stage, ok, outage, refusal, status};

const EXECUTE: &str = "POST /capability/execute";

async fn stage() -> Stage {
    let stage = Stage::new();
    stage.connected().await;
    let described = json!({ "name": "check_balance", "description": "Check" });
    stage.on("GET /capability/describe", ok(&described));
    stage
}

/// Makes a call that is answered like this, one answer for each time it is sent, and says which tokens named the host.
async fn call(stage: &Stage, answers: &[Reply]) -> (Result<(), ClientError>, Vec<bool>) {
    let before = stage.sent(EXECUTE).len();
    stage.now_on(EXECUTE, answers[0].clone());
    for answer in &answers[1..] {
        stage.on(EXECUTE, answer.clone());
    }
    let outcome = stage.client.execute("agt_1", "check_balance", None).await;
    let sent = stage.sent(EXECUTE);
    for it in &sent {
        assert_eq!(it.claims["sub"], "agt_1");
    }
    let named = |it: &crate::fake::Seen| it.claims.get("iss").is_some();
    (
        outcome.map(drop),
        sent[before..].iter().map(named).collect(),
    )
}

fn done() -> Reply {
    ok(&json!({ "data": 1 }))
}

fn refused() -> Reply {
    refusal(401, "invalid_jwt")
}

fn signed_names_host(stage: &Stage) -> bool {
    let signed = stage.client.sign_jwt("agt_1", None, None).unwrap();
    let claims = Unverified::parse(&signed.token, FORM).unwrap().claims;
    claims.contains_key("iss")
}

#[tokio::test]
async fn a_provider_that_takes_no_token_with_an_issuer_gets_them_without_from_then_on() {
    let stage = stage().await;
    let (outcome, named) = call(&stage, &[refused(), refused(), done()]).await;
    outcome.unwrap();
    assert_eq!(named, [true, true, false]);
    assert_eq!(call(&stage, &[done()]).await.1, [false]);
    // What is learned is kept when the document is fetched again, and counts for tokens for use elsewhere.
    stage.client.rediscover(BANK).await.unwrap();
    assert!(!signed_names_host(&stage));
    // It may change its mind.
    let (outcome, named) = call(&stage, &[refused(), refused(), done()]).await;
    outcome.unwrap();
    assert_eq!(named, [false, false, true]);
    assert_eq!(call(&stage, &[done()]).await.1, [true]);
}

#[tokio::test]
async fn what_is_refused_either_way_stays_refused_and_teaches_nothing() {
    let stage = stage().await;
    let (outcome, named) = call(&stage, &[refused(), refused(), refused()]).await;
    assert!(matches!(outcome, Err(ClientError::Refused(it)) if it.is("invalid_jwt")));
    assert_eq!(named, [true, true, false]);
    for last in [refusal(503, "internal_error"), refusal(429, "rate_limited")] {
        let (outcome, _) = call(&stage, &[refused(), refused(), last]).await;
        assert!(matches!(outcome, Err(ClientError::Refused(it)) if it.is("invalid_jwt")));
    }
    call(&stage, &[refused(), refused(), outage()])
        .await
        .0
        .unwrap_err();
    assert_eq!(call(&stage, &[done()]).await.1, [true]);
}

/// A refusal for another reason shows that the token was accepted.
#[tokio::test]
async fn another_refusal_tells_that_the_token_was_taken() {
    let stage = stage().await;
    let limits = refusal(403, "constraint_violated");
    let (outcome, _) = call(&stage, &[refused(), refused(), limits]).await;
    assert!(matches!(outcome, Err(ClientError::Refused(it)) if it.is("constraint_violated")));
    assert_eq!(call(&stage, &[done()]).await.1, [false]);
}

#[tokio::test]
async fn nothing_but_an_invalid_token_has_it_tried_without() {
    let stage = stage().await;
    for code in ["jti_replay", "authentication_required", "moon_phase"] {
        let (outcome, named) = call(&stage, &[refusal(401, code)]).await;
        outcome.unwrap_err();
        assert!(!named.contains(&false), "{code}");
    }
    let (outcome, named) = call(&stage, &[refusal(403, "invalid_jwt")]).await;
    outcome.unwrap_err();
    assert!(!named.contains(&false));
}

#[tokio::test]
async fn what_was_said_of_a_provider_is_what_happens() {
    let stage = stage().await;
    for (compat, named) in [(Compat::Strict, true), (Compat::BetterAuth, false)] {
        stage.client.set_compat(BANK, Some(compat)).unwrap();
        stage.client.rediscover(BANK).await.unwrap();
        assert_eq!(call(&stage, &[done()]).await.1, [named]);
        assert_eq!(signed_names_host(&stage), named);
        let (outcome, sent) = call(&stage, &[refused()]).await;
        outcome.unwrap_err();
        assert!(sent.iter().all(|it| *it == named), "{compat:?} {sent:?}");
    }
    stage.client.set_compat(BANK, None).unwrap();
    let elsewhere = "https://other.example";
    stage
        .client
        .set_compat(elsewhere, Some(Compat::BetterAuth))
        .unwrap();
    assert_eq!(call(&stage, &[done()]).await.1, [true]);
}

#[tokio::test]
async fn hosts_name_themselves_whatever_is_known_of_the_provider() {
    let stage = stage().await;
    let better_auth = Some(Compat::BetterAuth);
    stage.client.set_compat(BANK, better_auth).unwrap();
    stage.on("GET /agent/status", ok(&status("active", &json!([]))));
    stage.client.status("agt_1").await.unwrap();
    stage.client.set_compat(BANK, None).unwrap();
    stage.now_on("GET /agent/status", refused());
    stage.client.status("agt_1").await.unwrap_err();
    for sent in stage.sent("GET /agent/status") {
        assert!(sent.claims.get("iss").is_some());
    }
}

/// A token that does not name the host says nothing about the host's key, so no rotation is taken for done by it.
#[tokio::test]
async fn a_host_key_is_not_adopted_for_a_token_that_does_not_name_it() {
    let stage = stage().await;
    stage.on("POST /host/rotate-key", outage());
    stage.client.rotate_host_key().await.unwrap();
    // With the key in force, twice, and with the one that is to follow, twice; then once without either.
    let answers = [refused(), refused(), refused(), refused(), done()];
    let (outcome, named) = call(&stage, &answers).await;
    outcome.unwrap();
    assert_eq!(named, [true, true, true, true, false]);
    stage.on("GET /agent/status", ok(&status("active", &json!([]))));
    stage.client.status("agt_1").await.unwrap();
    let asked = stage.sent("GET /agent/status");
    let registered = stage.sent("POST /agent/register");
    assert_eq!(asked[0].claims["iss"], registered[0].claims["iss"]);
}
