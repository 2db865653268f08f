//! Over HTTP: real clients on real connections, and everybody who has no business there.

use std::net::SocketAddr;

use rmcp::handler::client::ClientHandler;
use rmcp::model::{
    CallToolRequestParams, ClientCapabilities, ClientConfig, ElicitRequestParams, ElicitResult,
    ElicitationAction, ElicitationCapability, FormElicitationCapability, Implementation,
    ProgressNotificationParam, UrlElicitationCapability, object,
};
use rmcp::service::{NotificationContext, RequestContext, RoleClient, RunningService};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

use super::*;
use crate::mcp::{Gate, serve_http};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// A server that ends with the test.
struct Served {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
}

impl Served {
    async fn start(bank: Bank, access: Access) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let mut gate = Gate::new(TOKEN).unwrap();
        gate.hosts.push("agents.example".to_owned());
        gate.origins.push("https://app.example:443".to_owned());
        let server = Server::new(client_of(bank), access, false);
        tokio::spawn(serve_http(server, listener, gate, async {
            let _ = stopped.await;
        }));
        Self {
            address,
            stop: Some(stop),
        }
    }

    async fn connect(&self, person: Person) -> RunningService<RoleClient, Person> {
        let uri = format!("http://{}/mcp", self.address);
        let config = StreamableHttpClientTransportConfig::with_uri(uri).auth_header(TOKEN);
        let transport = StreamableHttpClientTransport::from_config(config);
        rmcp::serve_client(person, transport).await.unwrap()
    }

    /// The answer to a request with these header lines, up to the end of its head.
    async fn raw(&self, first: &str, lines: &[&str], body: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let lines = lines.join("\r\n");
        let request = format!(
            "{first} HTTP/1.1\r\n{lines}\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        // A refused body is not read to its end.
        let _ = stream.write_all(request.as_bytes()).await;
        let mut answer = Vec::new();
        while !answer.windows(4).any(|it| it == b"\r\n\r\n") {
            let mut piece = [0; 1024];
            let length = stream.read(&mut piece).await.unwrap();
            assert_ne!(length, 0, "{}", String::from_utf8_lossy(&answer));
            answer.extend(&piece[..length]);
        }
        String::from_utf8_lossy(&answer).to_lowercase()
    }

    async fn hello(&self, lines: &[&str]) -> String {
        self.raw("POST /mcp", lines, HELLO).await
    }
}

const HELLO: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}"#;

/// Says yes to everything, and passes on what is reported meanwhile.
#[derive(Clone)]
struct Person(mpsc::UnboundedSender<String>);

