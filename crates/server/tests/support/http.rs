//! Requests with whatever headers and body a test likes, one connection each; or many at once over
//! one connection.

use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// The body as JSON; null when it is none.
    pub(crate) body: Value,
    pub(crate) text: String,
}

impl Answer {
    /// The status and error code in one, for comparing.
    pub(crate) fn refusal(&self) -> (u16, &str) {
        (self.status, self.body["error"].as_str().unwrap_or("-"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let value = self.headers.get(name)?;
        value.to_str().ok()
    }

    /// A member that has to be a text.
    pub(crate) fn text_of(&self, member: &str) -> &str {
        let text = self.body[member].as_str();
        text.unwrap_or_else(|| panic!("{member} is no text in {self:?}"))
    }

    /// The user code of the approval in it.
    pub(crate) fn user_code(&self) -> String {
        let code = self.body["approval"]["user_code"].as_str();
        code.unwrap_or_else(|| panic!("no code in {self:?}"))
            .to_owned()
    }

    /// Where to listen for the answer to the request for approval in it, as a path.
    pub(crate) fn notification_path(&self, bank: &super::Bank) -> String {
        let url = self.body["approval"]["notification_url"].as_str();
        let url = url.unwrap_or_else(|| panic!("no notification URL in {self:?}"));
        let path = url.strip_prefix(&bank.issuer);
        path.unwrap_or_else(|| panic!("{url} is elsewhere"))
            .to_owned()
    }

    /// The capability and status of each grant in it.
    pub(crate) fn grants<'g>(&'g self) -> Vec<(&'g str, &'g str)> {
        let grants = self.body["agent_capability_grants"].as_array();
        let grants = grants.unwrap_or_else(|| panic!("no grants in {self:?}"));
        let text = |grant: &'g Value, member| grant[member].as_str().unwrap();
        grants
            .iter()
            .map(|grant| (text(grant, "capability"), text(grant, "status")))
            .collect()
    }

    /// The grant of this capability in it.
    pub(crate) fn grant(&self, capability: &str) -> &Value {
        let grants = self.body["agent_capability_grants"].as_array();
        let mut grants = grants
            .unwrap_or_else(|| panic!("no grants in {self:?}"))
            .iter();
        let found = grants.find(|grant| grant["capability"] == capability);
        found.unwrap_or_else(|| panic!("no grant of {capability} in {self:?}"))
    }

    /// The names of the members of the body, sorted.
    pub(crate) fn members(&self) -> Vec<&str> {
        members(&self.body)
    }
}

/// The names of the members of an object, sorted.
pub(crate) fn members(value: &Value) -> Vec<&str> {
    let object = value.as_object();
    let object = object.unwrap_or_else(|| panic!("no object: {value}"));
    let mut names: Vec<_> = object.keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

/// One request over a connection of its own.
pub(crate) async fn send(
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&'static str, String)],
    body: Option<Vec<u8>>,
) -> Answer {
    let stream = TcpStream::connect(address).await.unwrap();
    send_over(stream, address, method, path, headers, body).await
}

/// One request over a connection that is open already, and ends with it.
pub(crate) async fn send_over(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&'static str, String)],
    body: Option<Vec<u8>>,
) -> Answer {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri(path);
    if headers.iter().all(|(name, _)| *name != "host") {
        request = request.header("host", address);
    }
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let body = Full::new(Bytes::from(body.unwrap_or_default()));
    let answer = async {
        let response = sender.send_request(request.body(body).unwrap()).await;
        read(response.unwrap()).await
    };
    let answer = tokio::time::timeout(PATIENCE, answer).await;
    answer.unwrap_or_else(|_| panic!("{method} {path} is not answered"))
}

/// The same request so many times at once, spread over a few connections. Returns the statuses.
pub(crate) async fn send_at_once(
    address: &str,
    path: &str,
    token: &str,
    body: &Value,
    times: usize,
) -> Vec<u16> {
    let mut sent = tokio::task::JoinSet::new();
    for start in (0..times).step_by(STREAMS) {
        let stream = TcpStream::connect(address).await.unwrap();
        let io = TokioIo::new(stream);
        let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
        tokio::spawn(connection);
        for _ in start..times.min(start + STREAMS) {
            let request = Request::post(format!("http://{address}{path}"))
                .header("authorization", format!("Bearer {token}"))
                .header("content-type", "application/json")
                .body(Full::new(Bytes::from(body.to_string())));
            let mut sender = sender.clone();
            let request = request.unwrap();
            sent.spawn(async move {
                sender
                    .send_request(request)
                    .await
                    .unwrap()
                    .status()
                    .as_u16()
            });
        }
    }
    sent.join_all().await
}

/// A stream of server-sent events, read one by one.
pub(crate) struct Listening {
    body: Incoming,
    unread: String,
}

impl Listening {
    /// The next event: its kind and data. `None` when the stream has ended.
    pub(crate) async fn event(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((block, rest)) = self.unread.split_once("\n\n") {
                let field = |name: &str| {
                    let mut lines = block.lines().filter_map(|line| line.strip_prefix(name));
                    lines.next().map(|value| value.trim().to_owned())
                };
                let event = field("event:").zip(field("data:"));
                self.unread = rest.to_owned();
                if let Some((kind, data)) = event {
                    return Some((kind, serde_json::from_str(&data).unwrap()));
                }
                continue;
            }
            let frame = tokio::time::timeout(PATIENCE, self.body.frame()).await;
            let frame = frame.unwrap_or_else(|_| panic!("no event after {:?}", self.unread))?;
            let bytes = frame.unwrap().into_data().unwrap_or_default();
            self.unread.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }
}

/// Starts reading server-sent events.
pub(crate) async fn listen(address: &str, path: &str) -> Listening {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get(path).header("host", address);
    let request = request.body(Full::new(Bytes::new())).unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    Listening {
        body: response.into_body(),
        unread: String::new(),
    }
}

async fn read(response: Response<Incoming>) -> Answer {
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: serde_json::from_slice(&bytes).unwrap_or_default(),
        text: String::from_utf8_lossy(&bytes).into_owned(),
    }
}

/// After which an answer that has not ended is a failure.
const PATIENCE: Duration = Duration::from_secs(20);
/// As many requests at once as the server takes on one connection.
const STREAMS: usize = 200;
