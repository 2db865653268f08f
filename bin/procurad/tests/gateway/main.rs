//! A server that knows nothing but a description of the service behind it, or a command that starts one, from the first look to the last refusal.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot set up its scene has failed"
)]

mod agent;
mod published;
mod remote;
mod tools;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use procura_client::{Client, Connect, Connected, Executed, Options, Parts, Profile};
use procura_server::admin_socket;
use procura_service::admin::{AdminCall, AdminReply, AdminRequest};
use serde_json::{Value, json};

/// A `procurad serve` that ends with the test, and what it said while it started.
struct Server {
    child: Child,
    issuer: String,
    said: BufReader<std::process::ChildStderr>,
}

impl Server {
    fn start(data: &Path, behind: &[&str]) -> Self {
        Self::start_at(&free_address(), data, behind)
    }

    fn start_at(address: &str, data: &Path, behind: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_procurad"))
            .args(["serve", "--listen", address])
            .args(behind)
            .args(["--data".as_ref(), data.as_os_str()])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let said = BufReader::new(child.stderr.take().unwrap());
        Self {
            child,
            issuer: line.trim_end().to_owned(),
            said,
        }
    }

    /// All it said, once it is gone.
    fn end(&mut self) -> String {
        let _ = self.child.kill();
        let mut said = String::new();
        self.said.read_to_string(&mut said).unwrap();
        self.child.wait().unwrap();
        said
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_service_is_ready_for_agents_with_nothing_but_its_description() {
    let directory = tempfile::tempdir().unwrap();
    let (upstream, seen) = service();
    let description = directory.path().join("shop.yaml");
    fs::write(&description, SHOP).unwrap();
    let data = directory.path().join("data");
    let description = description.to_str().unwrap();
    let mut server = Server::start(&data, &["--openapi", description, "--upstream", &upstream]);
    let client = agent_side(directory.path());

    let agent = connected(&client, &server.issuer, &data, "get_order").await;
    let arguments = |arguments: Value| arguments.as_object().cloned();
    let done = client.execute(
        &agent,
        "get_order",
        arguments(json!({ "orderId": "7 a", "lines": [1, 2] })),
    );
    let Executed::Result(result) = done.await.unwrap() else {
        panic!("no result")
    };
    assert_eq!(result, json!({ "ok": true }));
    assert_eq!(
        seen.recv().unwrap(),
        "GET /api/orders/7%20a?lines=1,2 HTTP/1.1"
    );

    for (wrong, code) in [
        (json!({ "orderId": "../admin" }), "invalid_request"),
        (json!({ "orderId": 7 }), "invalid_request"),
        (
            json!({ "orderId": "7", "Authorization": "x" }),
            "invalid_request",
        ),
    ] {
        let refused = client.execute(&agent, "get_order", arguments(wrong)).await;
        assert!(refused.unwrap_err().refused().unwrap().is(code));
    }
    let missing = client.execute(
        &agent,
        "get_order",
        arguments(json!({ "orderId": "missing" })),
    );
    let missing = missing.await.unwrap_err();
    let refused = missing.refused().unwrap();
    assert!(refused.is("upstream_refused"), "{refused:?}");
    assert_eq!(refused.details["upstream_status"], 404);
    assert_eq!(seen.recv().unwrap(), "GET /api/orders/missing HTTP/1.1");

    ask(
        &data,
        AdminRequest::RevokeAgent {
            agent_id: agent.clone(),
        },
    )
    .await;
    let revoked = client.execute(&agent, "get_order", arguments(json!({ "orderId": "7" })));
    assert!(
        revoked
            .await
            .unwrap_err()
            .refused()
            .unwrap()
            .is("agent_revoked")
    );
    assert!(
        seen.try_recv().is_err(),
        "nothing reaches the service after a revocation"
    );

    let said = server.end();
    for part in [
        "get_order",
        "GET /orders/{orderId}",
        "session",
        "POST /broken: \"#/components/requestBodies/none\" cannot be resolved",
        "1 operations are offered, 1 cannot be.",
        "/device",
    ] {
        assert!(said.contains(part), "{part:?} is not in: {said}");
    }
}

#[tokio::test]
async fn an_mcp_server_is_ready_for_agents_with_nothing_but_its_command() {
    let directory = tempfile::tempdir().unwrap();
    let heard = directory.path().join("heard");
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../crates/adapters/src/mcp/tests/server.sh"
    );
    let command = format!("/bin/sh '{script}' '{}'", heard.display());
    let data = directory.path().join("data");
    let mut server = Server::start(&data, &["--mcp", &command]);
    let client = agent_side(directory.path());

    let agent = connected(&client, &server.issuer, &data, "count_stock").await;
    let arguments = |arguments: Value| arguments.as_object().cloned();
    let wrong = arguments(json!({ "item": 7 }));
    let refused = client.execute(&agent, "count_stock", wrong).await;
    assert!(
        refused
            .unwrap_err()
            .refused()
            .unwrap()
            .is("invalid_request")
    );
    let right = arguments(json!({ "item": "nail" }));
    let done = client.execute(&agent, "count_stock", right.clone()).await;
    let Executed::Result(result) = done.unwrap() else {
        panic!("no result")
    };
    assert_eq!(result, json!({ "count": 3 }));

    let agent_id = agent.clone();
    ask(&data, AdminRequest::RevokeAgent { agent_id }).await;
    let revoked = client.execute(&agent, "count_stock", right).await;
    assert!(revoked.unwrap_err().refused().unwrap().is("agent_revoked"));
    let heard = fs::read_to_string(&heard).unwrap();
    assert_eq!(heard.matches("tools/call").count(), 1, "{heard}");
    assert!(!heard.contains(&agent), "{heard}");

    let said = server.end();
    for part in [
        "count_stock",
        "countStock",
        "session",
        "broken: its inputSchema is not one of an object",
        "2 tools are offered, 1 cannot be.",
        "config init --mcp",
    ] {
        assert!(said.contains(part), "{part:?} is not in: {said}");
    }
}

#[test]
fn a_configuration_to_go_on_with_is_written_once_and_is_good() {
    let directory = tempfile::tempdir().unwrap();
    let description = directory.path().join("shop.yaml");
    fs::write(&description, SHOP).unwrap();
    let config = directory.path().join("procura.toml");
    let admin = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_procurad"))
            .arg("admin")
            .args(["--config".as_ref(), config.as_os_str()])
            .args(arguments)
            .output()
            .unwrap()
    };
    let description = description.to_str().unwrap();
    let init = ["config", "init", "--openapi", description];
    assert_eq!(admin(&init).status.code(), Some(0));
    assert!(fs::read_to_string(&config).unwrap().lines().count() <= 40);
    let checked = admin(&["config", "check"]);
    let said = String::from_utf8(checked.stdout).unwrap();
    assert!(
        said.contains("1 capabilities; 1 operations cannot be offered"),
        "{said}"
    );
    let again = admin(&init);
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8(again.stderr).unwrap().contains("exists"));
}

