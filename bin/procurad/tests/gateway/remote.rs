//! A server over streamable HTTP behind: what it says on its way, calls that are called off, and tools that change.
//!
//! The server is written against the protocol's text and shares nothing with the library that the gateway uses.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use futures_util::stream::unfold;
use procura_service::admin::AdminRequest;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

use super::agent::{Agent, comes_true, events, offers};
use super::{Server, ask};

/// A server that does as its test says.
struct Remote {
    tools: Mutex<Value>,
    /// Counts how often they changed.
    changed: watch::Sender<u32>,
    /// Whether calls that wait may go on.
    go: watch::Sender<bool>,
    /// Each message it was sent, beside the session it came in.
    heard: Mutex<Vec<(String, Value)>>,
    /// Held by each call that is under way.
    open: Arc<()>,
}

impl Remote {
    /// Takes connections until the test is over. Itself, and its URL.
    async fn start(tools: Value) -> (Arc<Self>, String) {
        let remote = Arc::new(Self {
            tools: Mutex::new(tools),
            changed: watch::Sender::new(0),
            go: watch::Sender::new(false),
            heard: Mutex::default(),
            open: Arc::default(),
        });
        let routes = post(message)
            .get(listen)
            .delete(|| async { StatusCode::OK });
        let app = Router::new().route("/mcp", routes);
        let app = app.with_state(Arc::clone(&remote));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (remote, url)
    }

    fn change(&self, tools: Value) {
        *self.tools.lock().unwrap() = tools;
        self.changed.send_modify(|count| *count += 1);
    }

    fn count(&self, method: &str) -> usize {
        let heard = self.heard.lock().unwrap();
        let of_method = heard.iter().filter(|(_, it)| it["method"] == method);
        of_method.count()
    }

    /// Waits until it was told this so often.
    async fn hears(&self, method: &str, count: usize) {
        let heard = comes_true(|| async { self.count(method) == count }).await;
        assert!(heard, "{method}: {}", self.count(method));
    }

    /// Waits until no call is under way.
    async fn rests(&self) {
        let under_way = || Arc::strong_count(&self.open) - 1;
        let rests = comes_true(|| async { under_way() == 0 }).await;
        assert!(rests, "{} are under way", under_way());
    }
}

async fn message(
    State(remote): State<Arc<Remote>>,
    headers: HeaderMap,
    Json(message): Json<Value>,
) -> Response {
    let session = headers
        .get(SESSION)
        .map_or("", |id| id.to_str().unwrap())
        .to_owned();
    let heard = (session, message.clone());
    remote.heard.lock().unwrap().push(heard);
    let id = &message["id"];
    match message["method"].as_str().unwrap() {
        "initialize" => {
            let session = format!("session-{}", remote.count("initialize"));
            ([(SESSION, session)], answer(id, &hello())).into_response()
        }
        "tools/list" => {
            let tools = remote.tools.lock().unwrap().clone();
            answer(id, &json!({ "tools": tools })).into_response()
        }
        "tools/call" => call(&remote, &message).await,
        _ => StatusCode::ACCEPTED.into_response(),
    }
}

async fn call(remote: &Arc<Remote>, message: &Value) -> Response {
    let open = Arc::clone(&remote.open);
    let id = &message["id"];
    let result = match message["params"]["name"].as_str().unwrap() {
        "say" => text("said"),
        "measure" => json!({ "content": [], "structuredContent": { "celsius": 7.5 } }),
        "fail" => {
            let mut failed = text("at db-3");
            failed["isError"] = true.into();
            failed
        }
        "break" => {
            let error = json!({ "code": -32603, "message": "at db-3" });
            return Json(json!({ "jsonrpc": "2.0", "id": id, "error": error })).into_response();
        }
        "hang" => std::future::pending().await,
        _ => return narrate(remote, message.clone(), open),
    };
    answer(id, &result).into_response()
}

