//! Whether a person gets e-mail about what waits for them.

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use procura_people::mail::MailChoice;
use procura_service::ServiceResult;
use procura_service::people::SignedIn;
use procura_service::people::mail::{self, ConfirmationError};

use super::{Problem, again, done, sign_in_first};
use crate::app::App;
use crate::web::form::Form;
use crate::web::next::sign_in_path;
use crate::web::notice::Notice;
use crate::web::session::Visitor;

/// What the page says of it. Nothing where the server sends none.
pub(super) async fn choice(app: &App, person: &SignedIn) -> ServiceResult<Option<MailChoice>> {
    match app.mail {
        Some(_) => mail::choice(&app.ctx, person).await.map(Some),
        None => Ok(None),
    }
}

/// `POST /account/mail`: e-mail `on` or `off`, or a message to `confirm` the address.
pub(in crate::web) async fn change(
    State(app): State<App>,
    visitor: Visitor,
    Form(form): Form,
) -> Result<Response, Notice> {
    let Some(person) = visitor.person else {
        return Ok(sign_in_first(&app));
    };
    match form.text("mail") {
        "on" => mail::switch(&app.ctx, &person, true).await?,
        "off" => mail::switch(&app.ctx, &person, false).await?,
        _ => return send(&app, &person).await,
    }
    Ok(done(&app, "mail_chosen"))
}

/// Sends the message, and waits for the mail server, so that the page can say whether it went.
async fn send(app: &App, person: &SignedIn) -> Result<Response, Notice> {
    let wanted = choice(app, person).await? == Some(MailChoice::Unconfirmed);
    let Some(mail) = app.mail.as_ref().filter(|_| wanted) else {
        return Ok(done(app, "mail_chosen"));
    };
    let token = match mail::confirmation(&app.ctx, person).await {
        Ok(token) => token,
        Err(ConfirmationError::TooMany(refusal)) => {
            return Err(Notice::refused(&refusal).to(person));
        }
        Err(ConfirmationError::Failed(error)) => return Err(error.into()),
    };
    let link = app.ctx.provider().url(&format!("/account/mail/{token}"));
    let id = format!("confirm_{}_{}", person.person.id, app.ctx.now().as_millis());
    let sent = mail.send_confirmation(&app.ctx, &person.person.email, &link, &id);
    match sent.await {
        Ok(()) => Ok(done(app, "mail_sent")),
        Err(error) => {
            tracing::warn!(
                error = error.why,
                "a message to confirm an address did not go"
            );
            again(app, person, Problem::MailNotSent).await
        }
    }
}

/// `GET /account/mail/{token}`: the link in that message. It does nothing for whoever is not signed in.
pub(in crate::web) async fn confirm(
    State(app): State<App>,
    visitor: Visitor,
    Path(token): Path<String>,
) -> Result<Response, Notice> {
    let base = app.base_path();
    let Some(person) = visitor.person else {
        let path = sign_in_path(&format!("{base}/account/mail/{token}"));
        return Ok(Redirect::to(&format!("{base}{path}")).into_response());
    };
    if mail::confirm(&app.ctx, &person, &token).await? {
        Ok(done(&app, "mail_confirmed"))
    } else {
        again(&app, &person, Problem::NotConfirmed).await
    }
}
