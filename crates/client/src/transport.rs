//! The seam between the client and the network: a request goes out, an answer comes back.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream;
use http::Method;
use http::header::AUTHORIZATION;
use procura_fetch::{FetchPolicy, Fetcher};

pub use procura_fetch::{FetchError, Request, Response, StreamResponse};

/// Sends requests. Requests carry tokens, so whoever logs them has to leave those out.
///
/// A wrapper that only looks on implements [`send`](Self::send) and hands the request to the transport
/// it wraps: every exchange of [`Client`](crate::Client) passes here, except those of
/// [`execute_streaming`](crate::Client::execute_streaming), which go through [`stream`](Self::stream).
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends a request and returns the whole answer, whatever its status.
    async fn send(&self, request: Request) -> Result<Response, FetchError>;

    /// Sends a request and returns the answer while its body still arrives.
    ///
    /// Unless implemented, this is [`send`](Self::send): correct, but nothing arrives before the end.
    async fn stream(&self, request: Request) -> Result<StreamResponse, FetchError> {
        let whole = self.send(request).await?;
        Ok(StreamResponse {
            status: whole.status,
            headers: whole.headers,
            url: whole.url,
            body: Box::pin(stream::iter([Ok(whole.body)])),
        })
    }
}

/// The real network, guarded: https with verified certificates, few redirects and none with a token, bounded times and
/// sizes (§8.12).
pub struct FetchTransport {
    reading: Fetcher,
    signed: Fetcher,
    acting: Fetcher,
}

impl FetchTransport {
    /// A transport for clients. `allow_loopback_http` admits `http://` to this machine, for development.
    pub fn new(allow_loopback_http: bool) -> Result<Self, FetchError> {
        let reading = FetchPolicy {
            allow_loopback_http,
            ..FetchPolicy::client()
        };
        // A token is for one place. Its redirect is an answer like any other, and no good one.
        let signed = FetchPolicy {
            max_redirects: 0,
            ..reading.clone()
        };
        let acting = FetchPolicy {
            total_timeout: ACTING_TIMEOUT,
            max_response_bytes: ACTING_MAX_BYTES,
            ..signed.clone()
        };
        Ok(Self {
            reading: Fetcher::new(reading)?,
            signed: Fetcher::new(signed)?,
            acting: Fetcher::new(acting)?,
        })
    }

    fn fetcher(&self, request: &Request) -> &Fetcher {
        match request.method {
            Method::POST => &self.acting,
            _ if request.headers.contains_key(AUTHORIZATION) => &self.signed,
            _ => &self.reading,
        }
    }
}

#[async_trait]
impl Transport for FetchTransport {
    async fn send(&self, request: Request) -> Result<Response, FetchError> {
        self.fetcher(&request).send(request).await
    }

    async fn stream(&self, request: Request) -> Result<StreamResponse, FetchError> {
        self.fetcher(&request).stream(request).await
    }
}

/// A capability may take its time and return a document; discovery may not.
const ACTING_TIMEOUT: Duration = Duration::from_mins(1);
const ACTING_MAX_BYTES: usize = 16 * 1024 * 1024;
