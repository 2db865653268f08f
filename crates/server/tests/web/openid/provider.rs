//! An OpenID provider over HTTP that does as it is told, good or bad.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::stream;
use http::header::{AUTHORIZATION, LOCATION};
use http::{HeaderMap, StatusCode};
use procura_keys::clock::{Clock as _, Timestamp};
use procura_keys::digest::{from_base64url, sha256, to_base64url};
use procura_keys::key::SigningKey;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::{Url, form_urlencoded};

use crate::support::signers::{compact, jwk, new_key};
use crate::support::steady::TestClock;

/// A running provider.
pub(crate) struct Provider {
    pub(crate) issuer: String,
    told: Arc<Told>,
}

struct Told {
    issuer: String,
    clock: Arc<TestClock>,
    plan: Mutex<Plan>,
    /// What was asked, by the code that was given for it.
    codes: Mutex<HashMap<String, Question>>,
    /// What was called.
    calls: Mutex<Vec<&'static str>>,
}

/// What it is told.
pub(crate) struct Plan {
    /// By what it signs.
    pub(crate) key: SigningKey,
    /// The header of its tokens.
    pub(crate) header: Value,
    /// The keys it publishes.
    pub(crate) published: Vec<Value>,
    /// Claims of a token that differ from what is true.
    pub(crate) claims: Vec<(&'static str, Value)>,
    /// What becomes of a signed token.
    pub(crate) token: fn(String) -> String,
    /// What it says of itself beside what is true.
    pub(crate) document: Vec<(&'static str, Value)>,
    /// What it answers to a code in place of tokens.
    pub(crate) answer: Option<Answered>,
    /// What it says of a person beside the token.
    pub(crate) userinfo: Value,
}

/// What is no answer to a code.
#[derive(Clone, Copy)]
pub(crate) enum Answered {
    With(StatusCode, &'static str),
    Elsewhere,
    Endlessly,
}

#[derive(Clone)]
struct Question {
    asked: HashMap<String, String>,
    subject: String,
}

impl Provider {
    pub(crate) async fn start(clock: Arc<TestClock>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let told = Arc::new(Told {
            issuer: issuer.clone(),
            clock,
            plan: Mutex::new(Plan::honest(new_key(), "one")),
            codes: Mutex::default(),
            calls: Mutex::default(),
        });
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(document))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .route("/elsewhere", post(token).get(token))
            .route("/me", get(userinfo))
            .with_state(Arc::clone(&told));
        tokio::spawn(async { axum::serve(listener, routes).await.unwrap() });
        Self { issuer, told }
    }

    /// Tells it something else.
    pub(crate) fn tell(&self, change: impl FnOnce(&mut Plan)) {
        change(&mut self.told.plan.lock().unwrap());
    }

    /// Somebody says yes there to what they were sent for. Returns where they are sent back to.
    pub(crate) fn approve(&self, url: &Url, subject: &str) -> Url {
        let asked: HashMap<_, _> = url.query_pairs().into_owned().collect();
        let code = format!("code-{subject}-{}", asked["state"]);
        let mut back = Url::parse(&asked["redirect_uri"]).unwrap();
        back.query_pairs_mut()
            .append_pair("code", &code)
            .append_pair("state", &asked["state"]);
        let subject = subject.to_owned();
        let question = Question { asked, subject };
        self.told.codes.lock().unwrap().insert(code, question);
        back
    }

    /// What was called since this was last asked.
    pub(crate) fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.told.calls.lock().unwrap())
    }
}

impl Plan {
    fn honest(key: SigningKey, kid: &str) -> Self {
        let mut public = jwk(&key);
        public["kid"] = json!(kid);
        Self {
            header: json!({ "alg": "EdDSA", "kid": kid }),
            published: vec![public],
            key,
            claims: Vec::new(),
            token: |token| token,
            document: Vec::new(),
            answer: None,
            userinfo: json!({}),
        }
    }

    /// Signs by a new key under this name, and publishes that one alone.
    pub(crate) fn rotate(&mut self, kid: &str) {
        *self = Self::honest(new_key(), kid);
    }
}

impl Told {
    fn called(&self, path: &'static str) {
        self.calls.lock().unwrap().push(path);
    }

