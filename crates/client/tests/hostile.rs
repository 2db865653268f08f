//! Servers that want what is not theirs, over real HTTP: each is answered with a clear error, and whoever listens elsewhere
//! hears nothing.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a server that cannot lie as scripted fails the test"
)]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use procura_client::{
    Client, ClientError, Connect, Connected, FetchError, Options, Parts, Pause, Pending, Profile,
    ProviderDefect,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What is written back to a request, head and all.
#[derive(Clone)]
enum Reply {
    Once(String),
    /// The second text again and again, for as long as somebody reads.
    Endless(String, String),
}

/// A server whose answers are scripted by path.
#[derive(Clone)]
struct Server {
    origin: String,
    script: Arc<Mutex<HashMap<String, Reply>>>,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            origin: format!("http://{}", listener.local_addr().unwrap()),
            script: Arc::default(),
            heard: Arc::default(),
        };
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = serving.clone();
                tokio::spawn(async move { server.converse(stream).await });
            }
        });
        server
    }

    fn on(&self, path: &str, reply: Reply) {
        self.script.lock().unwrap().insert(path.to_owned(), reply);
    }

    /// The requests to this path.
    fn heard(&self, path: &str) -> usize {
        let heard = self.heard.lock().unwrap();
        heard.iter().filter(|it| path_of(it) == path).count()
    }

    fn heard_nothing(&self) -> bool {
        self.heard.lock().unwrap().is_empty()
    }

    /// One request for each connection.
    async fn converse(&self, mut stream: TcpStream) -> Option<()> {
        let request = read_request(&mut stream).await?;
        let reply = self.script.lock().unwrap().get(path_of(&request)).cloned();
        self.heard.lock().unwrap().push(request);
        match reply.unwrap_or_else(|| said(404, "{}")) {
            Reply::Once(text) => stream.write_all(text.as_bytes()).await.ok()?,
            Reply::Endless(head, piece) => {
                stream.write_all(head.as_bytes()).await.ok()?;
                while stream.write_all(piece.as_bytes()).await.is_ok() {}
            }
        }
        stream.shutdown().await.ok()
    }
}

fn path_of(request: &str) -> &str {
    let target = request.split(' ').nth(1).unwrap_or_default();
    target.split('?').next().unwrap_or_default()
}

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.parse().ok())?
    });
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.ok()?;
    Some(head)
}

fn said(status: u16, body: &str) -> Reply {
    with_head(status, "", body)
}

fn json(body: &Value) -> Reply {
    said(200, &body.to_string())
}

fn with_head(status: u16, fields: &str, body: &str) -> Reply {
    let length = body.len();
    Reply::Once(format!(
        "HTTP/1.1 {status} So\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n{fields}\r\n{body}"
    ))
}

fn redirect(status: u16, target: &str) -> Reply {
    with_head(status, &format!("location: {target}\r\n"), "")
}

