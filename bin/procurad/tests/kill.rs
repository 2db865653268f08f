//! The real program, killed without warning: what it had acknowledged is there when it starts again.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot set up its scene has failed"
)]

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use http::Method;
use http::header::{AUTHORIZATION, HeaderValue};
use procura_client::{
    Client, Connect, Connected, Executed, FetchTransport, Options, Parts, Profile, Request,
    Transport as _,
};
use procura_server::admin_socket;
use procura_service::admin::{AdminCall, AdminReply, AdminRequest};
use serde_json::{Value, json};

/// A `procurad serve` that dies with the test.
struct Server(Child);

impl Server {
    fn start(data: &Path, listen: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_procurad"))
            .args(["serve", "--config", BANK, "--listen", listen, "--data"])
            .arg(data)
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
        Self(child)
    }

    /// SIGKILL: no handler runs, nothing is flushed.
    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

// AA-4.6-01, AA-8.4-01
#[tokio::test]
async fn nothing_acknowledged_is_lost_by_sigkill() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let listen = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    let issuer = format!("http://{listen}");
    // A new client for each life of the server: an open connection dies with it, and a call that may have
    // been carried out is never sent again by itself.
    let client = || agent_side(directory.path());

    let server = Server::start(&data, &listen);
    let request = Connect::new("Helper").with_capability("check_balance", None);
    let Connected::Pending(pending) = client().connect(&issuer, request).await.unwrap() else {
        panic!()
    };
    let code = pending.approval.user_code.clone().unwrap();
    ask(
        &data,
        AdminRequest::Approve {
            reference: code,
            user: Some("alice@example.com".to_owned()),
        },
    )
    .await;
    server.kill();

    let server = Server::start(&data, &listen);
    let client_now = client();
    let standing = client_now.status(&pending.agent_id).await.unwrap();
    assert_eq!(standing.status, "active");
    let arguments = json!({ "account_id": "acc_123" });
    let executed = client_now
        .execute(
            &pending.agent_id,
            "check_balance",
            arguments.as_object().cloned(),
        )
        .await;
    assert!(matches!(executed.unwrap(), Executed::Result(_)));
    let used = execution(&client_now, &pending.agent_id, &issuer);
    let unused = execution(&client_now, &pending.agent_id, &issuer);
    assert_eq!(send(&used).await, (200, None));
    server.kill();

    let server = Server::start(&data, &listen);
    assert_eq!(send(&used).await, (401, Some("invalid_jwt".to_owned())));
    assert_eq!(send(&unused).await, (200, None));
    let verified = ask(&data, AdminRequest::AuditVerify).await;
    // Six records until the approval, and the start of each call; the end of a call is recorded just after its
    // answer, so those of the two calls before a kill may be missing.
    assert_eq!(verified["broken"], Value::Null);
    assert!(verified["records"].as_i64().unwrap() >= 10, "{verified}");
    client().disconnect(&pending.agent_id).await.unwrap();
    server.kill();

    let _server = Server::start(&data, &listen);
    let shown = ask(
        &data,
        AdminRequest::ShowAgent {
            agent_id: pending.agent_id,
        },
    )
    .await;
    assert_eq!(shown["status"], "revoked");
}

#[test]
fn a_second_server_on_the_same_data_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let listen = || {
        TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .to_string()
    };
    let _first = Server::start(directory.path(), &listen());
    let second = Command::new(env!("CARGO_BIN_EXE_procurad"))
        .args(["serve", "--config", BANK, "--listen", &listen(), "--data"])
        .arg(directory.path())
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(said.contains("is in use by a running procurad"), "{said}");
}

#[test]
fn a_mistake_in_the_configuration_stops_the_start_and_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("wrong.toml");
    let text = std::fs::read_to_string(BANK)
        .unwrap()
        .replace("approval = \"none\"", "approval = \"never\"");
    std::fs::write(&config, text).unwrap();
    let started = Command::new(env!("CARGO_BIN_EXE_procurad"))
        .args(["serve", "--config"])
        .arg(&config)
        .arg("--data")
        .arg(directory.path().join("data"))
        .output()
        .unwrap();
    assert_eq!(started.status.code(), Some(1));
    let said = String::from_utf8(started.stderr).unwrap();
    for part in ["wrong.toml", "never", "`none`, `session`, `presence`"] {
        assert!(said.contains(part), "{part:?} is not in: {said}");
    }
}

fn agent_side(directory: &Path) -> Client {
    let profile = Profile::open(directory.join("client")).unwrap();
    let options = Options {
        allow_loopback_http: true,
        ..Options::default()
    };
    Client::new(profile, options, Parts::system(true).unwrap())
}

/// One execution as it travels, to be sent as often as a test likes.
fn execution(client: &Client, agent: &str, issuer: &str) -> Request {
    let location = format!("{issuer}/capability/execute");
    let token = client.sign_jwt(agent, Some(&location), None).unwrap().token;
    let mut request = Request::get(location.parse().unwrap());
    request.method = Method::POST;
    request.headers.insert(
        AUTHORIZATION,
        HeaderValue::from_str(&format!("Bearer {token}")).unwrap(),
    );
    request
        .headers
        .insert("content-type", HeaderValue::from_static("application/json"));
    let body = json!({ "capability": "check_balance", "arguments": { "account_id": "acc_123" } });
    request.body = Some(body.to_string().into());
    request
}

async fn send(request: &Request) -> (u16, Option<String>) {
    let wire = FetchTransport::new(true).unwrap();
    let answer = wire.send(request.clone()).await.unwrap();
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    (
        answer.status.as_u16(),
        body["error"].as_str().map(str::to_owned),
    )
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

const BANK: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../examples/bank/procura.toml"
);