/// Says half of it, waits until it may go on, and says the rest.
fn narrate(remote: &Remote, message: Value, open: Arc<()>) -> Response {
    let (pieces, written) = mpsc::channel(1);
    let mut go = remote.go.subscribe();
    tokio::spawn(async move {
        let token = &message["params"]["_meta"]["progressToken"];
        let progress = |progress: u32, message: &str| {
            let params = json!({
                "progressToken": token, "progress": progress, "total": 2, "message": message,
            });
            json!({ "jsonrpc": "2.0", "method": PROGRESS, "params": params })
        };
        pieces.send(progress(1, "half")).await.ok()?;
        tokio::select! {
            _ = go.wait_for(|go| *go) => {}
            () = pieces.closed() => {}
        }
        pieces.send(progress(2, "whole")).await.ok()?;
        let Json(result) = answer(&message["id"], &text("told"));
        pieces.send(result).await.ok()
    });
    let events = unfold((written, open), |(mut written, open)| async {
        let piece: Value = written.recv().await?;
        Some((Ok::<_, Infallible>(event(&piece)), (written, open)))
    });
    Sse::new(events).into_response()
}

/// The stream on which a server says what it was not asked.
async fn listen(State(remote): State<Arc<Remote>>) -> Response {
    let changed = remote.changed.subscribe();
    let events = unfold(changed, |mut changed| async {
        changed.changed().await.ok()?;
        let told = json!({ "jsonrpc": "2.0", "method": "notifications/tools/list_changed" });
        Some((Ok::<_, Infallible>(event(&told)), changed))
    });
    Sse::new(events).into_response()
}

fn event(message: &Value) -> Event {
    Event::default().data(message.to_string())
}

fn hello() -> Value {
    json!({
        "protocolVersion": "2025-06-18", "capabilities": { "tools": { "listChanged": true } },
        "serverInfo": { "name": "remote", "version": "1" },
    })
}

fn text(text: &str) -> Value {
    json!({ "content": [{ "type": "text", "text": text }] })
}

fn answer(id: &Value, result: &Value) -> Json<Value> {
    Json(json!({ "jsonrpc": "2.0", "id": id, "result": result }))
}

