//! `POST /agent/reactivate` (§5.6), `/agent/rotate-key` (§5.8), `/host/rotate-key` (§5.9) and `/host/revoke`
//! (§5.10).

use axum::Json;
use axum::extract::State;
use procura_agent_auth::wire::lifecycle::{
    AgentRequest, ReactivateResponse, RevokeHostResponse, RotateHostKeyRequest,
    RotateHostKeyResponse, RotateKeyRequest, RotateKeyResponse,
};
use procura_service::agent_auth::{reactivate, revoke_host, rotate_key};

use super::caller::{ActiveHost, EndingHost};
use crate::app::App;
use crate::error::Rejection;
use crate::json::Body;

pub(super) async fn reactivate(
    State(app): State<App>,
    ActiveHost(caller): ActiveHost,
    body: Result<Body<AgentRequest>, Rejection>,
) -> Result<Json<ReactivateResponse>, Rejection> {
    let request = caller
        .record(&app.ctx, "reactivate", Body::content(body))
        .await?;
    Ok(Json(
        reactivate::reactivate(&app.ctx, &caller, &request).await?,
    ))
}

pub(super) async fn rotate_key(
    State(app): State<App>,
    ActiveHost(caller): ActiveHost,
    body: Result<Body<RotateKeyRequest>, Rejection>,
) -> Result<Json<RotateKeyResponse>, Rejection> {
    let request = caller
        .record(&app.ctx, "rotate_key", Body::content(body))
        .await?;
    Ok(Json(
        rotate_key::rotate_key(&app.ctx, &caller, &request).await?,
    ))
}

pub(super) async fn rotate_host_key(
    State(app): State<App>,
    ActiveHost(caller): ActiveHost,
    body: Result<Body<RotateHostKeyRequest>, Rejection>,
) -> Result<Json<RotateHostKeyResponse>, Rejection> {
    let request = caller
        .record(&app.ctx, "rotate_host_key", Body::content(body))
        .await?;
    Ok(Json(
        rotate_key::rotate_host_key(&app.ctx, &caller, &request).await?,
    ))
}

pub(super) async fn revoke_host(
    State(app): State<App>,
    EndingHost(caller): EndingHost,
) -> Result<Json<RevokeHostResponse>, Rejection> {
    Ok(Json(revoke_host::revoke_host(&app.ctx, &caller).await?))
}
