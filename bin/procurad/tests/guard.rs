//! A service of its own behind the guard, and the real program vouching for agents (§2.15, §5.12).
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set up its scene has failed"
)]

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use axum::body::Body;
use axum::routing::post;
use axum::{Json, Router};
use http::Request;
use http::header::AUTHORIZATION;
use http_body_util::BodyExt as _;
use procura_agent_auth::agent::Mode;
use procura_client::{Client, Connect, Connected, Options, Parts, Profile};
use procura_fetch::FetchPolicy;
use procura_guard::{Agent, Call, Guard, Introspection, Protects};
use serde_json::{Value, json};
use tower::ServiceExt as _;

const LOCATION: &str = "https://payments.example/execute";
const SECRET: &str = "only-the-payments-service-knows-this";
const CONFIG: &str = r#"
[provider]
name = "payments"
description = "Pays invoices"
modes = ["autonomous"]

[hosts]
unknown = "register"

[autonomous]
unknown_hosts = "activate"

[[introspection.caller]]
name = "payments"
secret_file = "SECRET"

[[capability]]
name = "pay_invoice"
description = "Pay an open invoice"
approval = "none"
default = true
location = "https://payments.example/execute"
constraints = { amount = { max = 100 } }
[capability.input]
type = "object"
required = ["amount"]

[[capability]]
name = "elsewhere"
description = "Carried out by somebody else"
approval = "none"
default = true
location = "https://elsewhere.example/execute"
"#;

/// AA-2.15-05, AA-5.14-05
#[tokio::test]
async fn a_service_behind_the_guard_obeys_the_server() {
    let directory = tempfile::tempdir().unwrap();
    let listen = free_address();
    let issuer = format!("http://{listen}");
    let _server = start(directory.path(), &listen);
    let client = agent_side(directory.path());
    let ask = Connect {
        mode: Mode::Autonomous,
        ..Connect::new("Payer").with_capability("pay_invoice", None)
    };
    let Connected::Active(agent) = client.connect(&issuer, ask).await.unwrap() else {
        panic!("no agent")
    };
    let service = service(&issuer, SECRET);
    let token = |aud: &str| {
        client
            .sign_jwt(&agent.agent_id, Some(aud), None)
            .unwrap()
            .token
    };

    let paid = call(&service, &token(LOCATION), 100).await;
    assert_eq!(
        paid,
        (
            200,
            json!({ "data": { "paid": 100, "by": agent.agent_id } })
        )
    );

    let (status, body) = call(&service, &token(LOCATION), 101).await;
    assert_eq!(
        (status, &body["error"]),
        (403, &json!("constraint_violated"))
    );
    assert_eq!(body["violations"][0]["field"], "amount");

    let (status, body) = call(&service, &token("https://elsewhere.example/execute"), 1).await;
    assert_eq!((status, &body["error"]), (401, &json!("invalid_jwt")));

    // One token, one call, whoever else may have seen it.
    let used = token(LOCATION);
    assert_eq!(call(&service, &used, 1).await.0, 200);
    assert_eq!(call(&service, &used, 1).await.0, 401);

    // Not one of the services the server answers.
    let stranger = self::service(&issuer, "a-guess");
    assert_eq!(call(&stranger, &token(LOCATION), 1).await.0, 503);

    let last = token(LOCATION);
    client.disconnect(&agent.agent_id).await.unwrap();
    let (status, body) = call(&service, &last, 1).await;
    assert_eq!((status, &body["error"]), (401, &json!("invalid_jwt")));
}

fn service(issuer: &str, secret: &str) -> Router {
    let policy = FetchPolicy {
        allow_loopback_http: true,
        ..FetchPolicy::client()
    };
    let authority = Introspection::with_policy(issuer, &policy).unwrap();
    let guard = Guard::new(LOCATION, authority.with_secret(secret)).unwrap();
    let here = Protects::execution(["pay_invoice".parse().unwrap()]);
    Router::new()
        .route("/execute", post(pay))
        .layer(guard.layer(here))
}

async fn pay(agent: Agent, call: Call) -> Json<Value> {
    Json(json!({ "data": { "paid": call.arguments["amount"], "by": agent.id } }))
}

async fn call(service: &Router, token: &str, amount: i64) -> (u16, Value) {
    let body = json!({ "capability": "pay_invoice", "arguments": { "amount": amount } });
    let request = Request::post("/execute")
        .header(AUTHORIZATION, format!("Bearer {token}"))
        .body(Body::from(body.to_string()))
        .unwrap();
    let response = service.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

fn agent_side(directory: &Path) -> Client {
    let profile = Profile::open(directory.join("client")).unwrap();
    let options = Options {
        allow_loopback_http: true,
        ..Options::default()
    };
    Client::new(profile, options, Parts::system(true).unwrap())
}

/// A `procurad serve` that dies with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(directory: &Path, listen: &str) -> Server {
    let secret = directory.join("secret");
    std::fs::write(&secret, SECRET).unwrap();
    let config = directory.join("procura.toml");
    let text = CONFIG.replace("SECRET", &secret.to_string_lossy());
    std::fs::write(&config, text).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_procurad"))
        .args(["serve", "--listen", listen, "--config"])
        .arg(config)
        .arg("--data")
        .arg(directory.join("data"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // The line with the issuer says that connections are taken from now on.
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line.trim_end(), format!("http://{listen}"));
    Server(child)
}
