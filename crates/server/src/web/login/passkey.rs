//! Signing in with a passkey. The challenge belongs to the browser that asked for it, which a cookie shows, so that
//! nobody can be signed in to an account that is not theirs by a form from elsewhere.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::cookie::CookieJar;
use procura_service::people::{PasskeyError, passkeys};

use super::{LoginPage, again};
use crate::app::{App, ClientAddress};
use crate::web::form::Form;
use crate::web::gesture;
use crate::web::next::Next;
use crate::web::notice::Notice;
use crate::web::page::Shell;
use crate::web::session::{Visitor, cookie};
use crate::web::ticket::Ticket;

/// `POST /login/challenge`.
pub(crate) async fn challenge(
    State(app): State<App>,
    ticket: Ticket,
    ClientAddress(address): ClientAddress,
    jar: CookieJar,
) -> Result<Response, Notice> {
    let asked = passkeys::ask_to_sign_in(&app.ctx, ticket.holder(), &address).await;
    let options = gesture::options(asked)?;
    Ok((jar.add(ticket.cookie(&app)), options).into_response())
}

/// `POST /login/passkey`.
pub(crate) async fn sign_in(
    State(app): State<App>,
    visitor: Visitor,
    ticket: Ticket,
    ClientAddress(address): ClientAddress,
    jar: CookieJar,
    Form(form): Form,
) -> Result<Response, Notice> {
    let next = Next::parse(form.text("next"));
    let (answer, previous) = (gesture::answer(&form), visitor.token.as_ref());
    match passkeys::sign_in(&app.ctx, answer, ticket.holder(), &address, previous).await {
        Ok(token) => {
            let home = Shell::new(&app, None);
            let target = next.as_ref().map_or(home.home(), Next::as_str);
            let jar = jar.remove(Ticket::removal(&app)).add(cookie(&app, &token));
            Ok((jar, Redirect::to(target)).into_response())
        }
        Err(PasskeyError::Failed(error)) => Err(error.into()),
        Err(PasskeyError::TooManyTries(refusal)) => Err(Notice::refused(&refusal)),
        Err(error) => {
            let page = LoginPage::new(&app, &visitor, next);
            Ok(again(page, error.to_string(), gesture::code(&error)))
        }
    }
}
