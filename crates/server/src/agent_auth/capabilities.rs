//! `GET /capability/list` and `GET /capability/describe` (§5.2, §5.2.1).

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::header::{AUTHORIZATION, CACHE_CONTROL, VARY};
use http::{HeaderMap, HeaderName};
use procura_agent_auth::wire::capability::{Capability, DescribeQuery, ListQuery, ListResponse};
use procura_service::agent_auth::capabilities;

use super::caller::Looking;
use crate::app::App;
use crate::error::Rejection;
use crate::json::Params;

pub(super) async fn list(
    State(app): State<App>,
    headers: HeaderMap,
    Looking(viewer): Looking,
    Params(query): Params<ListQuery>,
) -> Result<impl IntoResponse, Rejection> {
    let list: ListResponse = capabilities::list(&app.ctx, &viewer, &query)?;
    Ok((caching(&headers), Json(list)))
}

pub(super) async fn describe(
    State(app): State<App>,
    headers: HeaderMap,
    Looking(viewer): Looking,
    Params(query): Params<DescribeQuery>,
) -> Result<impl IntoResponse, Rejection> {
    let capability: Capability = capabilities::describe(&app.ctx, &viewer, &query)?;
    Ok((caching(&headers), Json(capability)))
}

/// For five minutes, by whoever asked; what a token was shown is for its bearer alone (§10.6).
fn caching(headers: &HeaderMap) -> [(HeaderName, &'static str); 2] {
    let value = if headers.contains_key(AUTHORIZATION) {
        "private, max-age=300"
    } else {
        "public, max-age=300"
    };
    [(CACHE_CONTROL, value), (VARY, "Authorization")]
}
