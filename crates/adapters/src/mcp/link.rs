//! Messages over HTTP ("streamable HTTP"), through the guarded client: its address rules and limits hold, redirects
//! are not followed, and the credential is the upstream's.
//!
//! The library keeps the session and the order of things; here is one request and what its answer means.

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use procura_fetch::StreamResponse;
use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::common::client_side_sse::ExponentialBackoff;
use rmcp::transport::streamable_http_client::{
    SseError, StreamableHttpClient, StreamableHttpClientTransportConfig, StreamableHttpError,
    StreamableHttpPostResponse, StreamableHttpResponseLimits,
};
use sse_stream::{Sse, SseStream};

use super::McpSettings;
use crate::BackendError;
use crate::http::Upstream;
use crate::http::answer::{collect, media_type, refusal};
use crate::http::outgoing::Outgoing;

type LinkError = StreamableHttpError<BackendError>;
type Events = BoxStream<'static, Result<Sse, SseError>>;
type Headers = HashMap<HeaderName, HeaderValue>;

/// The way to a server over HTTP.
#[derive(Clone)]
pub(super) struct Link {
    upstream: Arc<Upstream>,
    max_answer: usize,
}

/// Everything sent and heard. A session that the server has forgotten is opened anew, and what it turned down for
/// that reason, unread, is sent once more; nothing else is ever sent twice.
pub(super) fn transport(
    upstream: &Arc<Upstream>,
    settings: &McpSettings,
) -> StreamableHttpClientTransport<Link> {
    let max_answer = settings.max_answer;
    let link = Link {
        upstream: Arc::clone(upstream),
        max_answer,
    };
    let mut config = StreamableHttpClientTransportConfig::with_uri(upstream.address().as_str())
        .max_concurrent_requests(MAX_CONCURRENT)
        .max_sse_event_size(max_answer)
        .max_json_response_size(max_answer)
        .max_error_response_size(MAX_ERROR);
    let mut pause = ExponentialBackoff::default();
    pause.max_delay = Some(LONGEST_PAUSE);
    config.retry_config = Arc::new(pause);
    StreamableHttpClientTransport::with_client(link, config)
}

/// What went wrong on the way, if that is what an error of the transport tells.
pub(super) fn failure(error: &(dyn Error + Send + Sync + 'static)) -> Option<BackendError> {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(LinkError::Client(error)) = error.downcast_ref() {
            return Some(error.clone());
        }
        if let Some(error) = error.downcast_ref::<LinkError>() {
            return Some(BackendError::Failed(error.to_string()));
        }
        next = error.source();
    }
    None
}

impl Link {
    /// One exchange, which has to come back with an answer of the server and not of something before it.
    async fn send(
        &self,
        method: Method,
        session: Option<&str>,
        headers: Headers,
        body: Option<Vec<u8>>,
    ) -> Result<StreamResponse, LinkError> {
        // Paths are put below the upstream's, whose last slash is left out.
        let slash = self.upstream.address().path().ends_with('/');
        let path = if slash { "/" } else { "" };
        let mut outgoing = Outgoing::new(method, path.to_owned());
        outgoing.headers.extend(headers);
        if let Some(session) = session {
            let value = HeaderValue::from_str(session).map_err(|_| garbage("its session id"))?;
            outgoing.headers.insert(SESSION, value);
        }
        let json = HeaderValue::from_static(JSON);
        outgoing.body = body.map(|body| (json, body.into()));
        let accepted = HeaderValue::from_static(ACCEPTED);
        outgoing.headers.insert(header::ACCEPT, accepted);
        self.upstream
            .send_once(&outgoing)
            .await
            .map_err(LinkError::Client)
    }

