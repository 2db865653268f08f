//! `POST /agent/register` (§5.3).

use axum::Json;
use axum::extract::State;
use procura_agent_auth::wire::register::{RegisterRequest, RegisterResponse};
use procura_service::agent_auth::register;

use super::caller::Registering;
use crate::app::App;
use crate::error::Rejection;
use crate::json::Body;

pub(super) async fn register(
    State(app): State<App>,
    Registering(caller): Registering,
    body: Result<Body<RegisterRequest>, Rejection>,
) -> Result<Json<RegisterResponse>, Rejection> {
    let request = caller
        .record(&app.ctx, "register", Body::content(body))
        .await?;
    Ok(Json(register::register(&app.ctx, &caller, request).await?))
}
