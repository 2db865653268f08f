//! Tokens, an authority that says what it is told, and requests without a network.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt as _;
use procura_agent_auth::agent::Mode;
use procura_agent_auth::id::{AgentId, HostId};
use procura_agent_auth::token::{FORM, dpop};
use procura_guard::{Agent, Authority, Denied, Question};
use procura_keys::clock::{Clock, Timestamp};
use procura_keys::digest::{sha256, to_base64url};
use procura_keys::jwt;
use procura_keys::key::SigningKey;
use procura_keys::thumbprint::Thumbprint;
use serde_json::{Value, json};
use tower::ServiceExt as _;

pub(super) const ISSUER: &str = "https://bank.example";
pub(super) const LOCATION: &str = "https://payments.example/execute";

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

pub(super) fn agent() -> Agent {
    Agent {
        id: AgentId::new(NOW, [2; 10]),
        host_id: HostId::new(NOW, [1; 10]),
        user_id: None,
        mode: Mode::Autonomous,
        capabilities: vec!["pay".parse().unwrap()],
        expires_at: None,
    }
}

/// An agent JWT for `aud`. Whether it is fresh is the authority's question.
pub(super) fn token(aud: &str) -> String {
    signed("agent+jwt", aud, &Value::Null)
}

/// One that is bound to a key.
pub(super) fn bound_token(aud: &str) -> String {
    let key = SigningKey::from_seed(&[3; 32]).unwrap();
    let cnf = json!({ "jkt": Thumbprint::of(key.public()) });
    signed("agent+jwt", aud, &cnf)
}

/// One that is bound to this claim `cnf`.
pub(super) fn confirmed_token(aud: &str, cnf: &Value) -> String {
    signed("agent+jwt", aud, cnf)
}

pub(super) fn host_token(aud: &str) -> String {
    signed("host+jwt", aud, &Value::Null)
}

fn signed(typ: &str, aud: &str, cnf: &Value) -> String {
    let now = NOW.as_seconds();
    let mut claims = json!({
        "iss": "a-host", "sub": agent().id, "aud": aud, "iat": now, "exp": now + 60, "jti": "j",
    });
    if !cnf.is_null() {
        claims["cnf"] = cnf.clone();
    }
    let key = SigningKey::from_seed(&[2; 32]).unwrap();
    let header = jwt::Header {
        algorithm: FORM.algorithm,
        typ,
        kid: None,
    };
    jwt::sign(header, &claims, &key).unwrap()
}

/// What the authority says, and what it was asked.
#[derive(Clone, Default)]
pub(super) struct Said {
    denial: Option<Denied>,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Said {
    pub(super) fn denying(denied: Denied) -> Self {
        Self {
            denial: Some(denied),
            ..Self::default()
        }
    }

    pub(super) fn asked(&self) -> Vec<(String, Value)> {
        self.asked.lock().unwrap().clone()
    }
}

pub(super) fn authority(said: &Said) -> impl Authority + use<> {
    Scripted(said.clone())
}

struct Scripted(Said);

#[async_trait]
impl Authority for Scripted {
    fn issuer(&self) -> &str {
        ISSUER
    }

    async fn judge(&self, question: Question<'_>) -> Result<Agent, Denied> {
        assert_eq!(question.location, LOCATION);
        let asked = (
            question.capability.to_string(),
            Value::Object(question.arguments.clone()),
        );
        self.0.asked.lock().unwrap().push(asked);
        self.0.denial.clone().map_or_else(|| Ok(agent()), Err)
    }
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// The clock of whoever judges proofs.
#[derive(Debug)]
pub(super) struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        NOW
    }
}

/// A proof of holding the key with this seed, for one request.
pub(super) fn proof(seed: u8, token: &str, method: &str, url: &str) -> String {
    let claims = json!({
        "htm": method,
        "htu": url,
        "iat": NOW.as_seconds(),
        "jti": "p",
        "ath": to_base64url(&sha256(token.as_bytes())),
    });
    let header = jwt::Header {
        algorithm: "EdDSA",
        typ: dpop::TYPE,
        kid: None,
    };
    jwt::sign_showing_key(
        header,
        &claims,
        &SigningKey::from_seed(&[seed; 32]).unwrap(),
    )
    .unwrap()
}

/// Sends a token of this scheme with these proofs.
pub(super) async fn ask_with_proofs(
    service: Router,
    path: &str,
    (scheme, token): (&str, &str),
    proofs: &[&str],
) -> Answer {
    let mut request = Request::post(path).header(AUTHORIZATION, format!("{scheme} {token}"));
    for proof in proofs {
        request = request.header("DPoP", *proof);
    }
    let request = request
        .body(Body::from(
            r#"{"capability":"pay","arguments":{"amount":1}}"#,
        ))
        .unwrap();
    answer_of(service.oneshot(request).await.unwrap()).await
}

async fn answer_of(response: Response<Body>) -> Answer {
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: response.into_body().collect().await.unwrap().to_bytes(),
    }
}

pub(super) async fn ask(
    service: Router,
    method: &str,
    path: &str,
    bearer: Option<&str>,
    body: &str,
) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(bearer) = bearer {
        request = request.header(AUTHORIZATION, format!("Bearer {bearer}"));
    }
    let request = request.body(Body::from(body.to_owned())).unwrap();
    answer_of(service.oneshot(request).await.unwrap()).await
}
