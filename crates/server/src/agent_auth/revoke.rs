//! `POST /agent/revoke` (§5.7).

use axum::Json;
use axum::extract::State;
use procura_agent_auth::wire::lifecycle::{AgentRequest, RevokeResponse};
use procura_service::agent_auth::revoke;

use super::caller::Revoking;
use crate::app::App;
use crate::error::Rejection;
use crate::json::Body;

pub(super) async fn revoke(
    State(app): State<App>,
    Revoking(caller): Revoking,
    body: Result<Body<AgentRequest>, Rejection>,
) -> Result<Json<RevokeResponse>, Rejection> {
    let request = caller
        .record(&app.ctx, "revoke", Body::content(body))
        .await?;
    Ok(Json(revoke::revoke(&app.ctx, &caller, &request).await?))
}
