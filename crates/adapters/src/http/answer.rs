//! What a service's answer becomes: a result, a job or a stream (AAP §2.15), or a refusal.
//!
//! By status: 2xx is a result, 202 with an address of the same service is a job, 429 is "too often", other 4xx are
//! the service saying no. 401, 403 and 407 are about the server's own credential, so they count as a failure, like
//! 3xx and 5xx. By type: JSON is itself, text is a text, an event stream or JSON lines are a stream, everything
//! else comes as base64.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use futures_util::StreamExt as _;
use http::{HeaderMap, StatusCode, header};
use procura_fetch::{BodyStream, StreamResponse};
use serde_json::{Value, json};

use super::upstream::{Acting, Upstream};
use super::{job, sse};
use crate::{BackendError, Reply};

/// Turns an answer into a reply.
pub(super) async fn reply(
    upstream: &Arc<Upstream>,
    acting: Acting,
    response: StreamResponse,
) -> Result<Reply, BackendError> {
    let status = response.status;
    if !status.is_success() {
        return Err(refusal(upstream, response).await);
    }
    let media = media_type(&response.headers);
    if media == "text/event-stream" {
        return Ok(Reply::Stream(sse::events(response.body)));
    }
    if JSON_LINES.contains(&media.as_str()) {
        return Ok(Reply::Stream(sse::json_lines(response.body)));
    }
    let (headers, at) = (response.headers, response.url);
    let bytes = collect(response.body, upstream.settings().max_answer).await?;
    let value = value(&media, &bytes)?;
    if status == StatusCode::ACCEPTED
        && let Some(address) = job::address(upstream, &at, &headers, &value)
    {
        let job = job::follow(Arc::clone(upstream), acting, address, &headers);
        return Ok(Reply::Job(job));
    }
    Ok(Reply::Value(value))
}

/// A body as a value.
pub(super) fn value(media: &str, bytes: &[u8]) -> Result<Value, BackendError> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    if media == "application/json" || media.ends_with("+json") {
        let garbage =
            |_| BackendError::Failed("the answer is not the JSON it says it is".to_owned());
        return serde_json::from_slice(bytes).map_err(garbage);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if is_text(media) => Ok(Value::String(text.to_owned())),
        // Services forget to say that they answer with JSON.
        Ok(text) if media.is_empty() => {
            Ok(serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())))
        }
        _ => Ok(json!({
            "content_type": media,
            "base64": base64::engine::general_purpose::STANDARD.encode(bytes),
        })),
    }
}

/// Reads a body up to a limit.
pub(crate) async fn collect(mut body: BodyStream, limit: usize) -> Result<Vec<u8>, BackendError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| BackendError::Failed(error.to_string()))?;
        if bytes.len() + chunk.len() > limit {
            let message = format!("the answer is larger than {limit} bytes");
            return Err(BackendError::Failed(message));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// What an answer that is no success means.
pub(crate) async fn refusal(upstream: &Upstream, response: StreamResponse) -> BackendError {
    let status = response.status;
    let failed = |why: &str| BackendError::Failed(format!("{upstream} answered {status}{why}"));
    match status {
        StatusCode::TOO_MANY_REQUESTS => BackendError::Busy {
            retry_after: retry_after(&response.headers).unwrap_or(UNSAID_PAUSE),
        },
        // What the person may not do there is not about this server.
        StatusCode::FORBIDDEN if upstream.takes_persons() => BackendError::Refused {
            status: Some(status.as_u16()),
            detail: said(upstream, response).await,
        },
        StatusCode::UNAUTHORIZED
        | StatusCode::FORBIDDEN
        | StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            failed(": the credential of this server is not accepted")
        }
        _ if status.is_redirection() => failed(": redirects of services are not followed"),
        _ if status.is_client_error() => BackendError::Refused {
            status: Some(status.as_u16()),
            detail: said(upstream, response).await,
        },
        _ => failed(""),
    }
}

/// What the service said with its refusal, where agents may see it and it is short and readable.
async fn said(upstream: &Upstream, response: StreamResponse) -> Option<Value> {
    if !upstream.settings().show_refusals {
        return None;
    }
    let media = media_type(&response.headers);
    let bytes = collect(response.body, MAX_SAID).await.ok()?;
    let readable = media.ends_with("json") || is_text(&media);
    value(&media, &bytes).ok().filter(|_| readable)
}

/// The media type without its parameters, in lower case; empty when none is told.
pub(crate) fn media_type(headers: &HeaderMap) -> String {
    let told = headers.get(header::CONTENT_TYPE);
    let text = told.and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = text.split(';').next().unwrap_or("");
    essence.trim().to_ascii_lowercase()
}

/// When to come back: seconds only, at most an hour.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    let seconds = text.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_PAUSE))
}

fn is_text(media: &str) -> bool {
    media.starts_with("text/")
        || media.ends_with("+xml")
        || [
            "application/xml",
            "application/yaml",
            "application/x-www-form-urlencoded",
        ]
        .contains(&media)
}

const JSON_LINES: [&str; 5] = [
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/x-jsonlines",
    "application/json-seq",
];
const UNSAID_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_hours(1);
/// The longest refusal that is passed on, in bytes.
const MAX_SAID: usize = 16 * 1024;
