//! `/login/recovery`: signing in with a code that was written down, for whoever has lost their passkeys.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::cookie::CookieJar;
use http::StatusCode;
use procura_service::people::{self, SignInError};

use super::MAX_EMAIL;
use crate::app::{App, ClientAddress};
use crate::error::RefusalCode;
use crate::web::form::{Form, Query};
use crate::web::next::Next;
use crate::web::notice::Notice;
use crate::web::page::{Shell, page};
use crate::web::session::{Visitor, cookie};

/// `GET /login/recovery`.
pub(crate) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Query(query): Query,
) -> Response {
    page(&RecoveryPage {
        shell: Shell::new(&app, visitor.person.as_ref()),
        next: Next::parse(query.text("next")),
        email: String::new(),
        problem: None,
    })
}

/// `POST /login/recovery`.
pub(crate) async fn sign_in(
    State(app): State<App>,
    visitor: Visitor,
    ClientAddress(address): ClientAddress,
    jar: CookieJar,
    Form(form): Form,
) -> Result<Response, Notice> {
    let next = Next::parse(form.text("next"));
    let (email, code) = (form.text("email"), form.text("code"));
    let previous = visitor.token.as_ref();
    match people::sign_in_by_recovery_code(&app.ctx, email, code, &address, previous).await {
        Ok(token) => {
            // Whoever needed a code needs a new passkey first of all.
            let account = format!("{}/account", app.base_path());
            let target = next.as_ref().map_or(account.as_str(), Next::as_str);
            Ok((jar.add(cookie(&app, &token)), Redirect::to(target)).into_response())
        }
        Err(SignInError::Failed(error)) => Err(error.into()),
        Err(SignInError::TooMany(refusal)) => Err(Notice::refused(&refusal)),
        Err(SignInError::NoMatch) => {
            let again = RecoveryPage {
                shell: Shell::new(&app, visitor.person.as_ref()),
                next,
                email: email.chars().take(MAX_EMAIL).collect(),
                problem: Some("The e-mail address or the code is not right, or the code was used."),
            };
            let mut response = (StatusCode::UNPROCESSABLE_ENTITY, page(&again)).into_response();
            response.extensions_mut().insert(RefusalCode("no_match"));
            Ok(response)
        }
    }
}

#[derive(Template)]
#[template(path = "recovery.html")]
struct RecoveryPage {
    shell: Shell,
    next: Option<Next>,
    /// What to put in the field.
    email: String,
    problem: Option<&'static str>,
}
