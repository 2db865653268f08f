//! `GET /capability/list` and `GET /capability/describe` (§5.2, §5.2.1).

use axum::Json;
use axum::extract::State;
use procura_agent_auth::wire::capability::{Capability, DescribeQuery, ListQuery, ListResponse};
use procura_service::agent_auth::capabilities;

use super::caller::Looking;
use crate::app::App;
use crate::error::Rejection;
use crate::json::Params;

pub(super) async fn list(
    State(app): State<App>,
    Looking(viewer): Looking,
    Params(query): Params<ListQuery>,
) -> Result<Json<ListResponse>, Rejection> {
    Ok(Json(capabilities::list(&app.ctx, &viewer, &query)?))
}

pub(super) async fn describe(
    State(app): State<App>,
    Looking(viewer): Looking,
    Params(query): Params<DescribeQuery>,
) -> Result<Json<Capability>, Rejection> {
    Ok(Json(capabilities::describe(&app.ctx, &viewer, &query)?))
}
