//! Tokens that are none, or say what no token may say: refused alike, and none breaks anything (§4.2, §4.3).

use serde_json::{Value, json};

use super::bad_input::{Sender, assert_refused};
use crate::support::signers::{compact, sign};

// AA-5.13-06
#[tokio::test]
async fn an_authorization_header_has_to_be_one_bearer_token() {
    let sender = Sender::new().await;
    let Sender { bank, host, agent } = &sender;
    let path = format!("/agent/status?agent_id={}", agent.id);
    let bearer = || format!("Bearer {}", host.token(bank));
    let token = || host.token(bank);
    let wrong: Vec<Vec<String>> = vec![
        vec![],
        vec![String::new()],
        vec!["Bearer".into()],
        vec!["Bearer ".into()],
        vec!["Basic YWxpY2U6c2VjcmV0".into()],
        vec![format!("Token {}", token())],
        vec![token()],
        vec![format!("Bearer{}", token())],
        vec![format!("Bearer:{}", token())],
        vec![format!("Bearer {} {}", token(), token())],
        vec![format!("Bearer {},", token())],
        vec![format!("Bearer \"{}\"", token())],
        vec![bearer(), bearer()],
        vec!["Basic YWxpY2U6c2VjcmV0".into(), bearer()],
        vec!["Bearer \u{e9}".into()],
    ];
    for headers in wrong {
        let shown = format!("{headers:.40?}");
        let headers: Vec<_> = headers
            .into_iter()
            .map(|value| ("authorization", value))
            .collect();
        let answer = bank.raw("GET", &path, &headers, None).await;
        assert_refused(&answer, (401, "invalid_jwt"), &shown);
        let challenge = format!(
            r#"AgentAuth discovery="{}/.well-known/agent-configuration""#,
            bank.issuer
        );
        assert_eq!(
            answer.header("www-authenticate"),
            Some(challenge.as_str()),
            "{shown}"
        );
    }
    // The scheme is not a matter of case, and blanks around the token do not matter.
    for scheme in ["bearer", "BEARER", "Bearer "] {
        let headers = [("authorization", format!("{scheme} {}", token()))];
        assert_eq!(
            bank.raw("GET", &path, &headers, None).await.status,
            200,
            "{scheme}"
        );
    }
}

