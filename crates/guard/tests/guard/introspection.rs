//! Asking over real HTTP: what is sent, and what every kind of answer means.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use procura_fetch::FetchPolicy;
use procura_guard::{Agent, Authority as _, Denied, Introspection, Question};
use serde_json::{Map, Value, json};

use super::support::{LOCATION, agent, token};

/// A server that registers agents, as far as a guard sees it.
#[derive(Clone)]
struct Server(Arc<Inner>);

struct Inner {
    answer: Mutex<(u16, Value)>,
    asked: Mutex<Vec<(Option<String>, Value)>>,
    discovered: AtomicUsize,
    introspect: Mutex<String>,
    issuer: String,
}

impl Server {
    async fn start(status: u16, answer: Value) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let server = Self(Arc::new(Inner {
            answer: Mutex::new((status, answer)),
            asked: Mutex::default(),
            discovered: AtomicUsize::new(0),
            introspect: Mutex::new("/agent/introspect".to_owned()),
            issuer,
        }));
        let routes = Router::new()
            .route("/.well-known/agent-configuration", get(discovery))
            .route("/agent/introspect", post(introspect))
            .route("/moved", post(introspect))
            .with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        server
    }

    fn authority(&self) -> Introspection {
        let policy = FetchPolicy {
            allow_loopback_http: true,
            ..FetchPolicy::client()
        };
        Introspection::with_policy(self.0.issuer.clone(), &policy).unwrap()
    }

    fn answers(&self, status: u16, answer: Value) {
        *self.0.answer.lock().unwrap() = (status, answer);
    }
}

async fn discovery(State(Server(server)): State<Server>) -> Json<Value> {
    server.discovered.fetch_add(1, Ordering::SeqCst);
    Json(json!({
        "version": "1.0-draft", "provider_name": "bank", "description": "", "issuer": server.issuer,
        "algorithms": ["Ed25519"], "modes": ["delegated"], "approval_methods": [],
        "endpoints": { "introspect": *server.introspect.lock().unwrap() },
    }))
}

