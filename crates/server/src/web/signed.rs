//! Who has to be at the other end: somebody who is signed in, or an administrator.

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Redirect, Response};
use http::Method;
use http::request::Parts;
use procura_service::administration::Administrator;
use procura_service::people::SignedIn;

use super::next::sign_in_path;
use super::notice::Notice;
use super::session::Visitor;
use crate::app::App;

/// Somebody who is signed in. Whoever is not is led to the sign-in page, and back here afterwards.
#[derive(Debug)]
pub(super) struct Signed(pub(super) SignedIn);

impl FromRequestParts<App> for Signed {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let visitor = Visitor::from_request_parts(parts, app).await;
        match visitor.map_err(IntoResponse::into_response)?.person {
            Some(person) => Ok(Self(person)),
            None => Err(sign_in_first(parts, app)),
        }
    }
}

/// A form that was sent too late leads to the first page: sending it again is for the person to decide.
fn sign_in_first(parts: &Parts, app: &App) -> Response {
    let base = app.base_path();
    let login = match parts.uri.path_and_query() {
        Some(path) if parts.method == Method::GET => sign_in_path(&format!("{base}{path}")),
        _ => "/login".to_owned(),
    };
    Redirect::to(&format!("{base}{login}")).into_response()
}

/// An administrator. For everybody else, the pages for administrators do not exist.
#[derive(Debug)]
pub(super) struct Admin(pub(super) Administrator);

impl FromRequestParts<App> for Admin {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let Signed(person) = Signed::from_request_parts(parts, app).await?;
        let administrator = Administrator::of(&person);
        let hidden = || Notice::not_found().to(&person).into_response();
        administrator.map(Self).ok_or_else(hidden)
    }
}
