//! What the real program tells of its work: lines for programs, and traces for a collector.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set up its scene has failed"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

#[test]
fn each_line_of_the_log_is_json_where_wanted() {
    let server = Server::start(&[]);
    server.ask("/.well-known/agent-configuration?secret=in-a-query");
    let lines = server.stop();
    let requests: Vec<Value> = lines
        .lines()
        // The link for the first administrator is for a person.
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|line: &Value| line["message"] == "request")
        .collect();
    assert_eq!(requests.len(), 1, "{lines}");
    assert_eq!(
        requests[0]["http.route"],
        "/.well-known/agent-configuration"
    );
    assert_eq!(requests[0]["http.status"], 200);
    assert_eq!(requests[0]["outcome"], "ok");
    assert!(!lines.contains("in-a-query"), "{lines}");
}

#[cfg(feature = "otel")]
#[tokio::test(flavor = "multi_thread")]
async fn a_collector_is_sent_a_span_for_each_request_and_nothing_secret() {
    let (collector, mut sent) = collector().await;
    let server = Server::start(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &collector)]);
    server.ask("/.well-known/agent-configuration?secret=in-a-query");
    server.stop();
    // The last spans are sent before the program ends.
    let mut bytes = Vec::new();
    while let Ok(body) = sent.try_recv() {
        bytes.extend(body);
    }
    let text = String::from_utf8_lossy(&bytes);
    assert!(
        text.contains("GET /.well-known/agent-configuration"),
        "{text}"
    );
    assert!(text.contains("procurad"), "{text}");
    assert!(!text.contains("in-a-query"), "{text}");
}

#[cfg(feature = "otel")]
#[test]
fn a_collector_that_is_away_costs_no_answer_and_no_good_end() {
    let nowhere = format!("http://127.0.0.1:{}", free_port());
    let server = Server::start(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &nowhere)]);
    server.ask("/healthz");
    server.stop();
}

/// A `procurad serve` whose log is JSON.
struct Server {
    child: Child,
    issuer: String,
    _data: tempfile::TempDir,
}

impl Server {
    fn start(environment: &[(&str, &str)]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_procurad"))
            .args(["--log-format", "json", "serve", "--config", BANK])
            .args(["--listen", &format!("127.0.0.1:{}", free_port()), "--data"])
            .arg(data.path())
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The line with the issuer says that connections are taken from now on.
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        Self {
            child,
            issuer: line.trim_end().to_owned(),
            _data: data,
        }
    }

    fn ask(&self, path: &str) {
        let address = self.issuer.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }

    /// Ends it in good order. What it has logged.
    fn stop(mut self) -> String {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").arg(pid).status().unwrap().success());
        let mut log = String::new();
        let mut stderr = self.child.stderr.take().unwrap();
        stderr.read_to_string(&mut log).unwrap();
        assert!(self.child.wait().unwrap().success(), "{log}");
        log
    }
}

/// Takes whatever is sent. Its address, and what it got.
#[cfg(feature = "otel")]
async fn collector() -> (
    String,
    tokio::sync::mpsc::UnboundedReceiver<axum::body::Bytes>,
) {
    let (got, sent) = tokio::sync::mpsc::unbounded_channel();
    let take = axum::routing::post(async move |body: axum::body::Bytes| {
        got.send(body).unwrap();
    });
    let routes = axum::Router::new().route("/v1/traces", take);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (format!("http://{address}"), sent)
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

const BANK: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../examples/bank/procura.toml"
);