    async fn post(
        &self,
        message: &ClientJsonRpcMessage,
        session: Option<&str>,
        headers: Headers,
    ) -> Result<StreamableHttpPostResponse, LinkError> {
        let body = serde_json::to_vec(message)?;
        let mut response = self
            .send(Method::POST, session, headers, Some(body))
            .await?;
        let status = response.status;
        if matches!(status, StatusCode::ACCEPTED | StatusCode::NO_CONTENT) {
            return Ok(StreamableHttpPostResponse::Accepted);
        }
        if status == StatusCode::NOT_FOUND && session.is_some() {
            return Err(LinkError::SessionExpired);
        }
        let told = response.headers.get(SESSION);
        let told = told.and_then(|id| id.to_str().ok()).map(str::to_owned);
        let media = media_type(&response.headers);
        if status.is_success() && media == EVENTS {
            let events = events(response, self.max_answer);
            return Ok(StreamableHttpPostResponse::Sse(events, told));
        }
        if media != JSON {
            return self.no_message(message, response).await;
        }
        let (head, url) = (response.headers.clone(), response.url.clone());
        let body = std::mem::replace(&mut response.body, futures_util::stream::empty().boxed());
        let bytes = collect(body, self.max_answer)
            .await
            .map_err(LinkError::Client)?;
        if !status.is_success() && !is_answer(message, &bytes) {
            if status == StatusCode::BAD_REQUEST && session.is_some() && is_error(&bytes) {
                return Err(LinkError::SessionExpired);
            }
            let body = futures_util::stream::iter([Ok(Bytes::from(bytes))]).boxed();
            let response = StreamResponse {
                status,
                headers: head,
                url,
                body,
            };
            return Err(LinkError::Client(self.refused(response).await));
        }
        if bytes.is_empty() && !awaits_answer(message) {
            return Ok(StreamableHttpPostResponse::Accepted);
        }
        let message = serde_json::from_slice(&bytes).map_err(|_| garbage("its answer"))?;
        Ok(StreamableHttpPostResponse::Json(message, told))
    }

    /// An answer that is no message of the protocol: fine where none was asked for.
    async fn no_message(
        &self,
        message: &ClientJsonRpcMessage,
        response: StreamResponse,
    ) -> Result<StreamableHttpPostResponse, LinkError> {
        if !response.status.is_success() {
            return Err(LinkError::Client(self.refused(response).await));
        }
        if awaits_answer(message) {
            return Err(garbage("its answer"));
        }
        Ok(StreamableHttpPostResponse::Accepted)
    }

    /// What a status means. A refusal below the protocol says nothing of the arguments, so it is a failure.
    async fn refused(&self, response: StreamResponse) -> BackendError {
        let status = response.status;
        match refusal(&self.upstream, response).await {
            BackendError::Refused { .. } => {
                BackendError::Failed(format!("{} answered {status}", self.upstream))
            }
            error => error,
        }
    }

    async fn listen(
        &self,
        session: Option<&str>,
        last: Option<&str>,
        mut headers: Headers,
    ) -> Result<Events, LinkError> {
        if let Some(last) = last {
            let value = HeaderValue::from_str(last).map_err(|_| garbage("its event id"))?;
            headers.insert(LAST_EVENT, value);
        }
        let response = self.send(Method::GET, session, headers, None).await?;
        match response.status {
            StatusCode::METHOD_NOT_ALLOWED => Err(LinkError::ServerDoesNotSupportSse),
            StatusCode::NOT_FOUND if session.is_some() => Err(LinkError::SessionExpired),
            status if !status.is_success() => Err(LinkError::Client(self.refused(response).await)),
            _ if media_type(&response.headers) == EVENTS => Ok(events(response, self.max_answer)),
            _ => Err(garbage("its stream")),
        }
    }
}

impl StreamableHttpClient for Link {
    type Error = BackendError;

    async fn post_message(
        &self,
        _: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        _: Option<String>,
        headers: Headers,
    ) -> Result<StreamableHttpPostResponse, LinkError> {
        self.post(&message, session.as_deref(), headers).await
    }

