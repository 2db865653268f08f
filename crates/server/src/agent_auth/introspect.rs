//! `POST /agent/introspect` (§5.12).

use axum::Json;
use axum::extract::State;
use http::HeaderMap;
use procura_agent_auth::wire::introspect::{IntrospectRequest, IntrospectResponse};
use procura_service::agent_auth::introspect;

use super::caller::bearer;
use crate::app::{App, ClientAddress};
use crate::error::Rejection;
use crate::json::Body;

pub(super) async fn introspect(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    Body(request): Body<IntrospectRequest>,
) -> Result<Json<IntrospectResponse>, Rejection> {
    let secret = bearer(&headers).ok();
    let answer = introspect::introspect(&app.ctx, &request, secret, &address).await?;
    Ok(Json(answer))
}
