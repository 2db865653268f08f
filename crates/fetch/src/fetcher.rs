//! Sends requests under a [`FetchPolicy`].

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, stream};
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use crate::error::{FetchError, host_of};
use crate::policy::FetchPolicy;
use crate::redirect::next_hop;
use crate::resolver::{GuardedResolver, Lookup, SystemLookup};

/// Guarded outbound HTTP. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Fetcher {
    policy: FetchPolicy,
    http: reqwest::Client,
}

impl Fetcher {
    /// A fetcher that resolves names as the operating system does.
    pub fn new(policy: FetchPolicy) -> Result<Self, FetchError> {
        Self::with_lookup(policy, Arc::new(SystemLookup))
    }

    /// A fetcher that resolves names through `lookup`, whose answers are judged all the same.
    pub fn with_lookup(policy: FetchPolicy, lookup: Arc<dyn Lookup>) -> Result<Self, FetchError> {
        // Redirects are followed here, where each target is judged. A proxy would resolve names
        // itself, unjudged. Bodies stay as they were sent: an unpacked one could pass any limit.
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .dns_resolver(GuardedResolver {
                policy: policy.clone(),
                lookup,
            })
            .connect_timeout(policy.connect_timeout)
            .user_agent(USER_AGENT)
            .build()
            .map_err(|error| FetchError::from_setup(&error))?;
        Ok(Self { policy, http })
    }

    /// Sends a request and reads the whole answer, whatever its status.
    pub async fn send(&self, request: Request) -> Result<Response, FetchError> {
        let host = host_of(&request.url);
        within(self.policy.total_timeout, host, async {
            let mut body = self.start(request).await?;
            let mut bytes = Vec::new();
            while let Some(chunk) = body.next_chunk().await? {
                bytes.extend_from_slice(&chunk);
            }
            let (status, headers, url) = body.head();
            Ok(Response {
                status,
                headers,
                url,
                body: bytes.into(),
            })
        })
        .await
    }

    /// Sends a request and hands on the answer's body as it arrives, for server-sent events.
    ///
    /// The policy's whole time runs until the headers are there; from then on its idle time counts.
    pub async fn stream(&self, request: Request) -> Result<StreamResponse, FetchError> {
        let host = host_of(&request.url);
        let body = within(self.policy.total_timeout, host, self.start(request)).await?;
        let (status, headers, url) = body.head();
        let idle = self.policy.stream_idle_timeout;
        let chunks = stream::try_unfold(body, move |mut body| async move {
            let host = host_of(body.response.url());
            let chunk = within(idle, host, body.next_chunk()).await?;
            Ok(chunk.map(|chunk| (chunk, body)))
        });
        Ok(StreamResponse {
            status,
            headers,
            url,
            body: Box::pin(chunks),
        })
    }

    /// Sends a request, follows redirects, and stops before the body.
    async fn start(&self, mut request: Request) -> Result<BoundedBody, FetchError> {
        let limit = self.policy.max_redirects;
        let mut followed = 0;
        loop {
            self.policy.admit(&request.url)?;
            let response = self.exchange(&request).await?;
            let next = match limit {
                0 => None,
                _ => next_hop(&request, response.status(), response.headers())?,
            };
            let Some(next) = next else {
                return BoundedBody::new(response, self.policy.max_response_bytes);
            };
            if followed == limit {
                return Err(FetchError::TooManyRedirects {
                    host: host_of(&request.url),
                    limit,
                });
            }
            followed += 1;
            request = next;
        }
    }

    async fn exchange(&self, request: &Request) -> Result<reqwest::Response, FetchError> {
        let mut outgoing = reqwest::Request::new(request.method.clone(), request.url.clone());
        *outgoing.headers_mut() = request.headers.clone();
        *outgoing.body_mut() = request.body.clone().map(Into::into);
        let answer = self.http.execute(outgoing).await;
        answer.map_err(|error| FetchError::from_exchange(&error, &request.url))
    }
}

/// What to send. It has no `Debug`: headers and bodies carry tokens.
#[derive(Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Where to.
    pub url: Url,
    /// The headers; `Host` and `Content-Length` come by themselves.
    pub headers: HeaderMap,
    /// The body, if there is one.
    pub body: Option<Bytes>,
}

impl Request {
    /// A GET without headers.
    pub fn get(url: Url) -> Self {
        Self {
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            body: None,
        }
    }
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The URL that answered: the last one, after redirects.
    pub url: Url,
    /// The body.
    pub body: Bytes,
}

/// An answer whose body is still arriving.
pub struct StreamResponse {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The URL that answered: the last one, after redirects.
    pub url: Url,
    /// The body; it ends after its first error.
    pub body: BodyStream,
}

/// A body in pieces.
pub type BodyStream = Pin<Box<dyn Stream<Item = Result<Bytes, FetchError>> + Send>>;

/// An answer whose body is read up to a limit.
struct BoundedBody {
    response: reqwest::Response,
    limit: usize,
    remaining: usize,
}

impl BoundedBody {
    /// Refuses at once a body that announces to be too large.
    fn new(response: reqwest::Response, limit: usize) -> Result<Self, FetchError> {
        let body = Self {
            response,
            limit,
            remaining: limit,
        };
        let announced = body.response.content_length().unwrap_or(0);
        match usize::try_from(announced) {
            Ok(length) if length <= limit => Ok(body),
            _ => Err(body.too_large()),
        }
    }

    fn head(&self) -> (StatusCode, HeaderMap, Url) {
        let response = &self.response;
        (
            response.status(),
            response.headers().clone(),
            response.url().clone(),
        )
    }

    async fn next_chunk(&mut self) -> Result<Option<Bytes>, FetchError> {
        let chunk = self.response.chunk().await;
        let chunk =
            chunk.map_err(|error| FetchError::from_exchange(&error, self.response.url()))?;
        if let Some(chunk) = &chunk {
            let rest = self.remaining.checked_sub(chunk.len());
            self.remaining = rest.ok_or_else(|| self.too_large())?;
        }
        Ok(chunk)
    }

    fn too_large(&self) -> FetchError {
        FetchError::TooLarge {
            host: host_of(self.response.url()),
            limit: self.limit,
        }
    }
}

async fn within<T>(
    limit: Duration,
    host: String,
    work: impl Future<Output = Result<T, FetchError>>,
) -> Result<T, FetchError> {
    tokio::time::timeout(limit, work)
        .await
        .unwrap_or(Err(FetchError::TimedOut { host }))
}

const USER_AGENT: &str = concat!("procura/", env!("CARGO_PKG_VERSION"));
