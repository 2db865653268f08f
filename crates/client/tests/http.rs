//! The client over real HTTP, against a small server written by hand that checks every token with the rules
//! the product's own server uses.
#![expect(
    clippy::unwrap_used,
    reason = "a server that cannot answer as scripted fails the test"
)]

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::stream;
use procura_agent_auth::token::FORM;
use procura_agent_auth::token::host::UnverifiedHostToken;
use procura_client::{
    Client, ClientError, Connect, Connected, FetchError, Options, Parts, Pause, Profile, Request,
    Response as Answer, Transport,
};
use procura_keys::jwt::Unverified;
use serde_json::{Value, json};

/// The bank: its issuer, and how often it was asked for the status.
#[derive(Clone)]
struct Bank {
    issuer: String,
    asked: Arc<AtomicU64>,
}

async fn bank() -> Bank {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bank = Bank {
        issuer: format!("http://{}", listener.local_addr().unwrap()),
        asked: Arc::default(),
    };
    let router = Router::new()
        .route("/.well-known/agent-configuration", get(discovery))
        .route("/agent/register", post(register))
        .route("/agent/status", get(status))
        .route("/agent/revoke", post(revoke))
        .route("/capability/describe", get(describe))
        .route("/capability/execute", post(execute))
        .with_state(bank.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    bank
}

impl Bank {
    /// The claims of the host JWT, if it is a good one.
    fn host(&self, headers: &HeaderMap) -> Value {
        let token = bearer(headers);
        UnverifiedHostToken::parse(token, &self.issuer).unwrap();
        Value::Object(Unverified::parse(token, FORM).unwrap().claims)
    }
}

fn bearer(headers: &HeaderMap) -> &str {
    let value = headers["authorization"].to_str().unwrap();
    value.strip_prefix("Bearer ").unwrap()
}

async fn discovery(State(bank): State<Bank>) -> Json<Value> {
    Json(json!({
        "version": "1.0-draft", "provider_name": "bank", "description": "d", "issuer": bank.issuer,
        "algorithms": ["Ed25519"], "modes": ["delegated"], "approval_methods": ["device_authorization"],
        "endpoints": { "register": "/agent/register" },
    }))
}

async fn register(State(bank): State<Bank>, headers: HeaderMap, body: Json<Value>) -> Json<Value> {
    assert!(bank.host(&headers)["agent_public_key"]["kid"].is_string());
    Json(json!({
        "agent_id": "42", "host_id": "7", "name": body["name"], "mode": "delegated", "status": "pending",
        "agent_capability_grants": [{ "capability": "watch", "status": "pending" }],
        "approval": {
            "method": "device_authorization", "verification_uri": format!("{}/device", bank.issuer),
            "user_code": "ABCD-1234", "expires_in": 300, "interval": 5,
        },
    }))
}

async fn status(State(bank): State<Bank>, headers: HeaderMap) -> Json<Value> {
    bank.host(&headers);
    let status = match bank.asked.fetch_add(1, Ordering::Relaxed) {
        0 => "pending",
        _ => "active",
    };
    Json(json!({
        "agent_id": "42", "host_id": "7", "name": "n", "mode": "delegated", "status": status,
        "agent_capability_grants": [{ "capability": "watch", "status": status }],
    }))
}

async fn revoke(State(bank): State<Bank>, headers: HeaderMap, body: Json<Value>) -> Json<Value> {
    bank.host(&headers);
    Json(json!({ "agent_id": body["agent_id"], "status": "revoked" }))
}

async fn describe() -> Json<Value> {
    Json(json!({ "name": "watch", "description": "d" }))
}

/// A stream that goes on after its end, as a client must not notice.
async fn execute(State(bank): State<Bank>, headers: HeaderMap) -> Response {
    let claims = Unverified::parse(bearer(&headers), FORM).unwrap().claims;
    assert_eq!(claims["aud"], format!("{}/capability/execute", bank.issuer));
    let pieces = [
        "data: {\"n\":",
        "1}\n\n",
        "data: {\"n\":2}\n\nevent: done\n\n",
    ];
    let pieces = stream::iter(pieces.map(Ok::<_, Infallible>));
    let endless = stream::pending();
    let body = Body::from_stream(stream::StreamExt::chain(pieces, endless));
    ([("content-type", "text/event-stream")], body).into_response()
}

/// Waits no longer than a moment.
struct Hurry;

#[async_trait]
impl Pause for Hurry {
    async fn pause(&self, _: Duration) {
        tokio::task::yield_now().await;
    }
}

/// Looks on: what a demonstration or a log does.
struct Observer {
    inner: Arc<dyn Transport>,
    seen: Mutex<Vec<String>>,
}

#[async_trait]
impl Transport for Observer {
    async fn send(&self, request: Request) -> Result<Answer, FetchError> {
        let line = format!("{} {}", request.method, request.url.path());
        let answer = self.inner.send(request).await?;
        let line = format!("{line} {}", answer.status.as_u16());
        self.seen.lock().unwrap().push(line);
        Ok(answer)
    }

    async fn stream(&self, request: Request) -> Result<procura_client::StreamResponse, FetchError> {
        self.inner.stream(request).await
    }
}

fn client(allow_loopback_http: bool) -> (Client, Arc<Observer>) {
    let parts = Parts::system(allow_loopback_http).unwrap();
    let observer = Arc::new(Observer {
        inner: parts.transport.clone(),
        seen: Mutex::default(),
    });
    let parts = Parts {
        transport: observer.clone(),
        pause: Arc::new(Hurry),
        ..parts
    };
    let options = Options {
        allow_loopback_http,
        ..Options::default()
    };
    (Client::new(Profile::in_memory(), options, parts), observer)
}

// AA-5.11-22, AA-5.11-24
#[tokio::test]
async fn an_agent_lives_from_discovery_to_revocation_over_real_http() {
    let bank = bank().await;
    let (client, observer) = client(true);
    let request = Connect::new("Helper").with_capability("watch", None);
    let Connected::Pending(pending) = client.connect(&bank.issuer, request).await.unwrap() else {
        panic!("not pending");
    };
    let page = pending.approval.verification_uri.as_ref().unwrap();
    assert_eq!(page.as_str(), format!("{}/device", bank.issuer));
    let standing = client
        .wait_for_approval(&pending, &mut |_| {})
        .await
        .unwrap();
    assert_eq!(standing.status, "active");

    // The stream never closes: only `done` ends it.
    let mut heard = Vec::new();
    let mut listener = |chunk: &Value| heard.push(chunk.clone());
    let done = client.execute_streaming("42", "watch", None, &mut listener);
    done.await.unwrap();
    assert_eq!(heard, [json!({ "n": 1 }), json!({ "n": 2 })]);

    client.disconnect("42").await.unwrap();
    assert!(client.profile().connections().unwrap().is_empty());
    let seen = observer.seen.lock().unwrap();
    assert_eq!(
        *seen,
        [
            "GET /.well-known/agent-configuration 200",
            "POST /agent/register 200",
            "GET /agent/status 200",
            "GET /agent/status 200",
            "GET /capability/describe 200",
            "POST /agent/revoke 200",
        ]
    );
}

#[tokio::test]
async fn plain_http_is_refused_unless_it_is_switched_on() {
    let bank = bank().await;
    let (client, _) = client(false);
    let error = client.discover(&bank.issuer).await.unwrap_err();
    assert!(matches!(
        error,
        ClientError::Unreachable(FetchError::NotHttps { .. })
    ));
    assert_eq!(bank.asked.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (client, _) = client(true);
    let error = client
        .discover(&format!("http://{address}"))
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::Unreachable(_)), "{error}");
}

// AA-8.9-04
#[tokio::test]
async fn a_server_with_a_certificate_of_its_own_making_is_not_spoken_to() {
    use rustls::ServerConfig;
    use rustls::pki_types::PrivateKeyDer;
    use tokio_rustls::{TlsAcceptor, rustls};

    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("https://{}", listener.local_addr().unwrap());
    let handshake = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        acceptor.accept(stream).await.is_ok()
    });
    let (client, _) = client(true);
    let error = client.discover(&issuer).await.unwrap_err();
    assert!(
        matches!(error, ClientError::Unreachable(FetchError::Tls { .. })),
        "{error}"
    );
    assert!(
        !handshake.await.unwrap(),
        "the client hangs up before it says anything"
    );
}