fn tool(name: &str) -> Value {
    json!({
        "name": name, "description": format!("Does {name}"),
        "annotations": { "readOnlyHint": true },
        "inputSchema": { "type": "object", "properties": { "amount": { "type": "integer" } } },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_over_http_says_on_its_way_reaches_the_agent_before_the_result() {
    let (remote, url) = Remote::start(json!([tool("narrate")])).await;
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let server = Server::start(&data, &["--mcp", &url]);
    let mut agent = Agent::start(&directory.path().join("agent"), &server.issuer);
    let limited = json!([{ "name": "narrate", "constraints": { "amount": { "max": 5 } } }]);
    let id = agent.connect(&server.issuer, &data, &limited).await;

    let refused = agent.not_executed(&id, "narrate", &json!({ "amount": 6 }));
    assert!(refused.contains("constraint_violated"), "{refused}");
    let call = agent.executing(&id, "narrate", &json!({ "amount": 5 }));
    let half = json!({ "progress": 1.0, "total": 2.0, "message": "half" });
    assert_eq!(agent.progress(), half);
    remote.go.send_replace(true);
    let whole = json!({ "progress": 2.0, "total": 2.0, "message": "whole" });
    assert_eq!(agent.progress(), whole);
    let result = agent.answer(call)["structuredContent"].to_string();
    assert!(result.contains("told"), "{result}");
    remote.rests().await;

    let heard = remote.heard.lock().unwrap();
    let calls: Vec<_> = heard
        .iter()
        .filter(|(_, message)| message["method"] == "tools/call")
        .collect();
    let [(session, call)] = calls.as_slice() else {
        panic!("{calls:?}")
    };
    assert_eq!(session, "session-1");
    assert_eq!(call["params"]["arguments"], json!({ "amount": 5 }));
    assert!(!format!("{heard:?}").contains(&id), "it knows no agents");
}

#[tokio::test(flavor = "multi_thread")]
async fn results_and_errors_of_a_server_over_http_are_told_apart() {
    let names = ["say", "measure", "fail", "break"];
    let (remote, url) = Remote::start(json!(names.map(tool))).await;
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let server = Server::start(&data, &["--mcp", &url]);
    let mut agent = Agent::start(&directory.path().join("agent"), &server.issuer);
    let wanted = json!(names.map(|name| json!({ "name": name })));
    let id = agent.connect(&server.issuer, &data, &wanted).await;

    let nothing = json!({});
    assert_eq!(agent.executed(&id, "say", &nothing)["data"], "said");
    let measured = agent.executed(&id, "measure", &nothing);
    assert_eq!(measured["data"], json!({ "celsius": 7.5 }));
    for (tool, code) in [("fail", "upstream_refused"), ("break", "internal_error")] {
        let refused = agent.not_executed(&id, tool, &nothing);
        assert!(refused.contains(code), "{refused}");
        assert!(!refused.contains("db-3"), "{refused}");
    }
    assert_eq!(remote.count("tools/call"), 4);
    let recorded = events(&data, &id).await;
    for outcome in ["ok", "upstream_refused", "internal_error"] {
        let event = format!("capability.finished {outcome}");
        assert!(recorded.contains(&event), "{event}: {recorded:?}");
    }
}

/// Each in both shapes of an answer: one that does not come, and a stream that has begun.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_over_http_is_called_off_when_the_agent_goes_and_when_it_is_revoked() {
    let (remote, url) = Remote::start(json!([tool("hang"), tool("narrate")])).await;
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let server = Server::start(&data, &["--mcp", &url]);
    let mut agent = Agent::start(&directory.path().join("agent"), &server.issuer);
    let both = json!([{ "name": "hang" }, { "name": "narrate" }]);
    let id = agent.connect(&server.issuer, &data, &both).await;

    for (at, tool) in ["hang", "narrate"].into_iter().enumerate() {
        let call = agent.executing(&id, tool, &json!({}));
        remote.hears("tools/call", at + 1).await;
        if tool == "narrate" {
            agent.progress();
        }
        agent.tell("notifications/cancelled", &json!({ "requestId": call }));
        remote.hears("notifications/cancelled", at + 1).await;
        remote.rests().await;
    }
    let calls = ["hang", "narrate"].map(|tool| agent.executing(&id, tool, &json!({})));
    remote.hears("tools/call", 4).await;
    agent.progress();
    let agent_id = id.clone();
    ask(&data, AdminRequest::RevokeAgent { agent_id }).await;
    remote.hears("notifications/cancelled", 4).await;
    remote.rests().await;
    for call in calls {
        let answer = agent.answer(call);
        assert!(answer.to_string().contains("agent_revoked"), "{answer}");
    }

    let refused = agent.not_executed(&id, "hang", &json!({}));
    assert!(refused.contains("agent_revoked"), "{refused}");
    assert_eq!(remote.count("tools/call"), 4);
    let recorded = events(&data, &id).await;
    let ends = |outcome: &str| {
        let event = format!("capability.finished {outcome}");
        recorded.iter().filter(|one| **one == event).count()
    };
    assert_eq!((ends("aborted"), ends("agent_revoked")), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_of_a_server_over_http_are_followed_and_a_changed_one_is_approved_anew() {
    let (remote, url) = Remote::start(json!([tool("say")])).await;
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let server = Server::start(&data, &["--mcp", &url]);
    let mut agent = Agent::start(&directory.path().join("agent"), &server.issuer);
    let wanted = json!([{ "name": "say" }]);
    let id = agent.connect(&server.issuer, &data, &wanted).await;

    remote.change(json!([tool("say"), tool("say_more")]));
    assert!(comes_true(|| offers(&server.issuer, "say_more", "Does say_more")).await);
    assert_eq!(agent.executed(&id, "say", &json!({}))["data"], "said");

    let mut wider = tool("say");
    wider["inputSchema"]["properties"]["to"] = json!({ "type": "string" });
    remote.change(json!([wider]));
    let revoked = || async {
        let recorded = events(&data, &id).await;
        recorded.contains(&"grant.revoked ok".to_owned())
    };
    assert!(comes_true(revoked).await);
    assert!(!offers(&server.issuer, "say_more", "").await);
    let refused = agent.not_executed(&id, "say", &json!({}));
    assert!(refused.contains("capability_not_granted"), "{refused}");
    assert_eq!(remote.count("tools/call"), 1);
    assert_eq!(
        remote.count("initialize"),
        1,
        "one session serves all of it"
    );
}

const SESSION: &str = "mcp-session-id";
const PROGRESS: &str = "notifications/progress";