    fn claims(&self, question: &Question, now: Timestamp) -> Value {
        let mut claims = json!({
            "iss": self.issuer,
            "sub": question.subject,
            "aud": question.asked["client_id"],
            "nonce": question.asked["nonce"],
            "iat": now.as_seconds(),
            "exp": now.as_seconds() + 60,
            "email": format!("{}@example.com", question.subject),
            "email_verified": true,
            "name": "Alice Example",
        });
        if question.asked.contains_key("max_age") {
            claims["auth_time"] = json!(now.as_seconds());
        }
        claims
    }
}

async fn document(State(told): State<Arc<Told>>) -> Response {
    told.called("document");
    let at = |path: &str| format!("{}{path}", told.issuer);
    let mut document = json!({
        "issuer": told.issuer,
        "authorization_endpoint": at("/authorize"),
        "token_endpoint": at("/token"),
        "jwks_uri": at("/keys"),
        "userinfo_endpoint": at("/me"),
    });
    for (name, value) in &told.plan.lock().unwrap().document {
        document[*name] = value.clone();
    }
    document.to_string().into_response()
}

async fn keys(State(told): State<Arc<Told>>) -> Response {
    told.called("keys");
    let published = told.plan.lock().unwrap().published.clone();
    json!({ "keys": published }).to_string().into_response()
}

async fn userinfo(State(told): State<Arc<Told>>, headers: HeaderMap) -> Response {
    told.called("userinfo");
    if headers
        .get(AUTHORIZATION)
        .is_none_or(|value| value != "Bearer access")
    {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let said = told.plan.lock().unwrap().userinfo.to_string();
    said.into_response()
}

async fn token(State(told): State<Arc<Told>>, headers: HeaderMap, form: String) -> Response {
    told.called("token");
    let form: HashMap<_, _> = form_urlencoded::parse(form.as_bytes())
        .into_owned()
        .collect();
    let refused = |why: &str| {
        let body = json!({ "error": why, "error_description": "s3cret" });
        (StatusCode::BAD_REQUEST, body.to_string()).into_response()
    };
    // "procura" and "a secret+" as the body of a form writes them.
    let known = "Basic cHJvY3VyYTphK3NlY3JldCUyQg==";
    if headers
        .get(AUTHORIZATION)
        .is_none_or(|value| value != known)
    {
        return refused("invalid_client");
    }
    let answer = told.plan.lock().unwrap().answer;
    match answer {
        Some(Answered::With(status, body)) => return (status, body).into_response(),
        Some(Answered::Elsewhere) => {
            let location = format!("{}/elsewhere", told.issuer);
            let headers = [(LOCATION, location)];
            return (StatusCode::TEMPORARY_REDIRECT, headers).into_response();
        }
        Some(Answered::Endlessly) => {
            let piece = || Ok::<_, std::convert::Infallible>(vec![b' '; 64 * 1024]);
            return Body::from_stream(stream::repeat_with(piece)).into_response();
        }
        None => {}
    }
    let question = told.codes.lock().unwrap().remove(&form["code"]);
    let Some(question) = question else {
        return refused("invalid_grant");
    };
    let challenge = to_base64url(&sha256(form["code_verifier"].as_bytes()));
    if challenge != question.asked["code_challenge"]
        || form["redirect_uri"] != question.asked["redirect_uri"]
        || form["grant_type"] != "authorization_code"
    {
        return refused("invalid_grant");
    }
    let mut claims = told.claims(&question, told.clock.now());
    let plan = told.plan.lock().unwrap();
    for (name, value) in &plan.claims {
        claims[*name] = value.clone();
    }
    let signed = compact(&plan.header, &claims.to_string(), &plan.key);
    let id_token = (plan.token)(signed);
    json!({ "access_token": "access", "token_type": "Bearer", "id_token": id_token })
        .to_string()
        .into_response()
}

/// The claims of a signed token under another header, with what this makes of the two as a signature.
pub(crate) fn resigned(token: &str, header: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let claims = token.split('.').nth(1).unwrap();
    assert!(from_base64url(claims).is_some());
    let signed = format!("{}.{claims}", to_base64url(header.to_string().as_bytes()));
    let signature = to_base64url(&sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}
