//! A server over HTTP that answers as its test says, and remembers what it was asked.

use std::sync::Mutex;

use procura_keys::clock::{Clock, Timestamp};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::http::{Credential, Secret, Upstream, UpstreamSettings};

/// A clock that stands still.
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(0)
    }
}

type Seen = Arc<Mutex<Vec<(String, Value)>>>;
/// The answer to a call, from its message and how many came before.
type Script = fn(&Value, usize) -> String;

struct Scene {
    server: Arc<McpServer>,
    /// Each request's head, in lower case, and its body: a message, or null.
    seen: Seen,
}

impl Scene {
    async fn new(script: Script) -> Self {
        let (scene, listener) = Self::prepared().await;
        tokio::spawn(listen(listener, script, Arc::clone(&scene.seen)));
        scene
    }

    /// A scene whose server does not answer yet.
    async fn prepared() -> (Self, TcpListener) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let mut settings = UpstreamSettings::new(url.parse().unwrap());
        settings.credential = Credential::bearer(&Secret::new("s3cret".to_owned())).unwrap();
        settings.timeout = Duration::from_secs(5);
        let reach = procura_fetch::FetchPolicy {
            reach: procura_fetch::Reach::Internal,
            allow_loopback_http: true,
            ..procura_fetch::FetchPolicy::server()
        };
        let upstream = Upstream::new(settings, &reach, Arc::new(Still)).unwrap();
        let mut settings = McpSettings::new("shop".to_owned(), Way::Http(Arc::new(upstream)));
        settings.timeout = Duration::from_secs(5);
        settings.start_timeout = Duration::from_secs(5);
        settings.max_answer = 64 * 1024;
        let server = Arc::new(McpServer::new(settings));
        let seen = Seen::default();
        (Self { server, seen }, listener)
    }

    async fn call(&self, arguments: Value) -> Result<Value, BackendError> {
        let tool = Tool {
            server: Arc::clone(&self.server),
            name: "count".to_owned(),
        };
        let arguments = arguments.as_object().cloned().unwrap();
        let call = Call {
            capability: "count",
            arguments: &arguments,
            in_pieces: false,
            agent_id: "agt",
            host_id: "hst",
            user_id: None,
            call_id: "call_1",
            vault: &crate::EmptyVault,
        };
        match tool.call(call).await? {
            Reply::Value(value) => Ok(value),
            _ => panic!("no value"),
        }
    }

    fn heads(&self, method: &str) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        let meant = seen.iter().filter(|(_, body)| body["method"] == method);
        meant.map(|(head, _)| head.clone()).collect()
    }
}

async fn listen(listener: TcpListener, script: Script, seen: Seen) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(answer_one(stream, script, Arc::clone(&seen)));
    }
}

async fn answer_one(mut stream: TcpStream, script: Script, seen: Seen) -> Option<()> {
    let mut bytes = Vec::new();
    let head = loop {
        let mut chunk = [0; 4096];
        let read = stream
            .read(&mut chunk)
            .await
            .ok()
            .filter(|read| *read > 0)?;
        bytes.extend_from_slice(&chunk[..read]);
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = end {
            break end;
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |length| length.parse().unwrap());
    while bytes.len() < head + 4 + length {
        let mut chunk = [0; 4096];
        let read = stream
            .read(&mut chunk)
            .await
            .ok()
            .filter(|read| *read > 0)?;
        bytes.extend_from_slice(&chunk[..read]);
    }
    let body: Value = serde_json::from_slice(&bytes[head + 4..]).unwrap_or_default();
    let before = {
        let mut seen = seen.lock().unwrap();
        let before = seen
            .iter()
            .filter(|(_, old)| old["method"] == body["method"]);
        let before = before.count();
        seen.push((text.clone(), body.clone()));
        before
    };
    let answer = if is_call(&body) {
        script(&body, before)
    } else {
        usual(&text, &body, before)
    };
    stream.write_all(answer.as_bytes()).await.ok()?;
    stream.shutdown().await.ok()
}

fn http(status: u16, head: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n{head}connection: close\r\n\r\n{body}"
    )
}

const JSON: &str = "content-type: application/json\r\n";
const EVENTS: &str = "content-type: text/event-stream\r\n";

/// What every script answers to anything but a call.
fn usual(head: &str, body: &Value, before: usize) -> String {
    if !head.starts_with("post ") {
        return http(405, "", "");
    }
    let id = &body["id"];
    match body["method"].as_str() {
        Some("initialize") => {
            let result = json!({
                "protocolVersion": "2025-06-18", "capabilities": { "tools": {} },
                "serverInfo": { "name": "shop", "version": "1" },
            });
            let message = json!({ "jsonrpc": "2.0", "id": id, "result": result });
            let session = format!("{JSON}mcp-session-id: session-{before}\r\n");
            http(200, &session, &message.to_string())
        }
        _ => http(202, "", ""),
    }
}

fn counted(body: &Value) -> String {
    let result = json!({ "content": [], "structuredContent": { "count": 3 } });
    json!({ "jsonrpc": "2.0", "id": body["id"], "result": result }).to_string()
}

fn is_call(body: &Value) -> bool {
    body["method"] == "tools/call"
}

