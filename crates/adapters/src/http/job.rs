//! Jobs of a service: after a 202, its address is asked until there is a result.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::{HeaderMap, StatusCode, header};
use serde_json::Value;
use url::Url;

use super::answer::{collect, media_type, refusal, retry_after, value};
use super::upstream::{Acting, Upstream};
use crate::BackendError;

/// Where a job can be asked for: its `Location`, or `status_url` in its body. An address of another service is
/// none, since the credential is not for that one.
pub(super) fn address(
    upstream: &Upstream,
    at: &Url,
    headers: &HeaderMap,
    body: &Value,
) -> Option<Url> {
    let location = headers
        .get(header::LOCATION)
        .and_then(|value| value.to_str().ok())
        .or_else(|| body["status_url"].as_str())?;
    let url = at.join(location).ok()?;
    upstream.is_own(&url).then_some(url)
}

/// Asks until there is a result.
pub(super) fn follow(
    upstream: Arc<Upstream>,
    acting: Acting,
    address: Url,
    headers: &HeaderMap,
) -> BoxFuture<'static, Result<Value, BackendError>> {
    let first_pause = retry_after(headers).unwrap_or(PAUSE);
    Box::pin(async move {
        let limit = upstream.settings().job_timeout;
        let late = || BackendError::Failed(format!("a job of {upstream} did not end in time"));
        tokio::time::timeout(limit, ask(&upstream, &acting, address, first_pause))
            .await
            .unwrap_or_else(|_| Err(late()))
    })
}

async fn ask(
    upstream: &Upstream,
    acting: &Acting,
    mut address: Url,
    mut pause: Duration,
) -> Result<Value, BackendError> {
    loop {
        tokio::time::sleep(pause.max(SHORTEST_PAUSE)).await;
        let response = upstream.follow(&address, acting).await?;
        let (status, headers) = (response.status, response.headers.clone());
        pause = retry_after(&headers).unwrap_or(PAUSE);
        if status == StatusCode::TOO_MANY_REQUESTS {
            continue;
        }
        // A finished job often redirects to what it made.
        if status == StatusCode::SEE_OTHER {
            let target = self::address(upstream, &address, &headers, &Value::Null);
            address = target.ok_or_else(|| elsewhere(upstream))?;
            pause = Duration::ZERO;
            continue;
        }
        if !status.is_success() {
            return Err(refusal(upstream, response).await);
        }
        let bytes = collect(response.body, upstream.settings().max_answer).await?;
        let body = value(&media_type(&headers), &bytes)?;
        match state(status, &body) {
            State::Running => {}
            State::Failed => {
                let message = format!("a job of {upstream} failed");
                return Err(BackendError::Failed(message));
            }
            State::Done => return Ok(body),
        }
    }
}

fn elsewhere(upstream: &Upstream) -> BackendError {
    BackendError::Failed(format!("a job of {upstream} leads to another service"))
}

enum State {
    Running,
    Failed,
    Done,
}

/// How a job stands. Services that answer 200 all the time tell it in the body.
fn state(status: StatusCode, body: &Value) -> State {
    if status == StatusCode::ACCEPTED {
        return State::Running;
    }
    let told = body["status"].as_str().unwrap_or("").to_ascii_lowercase();
    match told.as_str() {
        "pending" | "queued" | "running" | "processing" | "in_progress" | "in-progress" => {
            State::Running
        }
        "failed" | "error" | "cancelled" | "canceled" => State::Failed,
        _ => State::Done,
    }
}

const PAUSE: Duration = Duration::from_secs(2);
const SHORTEST_PAUSE: Duration = Duration::from_millis(200);