fn endless(content_type: &str, piece: &str) -> Reply {
    let head = format!(
        "HTTP/1.1 200 So\r\ncontent-type: {content_type}\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    Reply::Endless(head, format!("{:x}\r\n{piece}\r\n", piece.len()))
}

/// Waits no longer than a moment.
struct Hurry;

#[async_trait]
impl Pause for Hurry {
    async fn pause(&self, _: Duration) {
        tokio::task::yield_now().await;
    }
}

/// A client, the service it trusts too much, and somebody who would like to hear of it.
struct World {
    client: Client,
    server: Server,
    ear: Server,
}

impl World {
    async fn new() -> Self {
        let parts = Parts {
            pause: Arc::new(Hurry),
            ..Parts::system(true).unwrap()
        };
        let options = Options {
            allow_loopback_http: true,
            ..Options::default()
        };
        let server = Server::start().await;
        let world = Self {
            client: Client::new(Profile::in_memory(), options, parts),
            ear: Server::start().await,
            server,
        };
        world.publish(&json!({}));
        world.server.on(REGISTER, json(&world.registered("active")));
        let described = json!({ "name": "watch", "description": "d" });
        world.server.on(DESCRIBE, json(&described));
        world
    }

    /// Publishes a good document, but for these members.
    fn publish(&self, members: &Value) {
        let mut document = json!({
            "version": "1.0-draft", "provider_name": "bank", "description": "d",
            "issuer": self.server.origin, "algorithms": ["Ed25519"], "modes": ["delegated"],
            "approval_methods": ["device_authorization"], "endpoints": {},
        });
        for (name, value) in members.as_object().unwrap() {
            document[name] = value.clone();
        }
        let fields = "cache-control: no-store\r\n";
        let reply = with_head(200, fields, &document.to_string());
        self.server.on(DISCOVERY, reply);
    }

    fn registered(&self, status: &str) -> Value {
        json!({
            "agent_id": "42", "host_id": "7", "mode": "delegated", "status": status,
            "agent_capability_grants": [{ "capability": "watch", "status": status }],
            "approval": {
                "method": "device_authorization", "expires_in": 300, "interval": 5,
                "verification_uri": format!("{}/device", self.server.origin),
                "notification_url": format!("{}/news", self.ear.origin),
            },
        })
    }

    async fn connect(&self) -> Result<Connected, ClientError> {
        let request = Connect::new("Helper").with_capability("watch", None);
        self.client.connect(&self.server.origin, request).await
    }

    async fn connected() -> Self {
        let world = Self::new().await;
        world.connect().await.unwrap();
        world
    }

    async fn pending() -> (Self, Pending) {
        let world = Self::new().await;
        world
            .server
            .on(REGISTER, json(&world.registered("pending")));
        let Connected::Pending(pending) = world.connect().await.unwrap() else {
            panic!("not pending");
        };
        (world, pending)
    }

    async fn execute(&self) -> ClientError {
        let executed = self.client.execute("42", "watch", None).await;
        self.clear(executed.unwrap_err())
    }

    async fn status(&self) -> ClientError {
        self.clear(self.client.status("42").await.unwrap_err())
    }

    /// Says no secret, and nobody else heard one.
    fn clear(&self, error: ClientError) -> ClientError {
        assert!(!error.to_string().contains("eyJ"), "{error}");
        assert!(self.ear.heard_nothing(), "{error}");
        error
    }
}

fn is_bad_answer(error: &ClientError) -> bool {
    matches!(error, ClientError::BadAnswer { .. })
}

fn is_too_large(error: &ClientError) -> bool {
    matches!(error, ClientError::Unreachable(FetchError::TooLarge { .. }))
}

// AA-8.12-06
#[tokio::test]
async fn a_signed_request_is_not_redirected_to_anybody() {
    for status in [301, 302, 303, 307, 308] {
        let world = World::connected().await;
        let server = &world.server;
        for target in [&world.ear.origin, &server.origin] {
            for path in [STATUS, EXECUTE, LIST] {
                server.on(path, redirect(status, &format!("{target}/there")));
            }
            assert!(is_bad_answer(&world.status().await), "{status}");
            assert!(is_bad_answer(&world.execute().await), "{status}");
            let listed = world.client.capabilities(&server.origin, None, None).await;
            assert!(is_bad_answer(&world.clear(listed.unwrap_err())), "{status}");
        }
        assert_eq!(server.heard("/there"), 0, "not even at home");
        let other = World::new().await;
        other
            .server
            .on(REGISTER, redirect(status, &other.ear.origin));
        assert!(is_bad_answer(
            &other.clear(other.connect().await.unwrap_err())
        ));
        assert!(other.client.profile().connections().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_document_that_is_always_elsewhere_is_given_up() {
    let world = World::new().await;
    let round = format!("{}{DISCOVERY}", world.server.origin);
    world.server.on(DISCOVERY, redirect(302, &round));
    let error = world
        .client
        .discover(&world.server.origin)
        .await
        .unwrap_err();
    assert!(matches!(
        error,
        ClientError::Unreachable(FetchError::TooManyRedirects { .. })
    ));
    assert_eq!(world.server.heard(DISCOVERY), 4);
}

// AA-8.12-06
#[tokio::test]
async fn a_body_without_end_or_measure_is_not_read() {
    let world = World::connected().await;
    let announced = "HTTP/1.1 200 So\r\ncontent-type: application/json\r\ncontent-length: 1099511627776\r\n\r\n{";
    let many = " ".repeat(64 * 1024);
    for reply in [
        Reply::Once(announced.to_owned()),
        endless("application/json", &many),
    ] {
        for path in [DISCOVERY, STATUS, EXECUTE] {
            world.server.on(path, reply.clone());
        }
        let discovered = world.client.discover(&world.server.origin).await;
        assert!(is_too_large(&world.clear(discovered.unwrap_err())));
        world.publish(&json!({}));
        assert!(is_too_large(&world.status().await));
        assert!(is_too_large(&world.execute().await));
    }
}

#[tokio::test]
async fn a_stream_without_end_is_left() {
    let world = World::connected().await;
    let many = format!("data: {:?}\n\n", " ".repeat(64 * 1024));
    let line = "x".repeat(64 * 1024);
    for piece in [many, line] {
        world
            .server
            .on(EXECUTE, endless("text/event-stream", &piece));
        let mut heard = 0;
        let mut listener = |_: &Value| heard += 1;
        let executed = world
            .client
            .execute_streaming("42", "watch", None, &mut listener);
        assert!(is_too_large(&world.clear(executed.await.unwrap_err())));
        assert!(heard <= 256);
    }
}

#[tokio::test]
async fn what_is_no_answer_is_said_to_be_none() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let twice =
        r#"{"agent_id":"42","agent_id":"43","status":"active","agent_capability_grants":[]}"#;
    for body in [
        "",
        "{",
        "null",
        "[]",
        "<html>",
        "{\"a\":1}x",
        "\u{0}",
        "{\"a\":\"\u{1}\"}",
        "1e999999",
        &deep,
        twice,
    ] {
        let world = World::new().await;
        world.server.on(REGISTER, said(200, body));
        let error = world.clear(world.connect().await.unwrap_err());
        assert!(is_bad_answer(&error), "{error}");
        let world = World::connected().await;
        for path in [STATUS, EXECUTE] {
            world.server.on(path, said(200, body));
        }
        assert!(is_bad_answer(&world.status().await));
        assert!(is_bad_answer(&world.execute().await));
        world.server.on(DISCOVERY, said(200, body));
        let discovered = world.client.discover(&world.server.origin).await;
        let error = world.clear(discovered.unwrap_err());
        assert!(matches!(error, ClientError::BadProvider { .. }), "{error}");
    }
    let world = World::connected().await;
    let noise = Reply::Once("HTTP/9 eyJ\u{1b}[2J\r\n\r\n".to_owned());
    world.server.on(STATUS, noise);
    let error = world.status().await;
    assert!(matches!(
        error,
        ClientError::Unreachable(FetchError::Protocol { .. })
    ));
}

// AA-8.12-13, AA-8.12-16
#[tokio::test]
async fn nobody_elsewhere_is_asked_for_a_job_or_for_news() {
    let world = World::connected().await;
    let elsewhere = format!("{}/jobs/1", world.ear.origin);
    let (host, port) = world.ear.origin.rsplit_once(':').unwrap();
    let spellings = [
        elsewhere.clone(),
        elsewhere.replace("127.0.0.1", "localhost"),
        format!("{}@{}/jobs/1", world.server.origin, &world.ear.origin[7..]),
        format!("{host}:{port}\\@{}/jobs/1", &world.server.origin[7..]),
        format!("//{}/jobs/1", &world.ear.origin[7..]),
    ];
    for url in spellings {
        let body = json!({ "status": "pending", "status_url": url });
        world.server.on(EXECUTE, said(202, &body.to_string()));
        assert!(is_bad_answer(&world.execute().await), "{url}");
    }
    let (world, pending) = World::pending().await;
    let standing = json!({ "agent_id": "42", "status": "active", "agent_capability_grants": [] });
    world.server.on(STATUS, json(&standing));
    let waited = world.client.wait_for_approval(&pending, &mut |_| {}).await;
    waited.unwrap();
    assert!(world.ear.heard_nothing());
}

// AA-5.1-10
#[tokio::test]
async fn a_document_that_points_elsewhere_leads_nowhere() {
    let world = World::connected().await;
    let there = &world.ear.origin;
    for name in [
        "register",
        "status",
        "execute",
        "revoke",
        "rotate_key",
        "rotate_host_key",
    ] {
        world.publish(&json!({ "endpoints": { name: format!("{there}/x") } }));
        for error in [world.connect().await.err().unwrap(), world.status().await] {
            let error = world.clear(error);
            assert!(matches!(error, ClientError::BadProvider { .. }), "{error}");
        }
        // These only look as if they led there.
        for path in [
            format!("//{}/x", &there[7..]),
            format!("@{}/x", &there[7..]),
        ] {
            world.publish(&json!({ "endpoints": { name: path } }));
            if name == "status" {
                world.status().await;
            }
            assert!(world.ear.heard_nothing());
        }
    }
}

#[tokio::test]
async fn a_known_service_cannot_become_another_or_want_other_keys() {
    let world = World::connected().await;
    world.publish(&json!({ "issuer": world.ear.origin }));
    let error = world.status().await;
    let ClientError::BadProvider { defect, .. } = error else {
        panic!("{error}");
    };
    assert!(
        matches!(defect, ProviderDefect::WrongIssuer { .. }),
        "{defect}"
    );
    world.publish(&json!({ "algorithms": ["none", "HS256"] }));
    let error = world.connect().await.unwrap_err();
    let ClientError::BadProvider { defect, .. } = world.clear(error) else {
        panic!("not a bad provider");
    };
    assert!(matches!(defect, ProviderDefect::NoEd25519(_)), "{defect}");
    assert_eq!(world.server.heard(REGISTER), 1);
}

const DISCOVERY: &str = "/.well-known/agent-configuration";
const REGISTER: &str = "/agent/register";
const STATUS: &str = "/agent/status";
const DESCRIBE: &str = "/capability/describe";
const EXECUTE: &str = "/capability/execute";
const LIST: &str = "/capability/list";
