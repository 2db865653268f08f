//! A service on loopback that answers as it was told and remembers what it was asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A request as it came in.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) line: String,
    pub(super) headers: HashMap<String, String>,
    pub(super) body: String,
}

pub(super) struct Recorder {
    address: std::net::SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// An answer; nothing hangs up without one.
pub(super) type Answer = Option<Vec<u8>>;

pub(super) fn answer(status: u16, content_type: &str, body: &str) -> Answer {
    answer_with(status, &[("content-type", content_type)], body)
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "an answer is something where nothing is an answer, too"
)]
pub(super) fn answer_with(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
    let told = headers.iter().filter(|(_, value)| !value.is_empty());
    let told: String = told
        .map(|(name, value)| [name, ": ", value, "\r\n"].concat())
        .collect();
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n{told}connection: close\r\n\r\n{body}"
    );
    Some(text.into_bytes())
}

impl Recorder {
    /// Answers the first request with the first answer, and so on; the last one stays.
    pub(super) async fn start(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&seen);
        tokio::spawn(async move {
            let mut next = 0;
            while let Ok((stream, _)) = listener.accept().await {
                let answer = answers[next.min(answers.len() - 1)].clone();
                next += 1;
                let request = serve(stream, answer).await;
                record.lock().unwrap().extend(request);
            }
        });
        Self { address, seen }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The one request that came.
    pub(super) fn only(&self) -> Seen {
        let seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen.into_iter().next().unwrap()
    }
}

async fn serve(mut stream: TcpStream, answer: Answer) -> Option<Seen> {
    let mut bytes = Vec::new();
    let head = loop {
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&chunk[..read]),
        }
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let mut lines = text.lines();
    let line = lines.next().unwrap_or("").to_owned();
    let headers: HashMap<_, _> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers
        .get("content-length")
        .map_or(0, |text| text.parse().unwrap());
    let mut body = bytes[head + 4..].to_vec();
    while body.len() < length {
        let mut chunk = [0; 4096];
        let read = stream.read(&mut chunk).await.unwrap();
        body.extend_from_slice(&chunk[..read]);
    }
    let seen = Seen {
        line,
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    if let Some(answer) = answer {
        // The other side may have gone away, which is its right.
        let _ = stream.write_all(&answer).await;
        let _ = stream.shutdown().await;
    }
    Some(seen)
}
