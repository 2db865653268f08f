//! Accepting connections: time limits for slow peers, and a drain at the end.

mod prompt;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use procura_keys::thumbprint::Thumbprint;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt as _;

use self::prompt::Prompt;
use crate::app::PeerCertificate;
use crate::tls::Tls;

/// Serves `router` until `stop` is done, then lets open requests finish.
pub async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    accept(listener, router, None, stop).await;
}

/// The same over TLS.
pub async fn serve_tls(
    listener: TcpListener,
    router: Router,
    tls: Arc<Tls>,
    stop: impl Future<Output = ()>,
) {
    accept(listener, router, Some(tls), stop).await;
}

async fn accept(
    listener: TcpListener,
    router: Router,
    tls: Option<Arc<Tls>>,
    stop: impl Future<Output = ()>,
) {
    let builder = builder();
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let connection = Connection {
                    builder: builder.clone(),
                    watcher: graceful.watcher(),
                    router: router.clone(),
                    peer,
                };
                tokio::spawn(connection.handle(stream, tls.clone()));
            }
            Err(error) => recover(&error).await,
        }
    }
    drop(listener);
    tokio::select! {
        () = graceful.shutdown() => {}
        () = tokio::time::sleep(DRAIN) => tracing::warn!("some connections did not finish in time"),
    }
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .max_headers(MAX_HEADERS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEP_ALIVE)
        .max_concurrent_streams(MAX_STREAMS);
    builder
}

/// A connection that was accepted.
struct Connection {
    builder: Builder<TokioExecutor>,
    watcher: Watcher,
    router: Router,
    peer: SocketAddr,
}

impl Connection {
    async fn handle(self, stream: TcpStream, tls: Option<Arc<Tls>>) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY cannot be set");
        }
        let Some(tls) = tls else {
            return self.serve(stream, None).await;
        };
        match tls.accept(stream).await {
            Ok((stream, certificate)) => self.serve(stream, certificate).await,
            Err(error) => tracing::debug!(%error, "a TLS handshake failed"),
        }
    }

    async fn serve<S>(self, stream: S, certificate: Option<Thumbprint>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self {
            builder,
            watcher,
            router,
            peer,
        } = self;
        let certificate = certificate.map(PeerCertificate);
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            if let Some(certificate) = &certificate {
                request.extensions_mut().insert(certificate.clone());
            }
            router.clone().oneshot(request)
        });
        let connection = builder
            .serve_connection_with_upgrades(TokioIo::new(Prompt::new(stream)), service)
            .into_owned();
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(error, "a connection ended early");
        }
    }
}

/// Running out of file descriptors passes; accepting again at once would spin.
async fn recover(error: &io::Error) {
    tracing::warn!(%error, "a connection could not be accepted");
    tokio::time::sleep(Duration::from_millis(50)).await;
}

/// How long a peer may take to send its headers.
const HEADERS: Duration = Duration::from_secs(10);
const MAX_HEADERS: usize = 64;
const KEEP_ALIVE: Duration = Duration::from_secs(20);
const MAX_STREAMS: u32 = 256;
/// How long open requests may take once the server is told to stop.
const DRAIN: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use tokio::time::timeout;

    use super::*;
    use crate::tls::TlsFiles;

    /// What a peer gets that sends this and then waits: an answer, or an end without one. The clock is paused, so it
    /// runs on by itself while everybody waits.
    async fn answer_to(sent: &[u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(slow));
        tokio::spawn(serve(listener, router, std::future::pending()));
        let mut peer = TcpStream::connect(address).await.unwrap();
        peer.write_all(sent).await.unwrap();
        let mut got = Vec::new();
        let end = timeout(Duration::from_hours(1), peer.read_to_end(&mut got)).await;
        assert!(
            end.is_ok(),
            "{:?} holds a connection for ever",
            String::from_utf8_lossy(sent)
        );
        String::from_utf8_lossy(&got).into_owned()
    }

    /// Takes longer than a peer may take for its headers.
    async fn slow() -> &'static str {
        tokio::time::sleep(HEADERS * 2).await;
        "hello"
    }

    #[tokio::test(start_paused = true)]
    async fn who_sends_nothing_or_stops_in_the_middle_is_left() {
        for sent in [
            "",
            "P",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n",
            "GET / HT",
            "GET / HTTP/1.1\r\nhost: a",
        ] {
            let answer = answer_to(sent.as_bytes()).await;
            assert!(!answer.contains("hello"), "{sent:?}: {answer}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_finish_a_handshake_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let files = TlsFiles {
            certificate: directory.path().join("certificate.pem"),
            key: directory.path().join("key.pem"),
            client_certificates: false,
        };
        std::fs::write(&files.certificate, made.cert.pem()).unwrap();
        std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
        let tls = Arc::new(Tls::load(files).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let never = std::future::pending();
        tokio::spawn(serve_tls(listener, Router::new(), tls, never));
        let mut peer = TcpStream::connect(address).await.unwrap();
        let end = timeout(Duration::from_hours(1), peer.read_to_end(&mut Vec::new())).await;
        assert!(
            end.is_ok(),
            "a silent handshake holds a connection for ever"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_whole_request_is_answered() {
        for sent in [
            "GET / HTTP/1.1\r\nhost: a\r\n\r\n",
            "GET / HTTP/1.0\r\n\r\n",
        ] {
            let answer = answer_to(sent.as_bytes()).await;
            assert!(answer.ends_with("hello"), "{sent:?}: {answer}");
        }
    }
}
