//! `GET /.well-known/agent-configuration` (§5.1).

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::header::CACHE_CONTROL;
use procura_service::agent_auth::discovery;

use super::caller::Stranger;
use crate::app::App;

pub(super) async fn discovery(_: Stranger, State(app): State<App>) -> impl IntoResponse {
    (
        [(CACHE_CONTROL, "public, max-age=3600")],
        Json(discovery::discovery(&app.ctx)),
    )
}
