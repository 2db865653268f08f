//! Bodies and queries, read so that every problem becomes a refusal that says what to fix.

use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use procura_agent_auth::refusal::Refusal;
use procura_keys::json::parse_strict;
use procura_service::ServiceResult;
use serde::de::DeserializeOwned;

use crate::error::Rejection;

/// The largest request body, in bytes.
pub(crate) const MAX_BODY: usize = 1024 * 1024;

/// A JSON body: an object without repeated members.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Body<T> {
    type Rejection = Rejection;

    async fn from_request(request: Request, _: &S) -> Result<Self, Rejection> {
        if !is_json(&request) {
            return Err(
                Refusal::invalid("Send a JSON body with Content-Type: application/json.").into(),
            );
        }
        let reading = to_bytes(request.into_body(), MAX_BODY);
        let bytes = match tokio::time::timeout(MAX_WAIT, reading).await {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(_)) => return Err(Refusal::BodyTooLarge { limit: MAX_BODY }.into()),
            Err(_) => return Err(Refusal::invalid("The body did not arrive in time.").into()),
        };
        let value = parse_strict(&bytes).map_err(|error| {
            Refusal::invalid(format!("The body is not acceptable JSON: {error}."))
        })?;
        // Serde would take a list of the members' values for the object.
        if !value.is_object() {
            return Err(Refusal::invalid("The body has to be a JSON object.").into());
        }
        serde_json::from_value(value)
            .map(Self)
            .map_err(|error| Refusal::invalid(format!("The body does not fit: {error}.")).into())
    }
}

impl<T> Body<T> {
    /// What was read, for handlers that account for what was not.
    pub(crate) fn content(read: Result<Self, Rejection>) -> ServiceResult<T> {
        match read {
            Ok(Self(content)) => Ok(content),
            Err(Rejection(error)) => Err(error),
        }
    }
}

/// A query string.
#[derive(Debug)]
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(query)) => Ok(Self(query)),
            Err(rejection) => Err(Refusal::invalid(format!("{}.", rejection.body_text())).into()),
        }
    }
}

impl<T> Params<T> {
    /// What was read, for handlers that account for what was not.
    pub(crate) fn content(read: Result<Self, Rejection>) -> ServiceResult<T> {
        match read {
            Ok(Self(content)) => Ok(content),
            Err(Rejection(error)) => Err(error),
        }
    }
}

fn is_json(request: &Request) -> bool {
    let content_type = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = content_type.map(|value| value.split(';').next().unwrap_or(value).trim());
    essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"))
}

/// How long a body may take to arrive.
const MAX_WAIT: Duration = Duration::from_secs(15);
