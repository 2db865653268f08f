//! Rendering refusals and failures (§5.13). What they mean was decided elsewhere.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::RETRY_AFTER;
use http::{HeaderName, HeaderValue, StatusCode};
use procura_agent_auth::refusal::Refusal;
use procura_service::ServiceError;
use serde_json::{Value, json};

/// An answer that is not what was asked for.
#[derive(Debug)]
pub(crate) struct Rejection(pub(crate) ServiceError);

impl<E: Into<ServiceError>> From<E> for Rejection {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        match self.0 {
            ServiceError::Refused(refusal) => refused(&refusal),
            ServiceError::Failed(failure) => {
                tracing::error!(error = %failure, "a request failed");
                internal_error()
            }
        }
    }
}

/// The code of a refusal, left on the response for the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RefusalCode(pub(crate) &'static str);

/// In which way the time of a token or proof was wrong, left on the response for the log and the metrics.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClockRefusal(pub(crate) &'static str);

fn refused(refusal: &Refusal) -> Response {
    let (code, status) = refusal.code_and_status();
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, Json(refusal.body())).into_response();
    response.extensions_mut().insert(RefusalCode(code));
    if let Some(wrong) = refusal.about_time() {
        response.extensions_mut().insert(ClockRefusal(wrong));
    }
    if let Some((name, value)) = header_of(refusal)
        && let Ok(value) = HeaderValue::from_str(&value)
    {
        response.headers_mut().insert(name, value);
    }
    response
}

/// What a refusal tells in a header.
fn header_of(refusal: &Refusal) -> Option<(HeaderName, String)> {
    match refusal {
        Refusal::RateLimited { retry_after } | Refusal::UpstreamUnavailable { retry_after } => {
            // Rounded up: coming back a moment early would be refused again.
            let seconds = retry_after.as_millis().div_ceil(1000).max(1);
            Some((RETRY_AFTER, seconds.to_string()))
        }
        Refusal::UseDpopNonce { nonce } => Some((DPOP_NONCE, nonce.clone())),
        _ => None,
    }
}

const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// The body that tells of an error outside a response of its own. A failure is logged here.
pub(crate) fn error_body(error: &ServiceError) -> Value {
    match error {
        ServiceError::Refused(refusal) => refusal.body(),
        ServiceError::Failed(failure) => {
            tracing::error!(error = %failure, "a stream failed");
            failure_body()
        }
    }
}

fn failure_body() -> Value {
    json!({ "error": "internal_error", "message": "The server failed. Try again later." })
}

/// The answer when something broke: that, and nothing else.
pub(crate) fn internal_error() -> Response {
    let body = failure_body();
    let mut response = (StatusCode::INTERNAL_SERVER_ERROR, Json(body)).into_response();
    response
        .extensions_mut()
        .insert(RefusalCode("internal_error"));
    response
}
