use procura_keys::digest::sha512;
use serde_json::{Map, Value, json};

use super::*;
use crate::presence::{Lacking, Strength, judge as judge_presence};

const ISSUER: &str = "https://id.example.com";
const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn secret(number: u8) -> FlowSecret {
    FlowSecret::new([number; 32])
}

fn claims(with: &[(&str, Value)]) -> Map<String, Value> {
    let now = NOW.as_seconds();
    let base = json!({
        "iss": ISSUER, "sub": "42", "aud": "procura", "nonce": secret(1).nonce(),
        "iat": now, "exp": now + 300, "auth_time": now,
        "email": "Alice@Example.com", "email_verified": true,
    });
    let Value::Object(mut claims) = base else {
        panic!("an object");
    };
    for (name, value) in with {
        claims.insert((*name).to_owned(), value.clone());
    }
    claims.retain(|_, value| !value.is_null());
    claims
}

fn judge(with: &[(&str, Value)]) -> Result<IdToken, BadIdToken> {
    judge_signed_by("RS256", with)
}

fn judge_signed_by(algorithm: &'static str, with: &[(&str, Value)]) -> Result<IdToken, BadIdToken> {
    let nonce = secret(1).nonce();
    let expected = Expected {
        issuer: ISSUER,
        client_id: "procura",
        nonce: &nonce,
        algorithm,
        access_token: "token",
        signed_in_since: Some(NOW),
    };
    IdToken::judge(&claims(with), expected, NOW)
}

#[test]
fn the_question_binds_everything_to_the_browser_and_shows_no_secret() {
    let endpoint = Url::parse("https://id.example.com/authorize?tenant=7").unwrap();
    let question = Question {
        client_id: "procura",
        redirect_uri: "https://server.example.com/login/openid/acme",
        scope: "openid email",
        fresh: true,
    };
    let url = authorization_url(&endpoint, question, &secret(1));
    let sent: Map<_, _> = url
        .query_pairs()
        .map(|(name, value)| (name.into_owned(), json!(value)))
        .collect();
    let verifier = secret(1).verifier();
    assert_eq!(sent["tenant"], "7");
    assert_eq!(sent["redirect_uri"], question.redirect_uri);
    assert_eq!(sent["code_challenge_method"], "S256");
    let challenge = to_base64url(&sha256(verifier.as_bytes()));
    assert_eq!(sent["code_challenge"], challenge);
    assert_eq!(
        (&sent["prompt"], &sent["max_age"]),
        (&json!("login"), &json!("0"))
    );
    assert!(!url.as_str().contains(&verifier));
    assert!((43..=128).contains(&verifier.len()));
    let (state, nonce) = (secret(1).state(), secret(1).nonce());
    assert!(state != nonce && nonce != verifier && state != secret(2).state());
    assert_eq!(format!("{:?}", secret(1)), "FlowSecret(…)");
}

#[test]
fn an_answer_counts_in_the_browser_that_asked_and_from_the_provider_it_asked() {
    let flow = secret(1).begin(ISSUER, Purpose::SignIn, None, NOW);
    let state = secret(1).state();
    let foreign = secret(2).state();
    let good = Callback {
        code: Some("c"),
        state: Some(&state),
        iss: Some(ISSUER),
        error: None,
    };
    let later = NOW.plus(FLOW_LIFETIME);
    let judge = |callback, names, now| judge_callback(callback, &flow, &secret(1), names, now);
    assert_eq!(judge(good, true, NOW), Ok("c"));
    assert_eq!(judge(good, true, later), Err(BadCallback::Expired));
    let another = judge_callback(good, &flow, &secret(2), true, NOW);
    assert_eq!(another, Err(BadCallback::NotThisBrowser));
    let silent = Callback { iss: None, ..good };
    assert_eq!(judge(silent, false, NOW), Ok("c"));
    let cases = [
        (
            Callback {
                state: None,
                ..good
            },
            BadCallback::NotThisBrowser,
        ),
        (
            Callback {
                state: Some(&foreign),
                ..good
            },
            BadCallback::NotThisBrowser,
        ),
        (silent, BadCallback::OtherIssuer),
        (
            Callback {
                iss: Some("https://id.example.com/"),
                ..good
            },
            BadCallback::OtherIssuer,
        ),
        (
            Callback {
                error: Some("access_denied"),
                ..good
            },
            BadCallback::Declined,
        ),
        (
            Callback {
                error: Some("<b>x</b>"),
                ..good
            },
            BadCallback::Failed,
        ),
        (Callback { code: None, ..good }, BadCallback::Failed),
    ];
    for (callback, error) in cases {
        assert_eq!(judge(callback, true, NOW), Err(error), "{callback:?}");
    }
}

