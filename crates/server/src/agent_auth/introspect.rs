//! `POST /agent/introspect` (§5.12).

use axum::Json;
use axum::extract::State;
use procura_agent_auth::wire::introspect::{IntrospectRequest, IntrospectResponse};
use procura_service::agent_auth::introspect;

use crate::app::{App, ClientAddress};
use crate::error::Rejection;
use crate::json::Body;

pub(super) async fn introspect(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    Body(request): Body<IntrospectRequest>,
) -> Result<Json<IntrospectResponse>, Rejection> {
    Ok(Json(
        introspect::introspect(&app.ctx, &request, &address).await?,
    ))
}