    // Its limits are this link's own.
    async fn post_message_with_response_limits(
        &self,
        _: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        _: Option<String>,
        headers: Headers,
        _: StreamableHttpResponseLimits,
    ) -> Result<StreamableHttpPostResponse, LinkError> {
        self.post(&message, session.as_deref(), headers).await
    }

    async fn delete_session(
        &self,
        _: Arc<str>,
        session: Arc<str>,
        _: Option<String>,
        headers: Headers,
    ) -> Result<(), LinkError> {
        // Whether the server forgets it now or later is its own affair.
        let response = self.send(Method::DELETE, Some(&session), headers, None);
        response.await.map(drop)
    }

    async fn get_stream(
        &self,
        _: Arc<str>,
        session: Option<Arc<str>>,
        last: Option<String>,
        _: Option<String>,
        headers: Headers,
    ) -> Result<Events, LinkError> {
        self.listen(session.as_deref(), last.as_deref(), headers)
            .await
    }
}

fn awaits_answer(message: &ClientJsonRpcMessage) -> bool {
    matches!(message, ClientJsonRpcMessage::Request(_))
}

/// Whether this is the answer to that request, under whatever status it came.
fn is_answer(message: &ClientJsonRpcMessage, bytes: &[u8]) -> bool {
    let ClientJsonRpcMessage::Request(request) = message else {
        return false;
    };
    match serde_json::from_slice(bytes) {
        Ok(ServerJsonRpcMessage::Error(error)) => error.id.as_ref() == Some(&request.id),
        Ok(ServerJsonRpcMessage::Response(response)) => response.id == request.id,
        _ => false,
    }
}

/// Whether this is an error that names no request: servers that know no 404 turn forgotten sessions down with it,
/// before they look at the request.
fn is_error(bytes: &[u8]) -> bool {
    let value: Result<serde_json::Value, _> = serde_json::from_slice(bytes);
    value.is_ok_and(|value| value["error"].is_object() && value["id"].is_null())
}

fn events(response: StreamResponse, max_event: usize) -> Events {
    let chunks = response
        .body
        .map_err(|error| std::io::Error::other(error.to_string()));
    SseStream::from_bytes_stream(bounded(chunks, max_event).boxed()).boxed()
}

/// Ends a stream with an error when one of its events is too large.
fn bounded(
    chunks: impl Stream<Item = std::io::Result<Bytes>>,
    max_event: usize,
) -> impl Stream<Item = std::io::Result<Bytes>> {
    let mut event = Event::default();
    chunks.map(move |chunk| {
        let chunk = chunk?;
        for byte in &chunk {
            event.take(*byte);
            if event.length > max_event {
                return Err(std::io::Error::other("an event is too large"));
            }
        }
        Ok(chunk)
    })
}

/// How much of an event has arrived.
#[derive(Default)]
struct Event {
    length: usize,
    line: usize,
    after_return: bool,
}

impl Event {
    /// Lines end with CR, LF or both, and an empty one ends the event.
    fn take(&mut self, byte: u8) {
        self.length += 1;
        match byte {
            b'\n' if self.after_return => self.after_return = false,
            b'\n' | b'\r' => {
                if self.line == 0 {
                    self.length = 0;
                }
                self.line = 0;
                self.after_return = byte == b'\r';
            }
            _ => {
                self.line += 1;
                self.after_return = false;
            }
        }
    }
}

fn garbage(what: &str) -> LinkError {
    let message = format!("{what} is not what the protocol says");
    LinkError::Client(BackendError::Failed(message))
}

const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";
const ACCEPTED: &str = "application/json, text/event-stream";
const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const LAST_EVENT: HeaderName = HeaderName::from_static("last-event-id");
/// Calls on their way to one server at once; more wait for their turn.
const MAX_CONCURRENT: usize = 256;
/// Of an error that is no message, in bytes.
const MAX_ERROR: usize = 16 * 1024;
/// Before a stream that broke is opened again.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