fn tale(result: Result<Value, BackendError>) -> String {
    match result {
        Err(BackendError::Failed(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn calls_go_out_with_session_version_and_credential_and_json_comes_back() {
    let scene = Scene::new(|body, _| http(200, JSON, &counted(body))).await;
    let counted = scene.call(json!({ "item": "nail" })).await;
    assert_eq!(counted, Ok(json!({ "count": 3 })));
    let heads = scene.heads("tools/call");
    for part in [
        "post /mcp http/1.1",
        "mcp-session-id: session-0",
        "mcp-protocol-version: 2025-06-18",
        "authorization: bearer s3cret",
        "accept: application/json, text/event-stream",
    ] {
        assert!(heads[0].contains(part), "{part} is not in {}", heads[0]);
    }
}

#[tokio::test]
async fn an_answer_may_come_as_an_event() {
    let scene = Scene::new(|body, _| {
        http(
            200,
            EVENTS,
            &format!(": hello\r\n\r\ndata: {}\r\n\r\n", counted(body)),
        )
    })
    .await;
    assert_eq!(scene.call(json!({})).await, Ok(json!({ "count": 3 })));
}

#[tokio::test]
async fn a_session_that_was_forgotten_is_opened_anew_and_its_call_is_carried_out_once() {
    let unknown: Script = |body, before| match before {
        0 => http(404, "", ""),
        _ => http(200, JSON, &counted(body)),
    };
    let turned_down: Script = |body, before| match before {
        0 => {
            let error = json!({ "jsonrpc": "2.0", "id": null, "error": { "code": -32000, "message": "no session" } });
            http(400, JSON, &error.to_string())
        }
        _ => http(200, JSON, &counted(body)),
    };
    for script in [unknown, turned_down] {
        let scene = Scene::new(script).await;
        assert_eq!(scene.call(json!({})).await, Ok(json!({ "count": 3 })));
        let heads = scene.heads("tools/call");
        assert_eq!(heads.len(), 2);
        assert!(heads[0].contains("session-0"), "{heads:?}");
        assert!(heads[1].contains("session-1"), "{heads:?}");
    }
}

#[tokio::test]
async fn nothing_else_is_ever_sent_twice() {
    let hangs_up: Script = |_, _| String::new();
    let breaks: Script = |_, _| http(503, "", "oops");
    for script in [hangs_up, breaks] {
        let scene = Scene::new(script).await;
        tale(scene.call(json!({})).await);
        assert_eq!(scene.heads("tools/call").len(), 1);
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let scene = Scene::new(|_, _| http(307, "location: /elsewhere\r\n", "")).await;
    let reason = tale(scene.call(json!({})).await);
    assert!(
        reason.contains("redirects of services are not followed"),
        "{reason}"
    );
    assert_eq!(scene.heads("tools/call").len(), 1);
}

#[tokio::test]
async fn answers_that_are_too_large_garbage_or_no_answer_are_failures() {
    let large: Script = |_, _| http(200, JSON, &" ".repeat(65 * 1024));
    let large_event: Script =
        |_, _| http(200, EVENTS, &format!("data: {}\n\n", "x".repeat(65 * 1024)));
    let garbage: Script = |_, _| http(200, "content-type: text/html\r\n", "<html>");
    let silent: Script = |_, _| http(202, "", "");
    for script in [large, large_event, garbage, silent] {
        let scene = Scene::new(script).await;
        tale(scene.call(json!({})).await);
        assert_eq!(scene.heads("tools/call").len(), 1);
    }
}

#[tokio::test]
async fn too_often_and_a_credential_that_is_not_accepted_are_told_apart() {
    let busy: Script = |_, _| http(429, "retry-after: 7\r\n", "");
    let refused = Scene::new(busy).await.call(json!({})).await;
    let retry_after = Duration::from_secs(7);
    assert_eq!(refused, Err(BackendError::Busy { retry_after }));
    let stranger: Script = |_, _| http(401, "www-authenticate: Bearer\r\n", "");
    let reason = tale(Scene::new(stranger).await.call(json!({})).await);
    assert!(reason.contains("credential of this server"), "{reason}");
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_left_alone_for_a_while() {
    let (scene, listener) = Scene::prepared().await;
    drop(listener);
    tale(scene.call(json!({})).await);
    let refused = scene.call(json!({})).await;
    assert!(
        matches!(refused, Err(BackendError::Unavailable { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn no_argument_changes_host_path_or_credential() {
    let scene = Scene::new(|body, _| http(200, JSON, &counted(body))).await;
    scene.call(json!({ "plain": "1" })).await.unwrap();
    for hostile in [
        "../admin",
        "%2e%2e%2f",
        "http://evil.example/",
        "//evil.example",
        "a\r\nAuthorization: Bearer x",
        "\u{2028}\u{0}",
        "\r\n\r\nGET / HTTP/1.1",
        "ı̀⁄..⁄",
    ] {
        let arguments = json!({
            "authorization": hostile, "host": hostile, "mcp-session-id": hostile, "url": hostile, hostile: hostile,
            "_meta": { "x": hostile }, "name": "other_tool", "method": "tools/list",
        });
        scene.call(arguments.clone()).await.unwrap();
        let seen = scene.seen.lock().unwrap();
        let (_, last) = seen.iter().rfind(|(_, body)| is_call(body)).unwrap();
        assert_eq!(last["params"]["arguments"], arguments);
        assert_eq!(last["params"]["name"], "count");
    }
    let without_length = |head: &String| -> Vec<String> {
        let lines = head
            .lines()
            .filter(|line| !line.starts_with("content-length"));
        lines.map(str::to_owned).collect()
    };
    let heads: Vec<_> = scene
        .heads("tools/call")
        .iter()
        .map(without_length)
        .collect();
    assert!(heads.iter().all(|head| *head == heads[0]), "{heads:?}");
}
