//! A server on a loopback socket that speaks just enough HTTP/1.1 to misbehave on purpose.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose scenery fails should fail loudly"
)]

use std::future::pending;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use procura_fetch::{FetchPolicy, Fetcher, Lookup};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

/// The answer to a path: raw bytes, and whether the connection then stays open without another
/// word.
pub(crate) struct Answer {
    pub(crate) bytes: Vec<u8>,
    pub(crate) hang: bool,
}

impl Answer {
    pub(crate) fn whole(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            bytes: bytes.into(),
            hang: false,
        }
    }

    pub(crate) fn then_silence(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            bytes: bytes.into(),
            hang: true,
        }
    }

    pub(crate) fn redirect(location: &str) -> Self {
        Self::whole(format!(
            "HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"
        ))
    }

    pub(crate) fn text(body: &str) -> Self {
        Self::whole(format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ))
    }
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
}

impl Server {
    /// Answers every connection once, by the path of its request.
    pub(crate) async fn start(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            seen: Arc::default(),
            connections: Arc::default(),
        };
        let (seen, connections) = (Arc::clone(&server.seen), Arc::clone(&server.connections));
        let answer = Arc::new(answer);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(converse(socket, Arc::clone(&answer), Arc::clone(&seen)));
            }
        });
        server
    }

    pub(crate) fn url(&self, path: &str) -> Url {
        Url::parse(&format!("http://{}{path}", self.address)).unwrap()
    }

    /// The URL of this server under a name, over https, which it does not speak.
    pub(crate) fn https_url(&self, name: &str) -> Url {
        Url::parse(&format!("https://{name}:{}/", self.address.port())).unwrap()
    }

    /// The requests that came, head and body.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn converse(
    mut socket: TcpStream,
    answer: Arc<impl Fn(&str) -> Answer>,
    seen: Arc<Mutex<Vec<String>>>,
) {
    let request = read_request(&mut socket).await;
    let answer = answer(request.split(' ').nth(1).unwrap_or(""));
    seen.lock().unwrap().push(request);
    // The other side may hang up in the middle: some tests are about exactly that.
    let _ = socket.write_all(&answer.bytes).await;
    if answer.hang {
        pending::<()>().await;
    }
}

async fn read_request(socket: &mut TcpStream) -> String {
    let (mut request, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let length = socket.read(&mut piece).await.unwrap_or(0);
        request.extend_from_slice(&piece[..length]);
        let text = String::from_utf8_lossy(&request);
        if length == 0 || is_complete(&text) {
            return text.into_owned();
        }
    }
}

/// Whether head and body are there, or it is a TLS handshake and will never be a request.
fn is_complete(text: &str) -> bool {
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return text.starts_with('\u{16}');
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    length.is_none_or(|length| length.parse() == Ok(body.len()))
}

/// Gives the same addresses for every name, and counts how often it was asked.
pub(crate) struct FixedLookup {
    addresses: Vec<IpAddr>,
    asked: AtomicUsize,
}

impl FixedLookup {
    pub(crate) fn of(addresses: &[&str]) -> Arc<Self> {
        let addresses = addresses
            .iter()
            .map(|address| address.parse().unwrap())
            .collect();
        Arc::new(Self {
            addresses,
            asked: AtomicUsize::new(0),
        })
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Lookup for FixedLookup {
    fn lookup<'a>(&'a self, _name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Ok(self.addresses.clone()) })
    }
}

/// The policies of both parties, with plain http to loopback switched on and no patience.
pub(crate) fn both_policies() -> [FetchPolicy; 2] {
    [FetchPolicy::server(), FetchPolicy::client()].map(|policy| FetchPolicy {
        allow_loopback_http: true,
        max_response_bytes: 1000,
        ..policy
    })
}

pub(crate) fn impatient(policy: &FetchPolicy) -> FetchPolicy {
    let moment = Duration::from_millis(100);
    FetchPolicy {
        total_timeout: moment,
        stream_idle_timeout: moment,
        ..policy.clone()
    }
}

pub(crate) fn fetcher(policy: FetchPolicy) -> Fetcher {
    Fetcher::new(policy).unwrap()
}
