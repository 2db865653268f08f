//! The layer before a real axum router, with an authority that says what the test wants.

use std::sync::Arc;

use axum::routing::{get, post};
use axum::{Json, Router};
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use procura_agent_auth::refusal::Refusal;
use procura_agent_auth::token::TokenDefect;
use procura_guard::{
    Agent, BadArguments, Call, ClientCertificate, Denied, Guard, GuardError, Protects,
};
use procura_keys::thumbprint::Thumbprint;
use serde_json::{Map, Value, json};

use super::support::{
    ISSUER, LOCATION, Said, Still, agent, ask, ask_with_proofs, authority, bound_token,
    confirmed_token, host_token, proof, token,
};

/// A service with one capability behind the protocol's contract, one behind a path, and a door for others.
fn service(said: &Said) -> Router {
    let guard = Guard::new(LOCATION, authority(said)).unwrap();
    let pay = || "pay".parse().unwrap();
    let by_path = Protects::route(pay(), |parts, _| {
        let account = parts.uri.path().rsplit('/').next().unwrap_or_default();
        if account == "none" {
            return Err(BadArguments("There is no such account.".to_owned()));
        }
        Ok(Map::from_iter([("account".to_owned(), json!(account))]))
    });
    let contract = Router::new().route("/execute", post(answer)).layer(
        guard
            .layer(Protects::execution([pay()]))
            .with_max_body(1000),
    );
    let routes = Router::new()
        .route("/accounts/{id}", get(answer))
        .layer(guard.layer(by_path));
    let shared = Router::new().route("/shared", post(shared)).layer(
        guard
            .layer(Protects::json_route(pay()))
            .beside_other_schemes(),
    );
    contract.merge(routes).merge(shared)
}

async fn answer(agent: Agent, call: Call, body: String) -> Json<Value> {
    Json(json!({ "agent": agent.id, "arguments": call.arguments, "body": body }))
}

async fn shared(agent: Option<Agent>, headers: HeaderMap) -> (StatusCode, HeaderMap, String) {
    let mut answered = HeaderMap::new();
    let status = match (&agent, headers.get("x-api-key")) {
        (None, None) => {
            answered.insert(
                WWW_AUTHENTICATE,
                HeaderValue::from_static("Basic realm=\"x\""),
            );
            StatusCode::UNAUTHORIZED
        }
        _ => StatusCode::OK,
    };
    let caller = agent.map_or("no agent".to_owned(), |agent| agent.id.as_str().to_owned());
    (status, answered, caller)
}

/// AA-2.15-05
#[tokio::test]
async fn a_permitted_call_reaches_the_handler_with_its_caller_and_its_whole_body() {
    let said = Said::default();
    let body = r#"{"capability":"pay","arguments":{"amount":5}}"#;
    let answer = ask(
        service(&said),
        "POST",
        "/execute",
        Some(&token(LOCATION)),
        body,
    )
    .await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["arguments"], json!({ "amount": 5 }));
    assert_eq!(answer.json()["body"], body);
    assert_eq!(answer.json()["agent"], agent().id.as_str());
    let asked = said.asked();
    assert_eq!(asked, [("pay".to_owned(), json!({ "amount": 5 }))]);
}

/// AA-5.14-01, AA-5.14-02, AA-4.3-07, AA-2.15-03
#[tokio::test]
async fn what_is_no_token_for_this_place_is_challenged_and_nobody_is_asked() {
    let challenge = format!("AgentAuth discovery=\"{ISSUER}/.well-known/agent-configuration\"");
    let said = Said::default();
    let elsewhere = token("https://elsewhere.example/");
    let host = host_token(LOCATION);
    for bad in [
        None,
        Some(""),
        Some("x.y.z"),
        Some(&*elsewhere),
        Some(&*host),
    ] {
        let answer = ask(
            service(&said),
            "POST",
            "/execute",
            bad,
            r#"{"capability":"pay"}"#,
        )
        .await;
        assert_eq!(answer.status, 401, "{bad:?}");
        assert_eq!(answer.json()["error"], "invalid_jwt", "{bad:?}");
        assert_eq!(answer.headers[WWW_AUTHENTICATE], challenge, "{bad:?}");
    }
    assert!(said.asked().is_empty());
}

