//! MCP over streamable HTTP, for agents on other machines: one address, one bearer token, many sessions.
//!
//! Who has the token can do whatever this profile can. A page in a browser cannot get that far: its requests name an
//! origin or, after DNS rebinding, a host that is not served here.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, combinators::BoxBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use procura_keys::digest::{equal, sha256};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::Server;
use crate::error::CommandError;

/// Who gets in.
pub(crate) struct Gate {
    /// The names this machine is called by, besides those of loopback.
    pub(crate) hosts: Vec<String>,
    /// The origins of pages that may call. None unless named.
    pub(crate) origins: Vec<String>,
    /// The digest of the token.
    token: [u8; 32],
}

impl Gate {
    /// For whoever has this token, from nowhere but this machine's loopback names.
    pub(crate) fn new(token: &str) -> Result<Self, CommandError> {
        if token.len() < SHORTEST_TOKEN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(CommandError::Usage(format!(
                "a token has at least {SHORTEST_TOKEN} characters, without spaces; 'procura mcp token' makes a good one"
            )));
        }
        Ok(Self {
            hosts: Vec::new(),
            origins: Vec::new(),
            token: sha256(token.as_bytes()),
        })
    }

    /// Digests are compared, so that the time it takes tells nothing about the token, its length included.
    fn admits(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return false;
        };
        let Some((scheme, token)) = value.as_bytes().split_at_checked(BEARER.len()) else {
            return false;
        };
        scheme.eq_ignore_ascii_case(BEARER) && equal(&sha256(token), &self.token)
    }

    fn config(&self) -> StreamableHttpServerConfig {
        let hosts = LOOPBACK.iter().map(|host| (*host).to_owned());
        StreamableHttpServerConfig::default()
            .with_allowed_hosts(hosts.chain(self.hosts.iter().cloned()))
            .with_allowed_origins(self.origins.iter().cloned())
            .enforce_origin_validation()
            .with_max_request_body_bytes(MAX_BODY)
    }
}

/// Serves on `listener` until `stop`, then ends all sessions.
pub(crate) async fn serve(
    server: Server,
    listener: TcpListener,
    gate: Gate,
    stop: impl Future<Output = ()>,
) {
    let config = gate.config();
    let end = config.cancellation_token.clone();
    let mut sessions = LocalSessionManager::default();
    sessions.session_config.keep_alive = Some(SESSION);
    let mcp = StreamableHttpService::new(move || Ok(server.clone()), Arc::new(sessions), config);
    let (gate, graceful) = (Arc::new(gate), GracefulShutdown::new());
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            () = &mut stop => break,
        };
        // Running out of file descriptors passes; accepting again at once would spin.
        let Some((stream, place)) = accepted else {
            tokio::time::sleep(RECOVERY).await;
            continue;
        };
        let (mcp, gate) = (mcp.clone(), gate.clone());
        let service = service_fn(move |request| answer(mcp.clone(), gate.clone(), request));
        let connection = builder()
            .serve_connection(TokioIo::new(stream), service)
            .into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // A client that hangs up in the middle is its own affair.
            let _ = connection.await;
            drop(place);
        });
    }
    drop(listener);
    end.cancel();
    // Whoever does not let go in time is cut off.
    let _ = tokio::time::timeout(DRAIN, graceful.shutdown()).await;
}

type Service = StreamableHttpService<Server, LocalSessionManager>;
type Answer = Response<BoxBody<Bytes, Infallible>>;

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.ok()?;
    let (stream, _) = listener.accept().await.ok()?;
    Some((stream, place))
}

/// Every client speaks HTTP/1, and there whoever sends nothing is hung up on.
fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS);
    builder
}

async fn answer(
    mcp: Service,
    gate: Arc<Gate>,
    mut request: Request<Incoming>,
) -> Result<Answer, Infallible> {
    if request.uri().path() != PATH {
        return Ok(plain(StatusCode::NOT_FOUND, "MCP is at /mcp."));
    }
    if !gate.admits(request.headers()) {
        let has_token = request.headers().contains_key(AUTHORIZATION);
        return Ok(unauthorized(has_token));
    }
    // Nothing behind the gate has any use for it.
    request.headers_mut().remove(AUTHORIZATION);
    Ok(mcp.handle(request).await)
}

/// RFC 6750 §3: the error is left out for those who showed nothing.
fn unauthorized(has_token: bool) -> Answer {
    let challenge = if has_token {
        r#"Bearer realm="procura", error="invalid_token""#
    } else {
        r#"Bearer realm="procura""#
    };
    let mut answer = plain(StatusCode::UNAUTHORIZED, "A bearer token is needed.");
    let challenge = HeaderValue::from_static(challenge);
    answer.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    answer
}

fn plain(status: StatusCode, text: &'static str) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from_static(text.as_bytes())).boxed());
    *answer.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer
}

/// Where it is served.
pub(crate) const PATH: &str = "/mcp";
const BEARER: &[u8] = b"Bearer ";
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// 128 bits in hexadecimal.
const SHORTEST_TOKEN: usize = 32;
/// Arguments of capabilities are the largest thing in a request.
const MAX_BODY: usize = 1024 * 1024;
const MAX_CONNECTIONS: usize = 256;
const HEADERS: Duration = Duration::from_secs(10);
/// How long a session may be silent. Longer than any tool waits for a person.
const SESSION: Duration = Duration::from_hours(1);
const DRAIN: Duration = Duration::from_secs(5);
const RECOVERY: Duration = Duration::from_millis(100);