/// Connects an agent that holds a capability, approved for a new person by an administrator without a configuration.
async fn connected(client: &Client, issuer: &str, data: &Path, capability: &str) -> String {
    let email = "alice@example.com".to_owned();
    let add = AdminRequest::AddPerson {
        email: email.clone(),
        name: "Alice".to_owned(),
        password: Some("correct horse battery staple".to_owned()),
    };
    ask(data, add).await;
    let request = Connect::new("Helper").with_capability(capability, None);
    let Connected::Pending(pending) = client.connect(issuer, request).await.unwrap() else {
        panic!("approved without anybody")
    };
    let code = pending.approval.user_code.clone().unwrap();
    let approved = Command::new(env!("CARGO_BIN_EXE_procurad"))
        .args([
            "admin",
            "approvals",
            "approve",
            &code,
            "--user",
            &email,
            "--data",
        ])
        .arg(data)
        .output()
        .unwrap();
    assert!(approved.status.success(), "{approved:?}");
    pending.agent_id
}

/// A service that answers each request, with 404 if its path says so, and tells its first line.
fn service() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/api", listener.local_addr().unwrap());
    let (sender, seen) = channel();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let line = answer(stream);
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    (url, seen)
}

fn answer(mut stream: TcpStream) -> String {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    let rest = lines
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty());
    assert!(rest.count() > 0);
    let (status, body) = if first.contains("missing") {
        (404, r#"{"message":"at db-3.internal"}"#)
    } else {
        (200, r#"{"ok":true}"#)
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{body}"
    )
    .unwrap();
    first
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

async fn ask(data: &Path, request: AdminRequest) -> Value {
    let call = AdminCall {
        administrator: "test".to_owned(),
        request,
    };
    match admin_socket::ask(data, &call).await.unwrap().unwrap() {
        AdminReply::Done(value) => value,
        AdminReply::Refused(why) => panic!("{why}"),
    }
}

const SHOP: &str = "\
openapi: 3.1.0
info: {title: Shop, version: '1', description: Sells things}
servers: [{url: 'https://shop.example/api'}]
paths:
  /orders/{orderId}:
    get:
      operationId: getOrder
      summary: Look at an order
      parameters:
        - {name: orderId, in: path, required: true, schema: {type: string}}
        - {name: lines, in: query, explode: false, schema: {type: array, items: {type: integer}}}
        - {name: Authorization, in: header, schema: {type: string}}
  /broken:
    post:
      requestBody: {$ref: '#/components/requestBodies/none'}
";