#[tokio::test]
async fn a_bad_request_is_refused_before_its_token_is_used_up() {
    let said = Said::default();
    let good = token(LOCATION);
    let large = format!(
        r#"{{"capability":"pay","arguments":{{"x":"{}"}}}}"#,
        "y".repeat(1000)
    );
    for (body, status, code) in [
        ("{", 400, "invalid_request"),
        (r#"{"capability":"fly"}"#, 404, "capability_not_found"),
        (&*large, 413, "invalid_request"),
    ] {
        let answer = ask(service(&said), "POST", "/execute", Some(&good), body).await;
        assert_eq!(
            (answer.status, answer.json()["error"].as_str()),
            (status, Some(code))
        );
    }
    assert!(said.asked().is_empty());
}

/// AA-5.14-05, AA-5.11-28, AA-5.11-31
#[tokio::test]
async fn what_the_authority_says_becomes_the_answer() {
    let not_granted = Refusal::CapabilityNotGranted {
        capability: "pay".parse().unwrap(),
        removed: false,
    };
    let limits = json!({ "error": "constraint_violated", "message": "m", "violations": [] });
    let forbidden = Denied::Forbidden {
        code: "constraint_violated".to_owned(),
        body: limits.clone(),
    };
    let cases = [
        (Denied::Inactive, 401, "invalid_jwt"),
        (
            Denied::Refused(TokenDefect::Replayed.into()),
            401,
            "invalid_jwt",
        ),
        (Denied::Refused(Refusal::AgentRevoked), 403, "agent_revoked"),
        (Denied::Refused(not_granted), 403, "capability_not_granted"),
        (forbidden, 403, "constraint_violated"),
        (
            Denied::Unavailable("down".to_owned()),
            503,
            "temporarily_unavailable",
        ),
    ];
    for (denied, status, code) in cases {
        let said = Said::denying(denied.clone());
        let body = r#"{"capability":"pay"}"#;
        let answer = ask(
            service(&said),
            "POST",
            "/execute",
            Some(&token(LOCATION)),
            body,
        )
        .await;
        assert_eq!(answer.status, status, "{denied:?}");
        assert_eq!(answer.json()["error"], code, "{denied:?}");
        assert!(answer.json()["message"].is_string(), "{denied:?}");
        assert_eq!(answer.headers.contains_key(WWW_AUTHENTICATE), status == 401);
        assert_eq!(answer.headers.contains_key(RETRY_AFTER), status == 503);
        if code == "constraint_violated" {
            assert_eq!(answer.json(), limits);
        }
    }
}

#[tokio::test]
async fn a_route_of_the_services_own_is_judged_by_what_it_reads_out_of_the_request() {
    let said = Said::default();
    let answer = ask(
        service(&said),
        "GET",
        "/accounts/acc_1",
        Some(&token(LOCATION)),
        "",
    )
    .await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        said.asked(),
        [("pay".to_owned(), json!({ "account": "acc_1" }))]
    );
    let answer = ask(
        service(&said),
        "GET",
        "/accounts/none",
        Some(&token(LOCATION)),
        "",
    )
    .await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()["message"], "There is no such account.");
}

/// AA-5.14-01, AA-12.1-01
#[tokio::test]
async fn other_schemes_stay_beside_agents_where_the_service_wants_it() {
    let said = Said::default();
    let go = |bearer: Option<String>| {
        let service = service(&said);
        async move { ask(service, "POST", "/shared", bearer.as_deref(), "").await }
    };
    let agents = go(Some(token(LOCATION))).await;
    assert_eq!((agents.status, &*agents.text()), (200, agent().id.as_str()));

    // No agent's token: the service decides, and its own challenge gets company.
    for bearer in [None, Some("opaque-access-token".to_owned())] {
        let stranger = go(bearer).await;
        assert_eq!(stranger.status, 401);
        let challenges: Vec<_> = stranger.headers.get_all(WWW_AUTHENTICATE).iter().collect();
        assert_eq!(challenges.len(), 2, "{challenges:?}");
        assert_eq!(challenges[0], "Basic realm=\"x\"");
    }
    // An agent's token that is not good enough is never passed on as a stranger's.
    let bad = go(Some(token("https://elsewhere.example/"))).await;
    assert_eq!(bad.json()["error"], "invalid_jwt");
    assert_eq!(said.asked().len(), 1);
}

#[tokio::test]
async fn without_the_layer_a_handler_does_not_run() {
    let open = Router::new().route("/execute", post(answer));
    let answer = ask(open, "POST", "/execute", Some(&token(LOCATION)), "").await;
    assert_eq!(answer.status, 500);
}

#[test]
fn a_guard_needs_a_place_and_an_issuer() {
    for location in [
        "",
        "/execute",
        "ftp://x.example/",
        "https://x.example/#part",
    ] {
        let made = Guard::new(location, authority(&Said::default()));
        assert_eq!(
            made.err(),
            Some(GuardError::BadLocation(location.to_owned()))
        );
    }
}

// AA-4.4-02, AA-4.5-10
#[tokio::test]
async fn a_token_that_is_bound_to_something_is_not_taken_without_it() {
    let said = Said::default();
    let body = r#"{"capability":"pay"}"#;
    let token = bound_token(LOCATION);
    let answer = ask(service(&said), "POST", "/execute", Some(&token), body).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.json()["error"], "invalid_jwt");
    // It was not shown to the authority either, which would have used it up.
    assert_eq!(said.asked(), []);
}

