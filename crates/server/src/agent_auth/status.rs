//! `GET /agent/status` (§5.5).

use axum::Json;
use axum::extract::State;
use procura_agent_auth::wire::status::{StatusQuery, StatusResponse};
use procura_service::agent_auth::status;

use super::caller::PollingHost;
use crate::app::App;
use crate::error::Rejection;
use crate::json::Params;

pub(super) async fn status(
    State(app): State<App>,
    PollingHost(caller): PollingHost,
    query: Result<Params<StatusQuery>, Rejection>,
) -> Result<Json<StatusResponse>, Rejection> {
    let query = caller
        .record(&app.ctx, "status", Params::content(query))
        .await?;
    Ok(Json(status::status(&app.ctx, &caller, &query).await?))
}
