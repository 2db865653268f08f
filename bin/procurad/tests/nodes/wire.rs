//! HTTP/1.1 as plainly as possible, over connections that are kept: what fails is the server, or the way to it.

use std::io;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Whether the server ends the connection with it.
    pub(crate) closes: bool,
    /// The body as JSON; null when it is none.
    pub(crate) body: Value,
    pub(crate) text: String,
}

impl Answer {
    /// The status and error code in one, for comparing.
    pub(crate) fn refusal(&self) -> (u16, &str) {
        (self.status, self.body["error"].as_str().unwrap_or("-"))
    }
}

/// A request in the form it is sent.
pub(crate) fn request(
    method: &str,
    path: &str,
    token: Option<&str>,
    body: Option<&Value>,
) -> String {
    let authorization = token.map(|token| format!("authorization: Bearer {token}\r\n"));
    let authorization = authorization.unwrap_or_default();
    let body = body.map(Value::to_string).unwrap_or_default();
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nhost: bank\r\n{authorization}content-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
}

/// One request over a connection of its own.
pub(crate) async fn send(address: &str, request: &str) -> io::Result<Answer> {
    Connection::open(address).await?.send(request).await
}

/// A connection with one request at a time.
pub(crate) struct Connection(TcpStream);

impl Connection {
    pub(crate) async fn open(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self(stream))
    }

    /// Sends a request and reads the answer. One in pieces is read to its end.
    pub(crate) async fn send(&mut self, request: &str) -> io::Result<Answer> {
        let answer = timeout(PATIENCE, self.exchange(request)).await;
        answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    async fn exchange(&mut self, request: &str) -> io::Result<Answer> {
        self.0.write_all(request.as_bytes()).await?;
        let mut bytes = Vec::new();
        loop {
            if self.0.read_buf(&mut bytes).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let text = String::from_utf8_lossy(&bytes);
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                continue;
            };
            let head = head.to_ascii_lowercase();
            let ends = match field(&head, "content-length") {
                Some(length) => length
                    .parse()
                    .is_ok_and(|length: usize| body.len() >= length),
                None => body.ends_with("0\r\n\r\n"),
            };
            if ends {
                let status = head.split(' ').nth(1).and_then(|it| it.parse().ok());
                return Ok(Answer {
                    status: status.ok_or(io::ErrorKind::InvalidData)?,
                    closes: field(&head, "connection") == Some("close"),
                    body: serde_json::from_str(body).unwrap_or_default(),
                    text: body.to_owned(),
                });
            }
        }
    }
}

fn field<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.find_map(|(field, value)| (field == name).then(|| value.trim()))
}

/// Longer than any answer may take, streams included.
const PATIENCE: Duration = Duration::from_mins(1);
