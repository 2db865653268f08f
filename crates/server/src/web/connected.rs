//! What a person has connected, one page for each app and each agent, and what they did.
//!
//! Everything works without a script. With it, what changes by itself is kept up to date.

mod act;
mod activity;
mod agent;
mod app;
pub(super) mod done;
pub(super) mod events;
mod keep;
pub(super) mod rows;

use axum::Router;
use axum::response::Response;
use axum::routing::{get, post};
use procura_service::ServiceError;
use procura_service::agent_auth::connected::ConnectedError;
use procura_service::people::SignedIn;

use super::notice::Notice;
use crate::app::App;

/// The routes of these pages.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/apps/{id}", get(app::show))
        .route("/apps/{id}/rename", post(app::rename))
        .route("/apps/{id}/revoke", post(act::revoke_app))
        .route("/apps/{id}/unlink", post(act::unlink_app))
        .route("/agents/{id}", get(agent::show))
        .route("/agents/{id}/rename", post(agent::rename))
        .route("/agents/{id}/revoke", post(act::revoke_agent))
        .route("/grants/{id}/revoke", post(act::revoke_grant))
        .route("/revoke-everything", post(act::revoke_everything))
        .route("/activity", get(activity::show))
        .route("/activity/export", get(keep::export))
        .route("/activity/delete", post(keep::delete))
}

/// What a person is told when their request is not carried out.
fn refused(error: ConnectedError, person: &SignedIn) -> Notice {
    let notice = match error {
        ConnectedError::Unknown => Notice::not_found(),
        ConnectedError::Other(error @ ServiceError::Refused(_)) => {
            Notice::from(error).link("Go to the first page", "/")
        }
        ConnectedError::Other(error) => error.into(),
    };
    notice.to(person)
}

/// What an address or a form names, which has to look like an identifier.
fn id<T: std::str::FromStr>(text: &str, person: &SignedIn) -> Result<T, Notice> {
    text.parse().map_err(|_| Notice::not_found().to(person))
}

/// A page, a redirect, or a notice.
type Answer = Result<Response, Notice>;