// AA-5.13-06, AA-4.1-02
#[tokio::test]
async fn a_token_of_another_form_is_refused() {
    let sender = Sender::new().await;
    let Sender { bank, agent, .. } = &sender;
    let here = bank.execute_url();
    let good = || agent.claims(bank, &here);
    let text = || good().to_string();
    let header = json!({ "alg": "EdDSA", "typ": "agent+jwt" });
    let with = |name: &str, value: Value| {
        let mut header = header.clone();
        header[name] = value;
        compact(&header, &text(), &agent.key)
    };
    let twice = text().replacen('{', &format!("{{\"sub\":{:?},", agent.id), 1);
    let unsigned = {
        let token = with("alg", json!("none"));
        format!("{}.", token.rsplit_once('.').unwrap().0)
    };
    let large = {
        let mut claims = good();
        claims["filling"] = json!("x".repeat(8 * 1024));
        sign("agent+jwt", &claims, &agent.key)
    };
    let cases = [
        ("alg none", unsigned),
        ("alg none, signed", with("alg", json!("none"))),
        ("alg HS256", with("alg", json!("HS256"))),
        ("alg Ed25519", with("alg", json!("Ed25519"))),
        (
            "no alg",
            compact(&json!({ "typ": "agent+jwt" }), &text(), &agent.key),
        ),
        ("crit", with("crit", json!(["exp"]))),
        ("typ JWT", with("typ", json!("JWT"))),
        ("typ in capitals", with("typ", json!("AGENT+JWT"))),
        (
            "typ with a prefix",
            with("typ", json!("application/agent+jwt")),
        ),
        ("typ a number", with("typ", json!(7))),
        (
            "no typ",
            compact(&json!({ "alg": "EdDSA" }), &text(), &agent.key),
        ),
        ("a claim twice", compact(&header, &twice, &agent.key)),
        ("claims a list", compact(&header, "[]", &agent.key)),
        ("claims cut off", compact(&header, "{\"sub\":", &agent.key)),
        (
            "claims deep",
            compact(&header, &"[".repeat(2_000), &agent.key),
        ),
        ("no claims", compact(&header, "{}", &agent.key)),
        ("too large", large),
        ("four parts", format!("{}.x", with("a", json!(1)))),
        ("padding", format!("{}==", with("a", json!(1)))),
    ];
    for (what, token) in cases {
        let answer = bank.execute_by(&token, "echo", json!({})).await;
        assert_refused(&answer, (401, "invalid_jwt"), what);
    }
    // Members nobody knows do no harm.
    let answer = bank
        .execute_by(&with("x", json!({ "y": [1] })), "echo", json!({}))
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

// AA-4.3-03, AA-4.3-04, AA-4.2-04, AA-4.2-05, AA-4.2-06
#[tokio::test]
async fn a_claim_that_is_missing_or_of_another_type_is_refused() {
    let sender = Sender::new().await;
    let Sender { bank, host, agent } = &sender;
    let path = format!("/agent/status?agent_id={}", agent.id);
    let wrong = [
        json!(null),
        json!([1, 2]),
        json!({}),
        json!(true),
        json!(""),
    ];
    for claim in ["iss", "sub", "aud", "iat", "exp", "jti"] {
        for value in &wrong {
            let set = |claims: &mut Value| claims[claim] = value.clone();
            let token = agent.token_with(bank, &bank.execute_url(), set);
            let answer = bank.execute_by(&token, "echo", json!({})).await;
            assert_refused(
                &answer,
                (401, "invalid_jwt"),
                &format!("agent {claim} {value}"),
            );
            if claim != "sub" {
                let answer = bank.get(&path, Some(&host.token_with(bank, set))).await;
                assert_refused(
                    &answer,
                    (401, "invalid_jwt"),
                    &format!("host {claim} {value}"),
                );
            }
        }
        let remove = |claims: &mut Value| {
            claims.as_object_mut().unwrap().remove(claim);
        };
        let token = agent.token_with(bank, &bank.execute_url(), remove);
        let answer = bank.execute_by(&token, "echo", json!({})).await;
        assert_refused(
            &answer,
            (401, "invalid_jwt"),
            &format!("agent without {claim}"),
        );
        if claim != "sub" {
            let answer = bank.get(&path, Some(&host.token_with(bank, remove))).await;
            assert_refused(
                &answer,
                (401, "invalid_jwt"),
                &format!("host without {claim}"),
            );
        }
    }
}

// AA-4.3-04, AA-8.2-01
#[tokio::test]
async fn times_outside_all_reason_are_refused_and_fractions_are_not() {
    let sender = Sender::new().await;
    let Sender { bank, agent, .. } = &sender;
    let here = bank.execute_url();
    let extremes = [
        "9223372036854775807",
        "-9223372036854775808",
        "18446744073709551615",
        "1e300",
        "-1e300",
        "1e18",
    ];
    for claim in ["iat", "exp"] {
        for number in extremes {
            let claims = agent.claims(bank, &here);
            let old = format!("\"{claim}\":{}", claims[claim]);
            let text = claims
                .to_string()
                .replace(&old, &format!("\"{claim}\":{number}"));
            let header = json!({ "alg": "EdDSA", "typ": "agent+jwt" });
            let answer = bank
                .execute_by(&compact(&header, &text, &agent.key), "echo", json!({}))
                .await;
            // An exp far ahead does no harm: the age of a token is bounded by its iat.
            let harmless = claim == "exp" && answer.status == 200;
            assert!(
                harmless || answer.refusal() == (401, "invalid_jwt"),
                "{claim} {number}: {answer:?}"
            );
        }
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "seconds since 1970 are far below 2^52"
    )]
    let now = bank.now().as_seconds() as f64;
    let token = agent.token_with(bank, &here, |claims| {
        claims["iat"] = json!(now - 0.5);
        claims["exp"] = json!(now + 29.5);
    });
    assert_eq!(bank.execute_by(&token, "echo", json!({})).await.status, 200);
}