// AA-4.4-02, AA-4.5-10
#[tokio::test]
async fn a_bound_token_is_taken_from_whoever_holds_its_key() {
    let said = Said::default();
    let service = || {
        let guard = Guard::new(LOCATION, authority(&said)).unwrap();
        let guard = guard.checking_proofs(Arc::new(Still));
        let inner = Router::new().route("/execute", post(answer));
        inner.layer(guard.layer(Protects::execution(["pay".parse().unwrap()])))
    };
    let token = bound_token(LOCATION);
    let good = proof(3, &token, "POST", LOCATION);
    let answer = ask_with_proofs(service(), "/execute?q=1", ("DPoP", &token), &[&good]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    // A router that hands on a part of the path does not change what the client asked for.
    let nested = Router::new().nest("/v1", service());
    let of_nested = proof(3, &token, "POST", "https://payments.example/v1/execute");
    let answer = ask_with_proofs(nested, "/v1/execute", ("DPoP", &token), &[&of_nested]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());

    let other_key = proof(4, &token, "POST", LOCATION);
    let other_method = proof(3, &token, "GET", LOCATION);
    let other_url = proof(3, &token, "POST", "https://payments.example/other");
    let other_host = proof(3, &token, "POST", "https://evil.example/execute");
    let other_token = proof(3, &bound_token("https://x.example"), "POST", LOCATION);
    let stolen: [(&str, &[&str]); 9] = [
        ("Bearer", &[]),
        ("Bearer", &[&good]),
        ("DPoP", &[]),
        ("DPoP", &[&good, &good]),
        ("DPoP", &[&other_key]),
        ("DPoP", &[&other_method]),
        ("DPoP", &[&other_url]),
        ("DPoP", &[&other_host]),
        ("DPoP", &[&other_token]),
    ];
    for (scheme, proofs) in stolen {
        let answer = ask_with_proofs(service(), "/execute", (scheme, &token), proofs).await;
        assert_eq!(answer.status, 401, "{scheme} {proofs:?}");
        assert_eq!(
            answer.json()["error"],
            "invalid_dpop_proof",
            "{scheme} {proofs:?}"
        );
        let challenges = answer.headers.get_all(WWW_AUTHENTICATE).iter();
        let named = challenges.filter(|it| it.as_bytes().starts_with(b"DPoP error="));
        assert_eq!(named.count(), 1, "{scheme} {proofs:?}");
    }
    // None of these was shown to the authority, which would have used the token up.
    assert_eq!(said.asked().len(), 2);
}

// AA-4.4-04, AA-4.5-10
#[tokio::test]
async fn a_token_bound_to_a_certificate_is_taken_over_its_connection() {
    let said = Said::default();
    let service = |checks: bool, shown: Option<&'static [u8]>| {
        let mut guard = Guard::new(LOCATION, authority(&said)).unwrap();
        if checks {
            guard = guard.checking_proofs(Arc::new(Still));
        }
        let inner = Router::new().route("/execute", post(answer));
        let guarded = inner.layer(guard.layer(Protects::execution(["pay".parse().unwrap()])));
        match shown {
            None => guarded,
            Some(der) => guarded.layer(axum::Extension(ClientCertificate::from_der(der))),
        }
    };
    let ours: &[u8] = b"a certificate";
    let cnf = json!({ "x5t#S256": Thumbprint::of_certificate(ours) });
    let token = confirmed_token(LOCATION, &cnf);
    let ask = |service| ask_with_proofs(service, "/execute", ("Bearer", &token), &[]);
    let served = ask(service(true, Some(ours))).await;
    assert_eq!(served.status, 200, "{}", served.text());
    for service in [
        service(true, Some(b"another")),
        service(true, None),
        service(false, Some(ours)),
    ] {
        let refused = ask(service).await;
        assert_eq!(refused.status, 401, "{}", refused.text());
    }
    assert_eq!(said.asked().len(), 1);
}

#[tokio::test]
async fn a_token_bound_to_nothing_needs_no_proof_and_takes_none() {
    let said = Said::default();
    let guard = Guard::new(LOCATION, authority(&said)).unwrap();
    let guard = guard.checking_proofs(Arc::new(Still));
    let inner = Router::new().route("/execute", post(answer));
    let service = inner.layer(guard.layer(Protects::execution(["pay".parse().unwrap()])));
    let token = token(LOCATION);
    let answer = ask_with_proofs(service.clone(), "/execute", ("Bearer", &token), &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let proof = proof(3, &token, "POST", LOCATION);
    let answer = ask_with_proofs(service, "/execute", ("DPoP", &token), &[&proof]).await;
    assert_eq!(answer.status, 401, "{}", answer.text());
}

#[tokio::test]
async fn a_capability_that_demands_proof_is_answered_with_401() {
    let body = json!({ "error": "invalid_dpop_proof", "message": "m" });
    let said = Said::denying(Denied::Forbidden {
        code: "invalid_dpop_proof".to_owned(),
        body,
    });
    let body = r#"{"capability":"pay"}"#;
    let answer = ask(
        service(&said),
        "POST",
        "/execute",
        Some(&token(LOCATION)),
        body,
    )
    .await;
    assert_eq!(answer.status, 401);
    assert!(answer.headers.contains_key(WWW_AUTHENTICATE));
}
