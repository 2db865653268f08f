//! The buttons that stop something. Each leads to the page behind it, which says what was done.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use procura_agent_auth::id::{AgentId, GrantId, HostId};
use procura_service::agent_auth::connected::stop;

use super::done::Done;
use super::{Answer, id, refused};
use crate::app::App;
use crate::web::page::Shell;
use crate::web::signed::Signed;

/// `POST /grants/{id}/revoke`.
pub(super) async fn revoke_grant(
    State(app): State<App>,
    Signed(person): Signed,
    Path(reference): Path<String>,
) -> Answer {
    let grant: GrantId = id(&reference, &person)?;
    let agent = stop::revoke_grant(&app.ctx, &person, &grant).await;
    let agent = agent.map_err(|error| refused(error, &person))?;
    Ok(to(&app, &format!("/agents/{agent}"), Done::Grant))
}

/// `POST /agents/{id}/revoke`.
pub(super) async fn revoke_agent(
    State(app): State<App>,
    Signed(person): Signed,
    Path(reference): Path<String>,
) -> Answer {
    let agent: AgentId = id(&reference, &person)?;
    let stopped = stop::revoke_agent(&app.ctx, &person, &agent).await;
    stopped.map_err(|error| refused(error, &person))?;
    Ok(to(&app, &format!("/agents/{agent}"), Done::Agent))
}

/// `POST /apps/{id}/revoke`.
pub(super) async fn revoke_app(
    State(app): State<App>,
    Signed(person): Signed,
    Path(reference): Path<String>,
) -> Answer {
    let host: HostId = id(&reference, &person)?;
    let stopped = stop::revoke_app(&app.ctx, &person, &host).await;
    stopped.map_err(|error| refused(error, &person))?;
    Ok(to(&app, &format!("/apps/{host}"), Done::App))
}

/// `POST /apps/{id}/unlink`.
pub(super) async fn unlink_app(
    State(app): State<App>,
    Signed(person): Signed,
    Path(reference): Path<String>,
) -> Answer {
    let host: HostId = id(&reference, &person)?;
    let unlinked = stop::unlink_app(&app.ctx, &person, &host).await;
    unlinked.map_err(|error| refused(error, &person))?;
    Ok(home(&app, Done::Unlinked))
}

/// `POST /revoke-everything`.
pub(super) async fn revoke_everything(State(app): State<App>, Signed(person): Signed) -> Answer {
    let stopped = stop::revoke_everything(&app.ctx, &person).await;
    stopped.map_err(|error| refused(error, &person))?;
    Ok(home(&app, Done::Everything))
}

fn to(app: &App, path: &str, done: Done) -> Response {
    let target = format!("{}{path}{}", app.base_path(), done.query());
    Redirect::to(&target).into_response()
}

fn home(app: &App, done: Done) -> Response {
    let target = format!("{}{}", Shell::new(app, None).home(), done.query());
    Redirect::to(&target).into_response()
}
