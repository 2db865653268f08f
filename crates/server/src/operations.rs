//! What the platform around a server asks it: is it alive, is it ready, how does it do?

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use procura_agent_auth::refusal::Refusal;

use crate::app::App;
use crate::error::Rejection;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/.well-known/jwks.json", get(keys))
}

/// The process answers.
async fn alive() -> &'static str {
    "ok\n"
}

/// The store can be read and written, and this process is not about to end.
async fn ready(State(app): State<App>) -> (StatusCode, &'static str) {
    if app.ctx.stopping().is_leaving() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
    }
    match app.ctx.check_ready().await {
        Ok(()) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::error!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
        }
    }
}

/// The keys with which it signs who acts (RFC 7517). None where no service is told.
async fn keys(State(app): State<App>) -> Response {
    match app.ctx.actor_keys() {
        Some(keys) => ([(CACHE_CONTROL, "max-age=300")], Json(keys.to_jwks())).into_response(),
        None => Rejection::from(Refusal::PathNotFound).into_response(),
    }
}

/// How it does, in the OpenMetrics text format.
async fn metrics(State(app): State<App>) -> Result<impl IntoResponse, StatusCode> {
    let text = app
        .metrics
        .to_text(&app.ctx.removed(), &app.ctx.notice_tally())
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(([(CONTENT_TYPE, OPEN_METRICS)], text))
}

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