impl ClientHandler for Person {
    async fn create_elicitation(
        &self,
        request: ElicitRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, rmcp::ErrorData> {
        let asked = serde_json::to_value(&request).unwrap();
        self.0.send(format!("asked: {asked}")).unwrap();
        Ok(ElicitResult::new(ElicitationAction::Accept).with_content(json!({})))
    }

    async fn on_progress(
        &self,
        progress: ProgressNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        let message = progress.message.unwrap_or_default();
        self.0.send(format!("progress: {message}")).unwrap();
    }

    fn get_info(&self) -> ClientConfig {
        let mut asks = ElicitationCapability::default();
        asks.form = Some(FormElicitationCapability::default());
        asks.url = Some(UrlElicitationCapability::default());
        let mut capabilities = ClientCapabilities::default();
        capabilities.elicitation = Some(asks);
        ClientConfig::new(capabilities, Implementation::new("test-client", "1"))
    }
}

async fn call(session: &RunningService<RoleClient, Person>, tool: &str, with: Value) -> Value {
    let params = CallToolRequestParams::new(tool.to_owned()).with_arguments(object(with));
    let result = session.call_tool(params).await.unwrap();
    result.structured_content.unwrap()
}

#[tokio::test]
async fn an_agent_is_connected_with_questions_and_progress_over_http() {
    let bank = Bank::open()
        .but("POST /agent/register", 200, &agent("pending"))
        .but("GET /agent/status", 200, &agent("pending"))
        .on("GET /agent/status", 200, &agent("active"));
    let served = Served::start(bank, Access::To(Vec::new())).await;
    let (send, mut heard) = mpsc::unbounded_channel();
    let session = served.connect(Person(send)).await;
    assert_eq!(session.list_all_tools().await.unwrap().len(), 13);
    let standing = call(&session, "connect_agent", connect()).await;
    assert_eq!(standing["status"], "active");
    let mut events = Vec::new();
    while let Ok(event) = heard.try_recv() {
        events.push(event);
    }
    let events = events.join("\n");
    assert!(
        events.contains("Let the agent contact https://bank.example"),
        "{events}"
    );
    assert!(
        events.contains("https://bank.example/device?code=ABCD-1234"),
        "{events}"
    );
    assert!(events.contains("progress: Not decided yet"), "{events}");
    let arguments = json!({ "agent_id": "agt_1", "capability": "check_balance" });
    let done = call(&session, "execute_capability", arguments).await;
    assert_eq!(done["data"]["balance"], 7);
}

#[tokio::test]
async fn sessions_live_beside_each_other_and_end_with_the_server() {
    let mut served = Served::start(Bank::open(), Access::Anywhere).await;
    let (send, _heard) = mpsc::unbounded_channel();
    let one = served.connect(Person(send.clone())).await;
    let two = served.connect(Person(send)).await;
    call(&one, "connect_agent", connect()).await;
    one.cancel().await.unwrap();
    // What is known is the profile's; what is going on is the session's.
    let agents = call(&two, "list_agents", json!({})).await;
    assert_eq!(agents["agents"][0]["agent_id"], "agt_1");
    served.stop.take().unwrap().send(()).unwrap();
    let address = served.address;
    let refused = async { while TcpStream::connect(address).await.is_ok() {} };
    tokio::time::timeout(std::time::Duration::from_secs(30), refused)
        .await
        .unwrap();
}

#[tokio::test]
async fn nobody_gets_in_without_the_token() {
    let served = Served::start(Bank::open(), Access::Anywhere).await;
    let right = format!("Authorization: Bearer {TOKEN}");
    let nothing = served.hello(&["Host: localhost"]).await;
    assert!(nothing.starts_with("http/1.1 401"), "{nothing}");
    assert!(
        nothing.contains("www-authenticate: bearer realm=\"procura\"\r\n"),
        "{nothing}"
    );
    let long = format!("{right}0");
    for wrong in [
        "Authorization: Bearer",
        "Authorization: Bearer ",
        &right[..right.len() - 1],
        &long,
        "Authorization: Basic 0123456789abcdef0123456789abcdef",
        "Authorization: 0123456789abcdef0123456789abcdef",
        &format!("{right}\r\n{right}"),
    ] {
        let answer = served.hello(&["Host: localhost", wrong]).await;
        assert!(answer.starts_with("http/1.1 401"), "{wrong}: {answer}");
        assert!(answer.contains("error=\"invalid_token\""), "{answer}");
    }
    // Not in the URL either, where it would be logged.
    let in_url = format!("POST /mcp?access_token={TOKEN}");
    let answer = served.raw(&in_url, &["Host: localhost"], HELLO).await;
    assert!(answer.starts_with("http/1.1 401"), "{answer}");
    for method in ["GET", "DELETE", "PUT"] {
        let answer = served
            .raw(&format!("{method} /mcp"), &["Host: localhost"], "")
            .await;
        assert!(answer.starts_with("http/1.1 401"), "{method}: {answer}");
    }
    let answer = served.hello(&["Host: localhost", &right]).await;
    assert!(answer.starts_with("http/1.1 200"), "{answer}");
    assert!(answer.contains("mcp-session-id"), "{answer}");
}

#[tokio::test]
async fn pages_and_rebound_names_are_refused_even_with_the_token() {
    let served = Served::start(Bank::open(), Access::Anywhere).await;
    let token = format!("Authorization: Bearer {TOKEN}");
    for (status, lines) in [
        (403, vec!["Host: evil.example"]),
        (403, vec!["Host: 127.0.0.1.evil.example"]),
        (403, vec!["Host: localhost", "Origin: https://evil.example"]),
        (403, vec!["Host: localhost", "Origin: null"]),
        (403, vec!["Host: localhost", "Origin: http://localhost"]),
        (200, vec!["Host: agents.example"]),
        (200, vec!["Host: localhost", "Origin: https://app.example"]),
    ] {
        let lines = [lines, vec![&token]].concat();
        let answer = served.hello(&lines).await;
        assert!(
            answer.starts_with(&format!("http/1.1 {status}")),
            "{lines:?}: {answer}"
        );
    }
}

#[tokio::test]
async fn a_body_without_end_and_other_paths_are_refused() {
    let served = Served::start(Bank::open(), Access::Anywhere).await;
    let token = format!("Authorization: Bearer {TOKEN}");
    let lines = ["Host: localhost", token.as_str()];
    let much = format!("\"{}\"", "x".repeat(1024 * 1024));
    let answer = served.raw("POST /mcp", &lines, &much).await;
    assert!(answer.starts_with("http/1.1 413"), "{answer}");
    let answer = served.raw("POST /", &lines, HELLO).await;
    assert!(answer.starts_with("http/1.1 404"), "{answer}");
    let stranger = [&lines[..], &["Mcp-Session-Id: 0"]].concat();
    let answer = served.hello(&stranger).await;
    assert!(!answer.contains("result"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn whoever_sends_nothing_is_hung_up_on() {
    let served = Served::start(Bank::open(), Access::Anywhere).await;
    for start in [
        "",
        "PRI * HTTP/2.0\r\n",
        "POST /mcp HTTP/1.1\r\nHost: local",
    ] {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream.write_all(start.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert!(!String::from_utf8_lossy(&answer).contains(" 200 "));
    }
}

#[test]
fn a_token_that_can_be_guessed_is_not_taken() {
    for token in [
        "",
        "secret",
        &TOKEN[1..],
        "0123456789abcdef 0123456789abcdef",
        "\u{e4}".repeat(32).as_str(),
    ] {
        assert!(Gate::new(token).is_err(), "{token:?}");
    }
    assert!(Gate::new(TOKEN).is_ok());
}
