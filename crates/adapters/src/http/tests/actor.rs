//! Who acts, as a service verifies it.

use procura_keys::digest::{sha256, to_base64url};
use procura_keys::entropy::Entropy;
use procura_keys::jwk_set::JwkSet;
use procura_keys::jwt::{Form, Unverified};
use procura_keys::key::SigningKey;

use super::*;
use crate::http::actor::{ActorKeys, TYP};

/// Counts, so that no two numbers are the same.
#[derive(Default)]
struct Counter(std::sync::atomic::AtomicU8);

impl Entropy for Counter {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst));
    }
}

fn keys() -> Arc<ActorKeys> {
    let seeds: [&[u8]; 2] = [&[1; 32], &[2; 32]];
    let issuer = "https://auth.example".to_owned();
    Arc::new(ActorKeys::new(issuer, seeds, Arc::<Counter>::default()).unwrap())
}

fn told(url: &str) -> Arc<Upstream> {
    let mut settings = settings(url);
    settings.actor_keys = Some(keys());
    settings.credential = Credential::Query {
        name: "key".to_owned(),
        value: Secret::new("secret".to_owned()),
    };
    upstream(settings)
}

/// The claims of the header, which the first of the published keys has to have signed.
fn verified(seen: &Seen) -> Value {
    let token = &seen.headers["procura-actor"];
    let form = Form {
        algorithm: "EdDSA",
        max_bytes: 4096,
    };
    let token = Unverified::parse(token, form).unwrap();
    assert_eq!(token.typ.as_deref(), Some(TYP));
    let published = keys().to_jwks();
    assert_eq!(token.kid.as_deref(), published["keys"][0]["kid"].as_str());
    let key = SigningKey::from_seed(&[1; 32]).unwrap();
    assert!(token.is_signed_by(key.public()));
    Value::Object(token.claims)
}

fn digest(text: &str) -> String {
    to_base64url(&sha256(text.as_bytes()))
}

#[tokio::test]
async fn a_service_is_told_who_acts_in_a_token_for_this_request() {
    let service = Recorder::start(vec![answer(200, "application/json", "1")]).await;
    let query = json!({ "q": "${arguments.v}" })
        .as_object()
        .unwrap()
        .clone();
    let plan = Declared::new(Method::POST, "/orders/${arguments.v}")
        .and_then(|plan| plan.with_query(query))
        .and_then(|plan| plan.with_body(BodyForm::Json, json!({ "v": "${arguments.v}" })))
        .unwrap();
    let url = service.url("");
    let backend = backend(told(&format!("{url}/v1")), plan);
    value(&backend, json!({ "v": "a b" })).await;
    let seen = service.only();
    let claims = verified(&seen);
    assert_eq!(
        claims,
        json!({
            "iss": "https://auth.example",
            "aud": url,
            "iat": 1_000_000,
            "exp": 1_000_060,
            "jti": claims["jti"],
            "sub": "usr_1",
            "user_id": "usr_1",
            "host_id": "hst_1",
            "agent_id": "agt_1",
            "capability": "c",
            "call_id": "call_1",
            "request_sha256": digest("POST /v1/orders/a%20b?q=a%20b\n{\"v\":\"a b\"}"),
        })
    );
    assert!(seen.line.contains("&key=secret"), "{}", seen.line);
}

#[tokio::test]
async fn each_request_has_a_token_of_its_own() {
    let busy = answer(503, "text/plain", "");
    let begun = recorder::answer_with(202, &[("location", "/jobs/1")], "");
    let done = answer(200, "application/json", "1");
    let service = Recorder::start(vec![busy, begun, done]).await;
    let backend = backend(told(&service.url("")), get("/x"));
    let Ok(Reply::Job(job)) = call(&backend, json!({})).await else {
        panic!("no job")
    };
    job.await.unwrap();
    let claims: Vec<_> = service.seen().iter().map(verified).collect();
    let digests: Vec<_> = claims
        .iter()
        .map(|claims| &claims["request_sha256"])
        .collect();
    let (first, last) = (digest("GET /x\n"), digest("GET /jobs/1\n"));
    assert_eq!(digests, [&json!(first), &json!(first), &json!(last)]);
    let mut ids: Vec<_> = claims
        .iter()
        .map(|claims| claims["jti"].to_string())
        .collect();
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

#[tokio::test]
async fn an_agent_that_acts_for_nobody_is_its_own_subject() {
    let service = Recorder::start(vec![answer(200, "application/json", "1")]).await;
    let backend = backend(told(&service.url("")), get("/x"));
    let arguments = Map::new();
    let call = Call {
        user_id: None,
        ..a_call(&arguments)
    };
    assert!(backend.call(call).await.is_ok());
    let claims = verified(&service.only());
    assert_eq!(claims["sub"], "agt_1");
    assert!(claims.get("user_id").is_none());
}

#[tokio::test]
async fn nothing_else_can_say_who_acts() {
    let header = [("Procura-Actor".to_owned(), "${arguments.v}".to_owned())];
    assert!(get("/x").with_headers(header).is_err());
    let service = Recorder::start(vec![answer(200, "application/json", "1")]).await;
    let upstream = told(&service.url(""));
    // Not even a plan that got hold of the header.
    let mut outgoing = Outgoing::new(Method::GET, "/x".to_owned());
    let forged = http::HeaderValue::from_static("forged");
    outgoing.headers.insert(crate::http::actor::NAME, forged);
    let arguments = Map::new();
    let acting = upstream.acting(a_call(&arguments)).await.unwrap();
    upstream.send(&outgoing, &acting).await.unwrap();
    verified(&service.only());
    // A way that forgot to say who acts sends nothing.
    let unsaid = upstream.send(&outgoing, &upstream::Acting::default()).await;
    assert!(matches!(unsaid.err(), Some(BackendError::Failed(_))));
    assert_eq!(service.seen().len(), 1);
}

#[test]
fn all_keys_are_published_and_no_secret_with_them() {
    let published = keys().to_jwks();
    let listed = published["keys"].as_array().unwrap();
    assert_eq!(listed.len(), 2);
    for jwk in listed {
        assert_eq!((&jwk["use"], &jwk["alg"]), (&json!("sig"), &json!("EdDSA")));
        assert!(jwk.get("d").is_none());
    }
    assert!(JwkSet::parse(published.to_string().as_bytes()).is_ok());
}