#[test]
fn only_who_was_asked_anew_has_signed_in_freshly() {
    let fresh_for = Duration::from_mins(5);
    let verdict = |purpose| {
        let flow = secret(1).begin(ISSUER, purpose, None, NOW);
        let proof = flow.proof(NOW);
        let judged = judge_presence(Strength::FreshSignIn, proof, fresh_for, NOW);
        let stronger = judge_presence(Strength::Verified, proof, fresh_for, NOW);
        assert_eq!(stronger, Err(Lacking::Presence));
        (flow.signed_in_since(), judged)
    };
    assert_eq!(verdict(Purpose::FreshSignIn), (Some(NOW), Ok(())));
    let person = PersonId("usr_1".to_owned());
    for purpose in [Purpose::SignIn, Purpose::Connect(person)] {
        assert_eq!(verdict(purpose), (None, Err(Lacking::Freshness)));
    }
}

#[test]
fn every_claim_of_an_id_token_that_is_not_as_expected_is_refused() {
    let now = NOW.as_seconds();
    let half = to_base64url(&sha256(b"token")[..16]);
    let good: [&[(&str, Value)]; 5] = [
        &[],
        &[("azp", json!("procura"))],
        &[("aud", json!(["procura"]))],
        &[("aud", json!(["procura", "x"])), ("azp", json!("procura"))],
        &[("at_hash", json!(half))],
    ];
    for with in good {
        assert!(judge(with).is_ok(), "{with:?}");
    }
    let bad = [
        (
            "iss",
            json!("https://id.example.com/"),
            BadIdToken::OtherIssuer,
        ),
        ("aud", json!("other"), BadIdToken::OtherAudience),
        ("aud", json!(["procura", "x"]), BadIdToken::OtherAudience),
        ("aud", json!(null), BadIdToken::OtherAudience),
        ("azp", json!("other"), BadIdToken::OtherAudience),
        ("exp", json!(now - 60), BadIdToken::NotNow),
        ("exp", json!(null), BadIdToken::NotNow),
        ("exp", json!("never"), BadIdToken::NotNow),
        ("iat", json!(now + 61), BadIdToken::NotNow),
        ("iat", json!(now - 601), BadIdToken::NotNow),
        ("iat", json!(null), BadIdToken::NotNow),
        ("auth_time", json!(now - 61), BadIdToken::NotFresh),
        ("auth_time", json!(now + 61), BadIdToken::NotFresh),
        ("auth_time", json!(null), BadIdToken::NotFresh),
        ("nonce", json!(secret(2).nonce()), BadIdToken::OtherNonce),
        ("nonce", json!(null), BadIdToken::OtherNonce),
        ("at_hash", json!("AAAA"), BadIdToken::OtherAccessToken),
        ("at_hash", json!(7), BadIdToken::OtherAccessToken),
        ("sub", json!(""), BadIdToken::NoSubject),
        ("sub", json!(42), BadIdToken::NoSubject),
        ("sub", json!("a\0b"), BadIdToken::NoSubject),
        ("sub", json!("s".repeat(256)), BadIdToken::NoSubject),
    ];
    for (name, value, error) in bad {
        assert_eq!(
            judge(&[(name, value.clone())]),
            Err(error),
            "{name} {value}"
        );
    }
}

#[test]
fn the_access_token_is_hashed_as_the_id_tokens_algorithm_hashes() {
    let short = json!(to_base64url(&sha256(b"token")[..16]));
    let long = json!(to_base64url(&sha512(b"token")[..32]));
    for (algorithm, good, bad) in [
        ("RS256", &short, &long),
        ("ES256", &short, &long),
        ("EdDSA", &long, &short),
        ("Ed25519", &long, &short),
    ] {
        let judge = |hash: &Value| judge_signed_by(algorithm, &[("at_hash", hash.clone())]);
        assert!(judge(good).is_ok(), "{algorithm}");
        assert_eq!(judge(bad), Err(BadIdToken::OtherAccessToken), "{algorithm}");
    }
}

#[test]
fn what_is_said_beside_the_token_counts_only_of_the_same_person() {
    let bare = judge(&[("email", json!(null)), ("email_verified", json!(null))]).unwrap();
    let said = |sub: &str| {
        let said =
            json!({ "sub": sub, "email": "a@example.com", "email_verified": true, "name": "A" });
        let token = bare.clone().with_userinfo(said.as_object().unwrap());
        (
            token.email.map(String::from),
            token.email_verified,
            token.name,
        )
    };
    let name = || Some("A".to_owned());
    assert_eq!(said("42"), (Some("a@example.com".to_owned()), true, name()));
    assert_eq!(said("43"), (None, false, None));
}

#[test]
fn an_address_counts_only_if_the_provider_vouches_for_it_in_an_allowed_domain() {
    let domains = ["example.com".to_owned()];
    let vouched = |with: &[(&str, Value)]| judge(with).unwrap().vouched_email(&domains).cloned();
    assert_eq!(vouched(&[]), Some("alice@example.com".parse().unwrap()));
    let refused = [
        ("email_verified", json!(false)),
        ("email_verified", json!("true")),
        ("email_verified", json!(null)),
        ("email", json!("alice@evil-example.com")),
        ("email", json!("alice@example.com.evil.org")),
        ("email", json!("alice@sub.example.com")),
        ("email", json!("alice@example.com@evil.org")),
        ("email", json!(null)),
    ];
    for (name, value) in refused {
        assert_eq!(vouched(&[(name, value.clone())]), None, "{name} {value}");
    }
}
