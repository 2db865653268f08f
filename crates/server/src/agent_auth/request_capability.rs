//! `POST /agent/request-capability` (§5.4).

use axum::Json;
use axum::extract::State;
use procura_agent_auth::wire::register::{CapabilityRequest, CapabilityResponse};
use procura_service::agent_auth::request_capability;

use super::caller::Agent;
use crate::app::App;
use crate::error::Rejection;
use crate::json::Body;

pub(super) async fn request_capability(
    State(app): State<App>,
    Agent(caller): Agent,
    body: Result<Body<CapabilityRequest>, Rejection>,
) -> Result<Json<CapabilityResponse>, Rejection> {
    let request = caller
        .record(&app.ctx, "request_capability", Body::content(body))
        .await?;
    Ok(Json(
        request_capability::request_capability(&app.ctx, &caller, request).await?,
    ))
}