async fn introspect(
    State(Server(server)): State<Server>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> (StatusCode, Json<Value>) {
    let secret = headers
        .get(AUTHORIZATION)
        .map(|it| it.to_str().unwrap().to_owned());
    server.asked.lock().unwrap().push((secret, body));
    let (status, answer) = server.answer.lock().unwrap().clone();
    (StatusCode::from_u16(status).unwrap(), Json(answer))
}

/// An active answer, with `extra` members.
fn active(extra: Value) -> Value {
    let mut answer = json!({
        "active": true, "agent_id": agent().id, "host_id": agent().host_id, "mode": "autonomous",
        "agent_capability_grants": [
            { "capability": "pay", "status": "active" },
            { "capability": "fly", "status": "pending" },
        ],
    });
    let Value::Object(extra) = extra else {
        unreachable!("members")
    };
    answer.as_object_mut().unwrap().extend(extra);
    answer
}

async fn judge(authority: &Introspection) -> Result<Agent, Denied> {
    let arguments = Map::from_iter([("amount".to_owned(), json!(5))]);
    let question = Question {
        token: &token(LOCATION),
        location: LOCATION,
        capability: &"pay".parse().unwrap(),
        arguments: &arguments,
    };
    authority.judge(question).await
}

/// AA-2.15-05
#[tokio::test]
async fn a_verdict_that_permits_the_call_yields_the_agent() {
    let server = Server::start(200, active(json!({ "verdict": { "permitted": true } }))).await;
    let authority = server.authority().with_secret("a-secret");
    assert_eq!(judge(&authority).await.unwrap(), agent());
    let asked = server.0.asked.lock().unwrap();
    let (secret, body) = &asked[0];
    assert_eq!(secret.as_deref(), Some("Bearer a-secret"));
    assert_eq!(body["capability"], "pay");
    assert_eq!(body["arguments"], json!({ "amount": 5 }));
    assert!(body["token"].is_string());
}

/// AA-2.15-05
#[tokio::test]
async fn inactive_tokens_and_forbidden_calls_are_told_apart() {
    let server = Server::start(200, json!({ "active": false })).await;
    assert_eq!(judge(&server.authority()).await, Err(Denied::Inactive));

    let body = json!({ "error": "constraint_violated", "message": "m", "violations": [1] });
    server.answers(
        200,
        active(json!({ "verdict": { "permitted": false, "error": body } })),
    );
    let forbidden = Denied::Forbidden {
        code: "constraint_violated".to_owned(),
        body,
    };
    assert_eq!(judge(&server.authority()).await, Err(forbidden));

    server.answers(200, active(json!({ "verdict": { "permitted": false } })));
    let refused = judge(&server.authority()).await.unwrap_err();
    assert!(
        refused.to_string().contains("does not hold pay"),
        "{refused}"
    );
}

#[tokio::test]
async fn no_verdict_is_no_permission_unless_grants_suffice() {
    let server = Server::start(200, active(json!({}))).await;
    assert!(matches!(
        judge(&server.authority()).await,
        Err(Denied::Unavailable(_))
    ));
    let lenient = server.authority().accepting_grants_without_verdict();
    assert_eq!(judge(&lenient).await.unwrap(), agent());
    // A grant that is not active is none.
    let pending =
        json!({ "agent_capability_grants": [{ "capability": "pay", "status": "pending" }] });
    server.answers(200, active(pending));
    assert!(matches!(judge(&lenient).await, Err(Denied::Refused(_))));
}

#[tokio::test]
async fn an_answer_that_is_none_lets_nobody_through() {
    let garbled = [
        (200, json!("yes")),
        (200, json!({})),
        (200, json!({ "active": true })),
        (200, json!({ "active": "true" })),
        (401, json!({ "error": "authentication_required" })),
        (429, json!({ "error": "rate_limited" })),
        (500, active(json!({ "verdict": { "permitted": true } }))),
        (302, active(json!({ "verdict": { "permitted": true } }))),
    ];
    let server = Server::start(200, Value::Null).await;
    for (status, answer) in garbled {
        server.answers(status, answer.clone());
        let judged = judge(&server.authority()).await;
        assert!(
            matches!(judged, Err(Denied::Unavailable(_))),
            "{status} {answer}: {judged:?}"
        );
    }
    let nobody = Introspection::with_policy(
        "http://127.0.0.1:1",
        &FetchPolicy {
            allow_loopback_http: true,
            ..FetchPolicy::client()
        },
    );
    assert!(matches!(
        judge(&nobody.unwrap()).await,
        Err(Denied::Unavailable(_))
    ));
}

#[tokio::test]
async fn where_to_ask_is_looked_up_once_however_many_wait_for_it() {
    let server = Server::start(200, active(json!({ "verdict": { "permitted": true } }))).await;
    let authority = Arc::new(server.authority());
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let authority = Arc::clone(&authority);
            tokio::spawn(async move { judge(&authority).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(server.0.discovered.load(Ordering::SeqCst), 1);

    // It moved: the call that finds out is refused, the next one asks at the new place.
    *server.0.introspect.lock().unwrap() = "/moved".to_owned();
    server.answers(404, Value::Null);
    assert!(judge(&authority).await.is_err());
    server.answers(200, active(json!({ "verdict": { "permitted": true } })));
    judge(&authority).await.unwrap();
    assert_eq!(server.0.discovered.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn tokens_and_secret_go_to_the_issuers_own_origin_only() {
    let server = Server::start(200, active(json!({ "verdict": { "permitted": true } }))).await;
    *server.0.introspect.lock().unwrap() = "http://127.0.0.2:9/agent/introspect".to_owned();
    let judged = judge(&server.authority()).await;
    assert!(matches!(judged, Err(Denied::Unavailable(why)) if why.contains("another origin")));
    assert!(server.0.asked.lock().unwrap().is_empty());
}

#[test]
fn an_issuer_has_to_be_https() {
    for issuer in [
        "",
        "bank.example",
        "http://bank.example",
        "http://127.0.0.1:1",
    ] {
        assert!(Introspection::of(issuer).is_err(), "{issuer}");
    }
    assert!(Introspection::of("https://bank.example").is_ok());
}
