//! `/account`: a person's ways to sign in, and where they are signed in.
//!
//! What brings in new means to approve takes a gesture with a passkey that is there already, so that software
//! which drives a signed-in browser cannot give itself a passkey.

pub(super) mod mail;
pub(super) mod openid;
mod overview;
pub(super) mod push;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use procura_keys::digest::from_base64url;
use procura_people::account::AccountChange;
use procura_people::passkey::PasskeyId;
use procura_people::recovery::RecoveryCode;
use procura_service::people::push::DeviceError;
use procura_service::people::{self, AccountError, PasskeyError, SignedIn, passkeys};

use super::form::{Fields, Form, Query};
use super::gesture;
use super::next::sign_in_path;
use super::notice::Notice;
use super::page::{Place, Shell, page};
use super::session::Visitor;
use crate::app::App;
use crate::error::RefusalCode;
use overview::AccountPage;

/// `GET /account`.
pub(super) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Query(query): Query,
) -> Result<Response, Notice> {
    let Some(person) = visitor.person else {
        return Ok(sign_in_first(&app));
    };
    let done = DONE.iter().find(|(name, _)| *name == query.text("done"));
    let overview = AccountPage::load(&app, &person).await?;
    Ok(page(&overview.saying(done.map(|(_, text)| *text))))
}

/// `POST /account/challenge`: what to ask an authenticator before a change. No content when it takes none, or when
/// the page has something else to say about it.
pub(super) async fn challenge(
    State(app): State<App>,
    visitor: Visitor,
    Form(form): Form,
) -> Result<Response, Notice> {
    let (Some(person), Some(change)) = (visitor.person, read_change(&form)) else {
        return Ok(gesture::nothing());
    };
    match passkeys::ask_for_change(&app.ctx, &person, &change).await {
        Ok(None) => Ok(gesture::nothing()),
        Ok(Some(options)) => gesture::options(Ok(options)),
        Err(error) => gesture::options(Err(error)),
    }
}

/// `POST /account/passkeys/challenge`: what to ask the new authenticator.
pub(super) async fn passkey_challenge(
    State(app): State<App>,
    visitor: Visitor,
    Form(form): Form,
) -> Result<Response, Notice> {
    let Some(person) = visitor.person else {
        return Ok(gesture::nothing());
    };
    let subject = AccountChange::AddPasskey.subject();
    let said = form.text("confirmation");
    match gesture::confirmed(&app, person, said, subject).await {
        Ok(person) => gesture::options(passkeys::ask_to_register(&app.ctx, &person).await),
        Err(error) => gesture::options(Err(error)),
    }
}

/// `POST /account/passkeys`.
pub(super) async fn add_passkey(
    State(app): State<App>,
    visitor: Visitor,
    Form(form): Form,
) -> Result<Response, Notice> {
    let Some(person) = visitor.person else {
        return Ok(sign_in_first(&app));
    };
    let answer = gesture::answer(&form);
    if answer.is_empty() {
        let why = passkeys::ask_to_register(&app.ctx, &person).await.err();
        return again(
            &app,
            &person,
            why.map_or(Problem::NeedsScript, Problem::Passkey),
        )
        .await;
    }
    match passkeys::register(&app.ctx, &person, answer, form.text("name")).await {
        Ok(()) => Ok(done(&app, "passkey_added")),
        Err(error) => again(&app, &person, Problem::Passkey(error)).await,
    }
}

/// `POST /account/passkeys/{id}/name`.
pub(super) async fn rename_passkey(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Form(form): Form,
) -> Result<Response, Notice> {
    let Some(person) = visitor.person else {
        return Ok(sign_in_first(&app));
    };
    match passkeys::rename(&app.ctx, &person, &PasskeyId(id), form.text("name")).await {
        Ok(()) => Ok(done(&app, "passkey_renamed")),
        Err(error) => again(&app, &person, Problem::Passkey(error)).await,
    }
}

/// `POST /account/passkeys/{id}/remove`.
pub(super) async fn remove_passkey(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Form(form): Form,
) -> Result<Response, Notice> {
    let Some(person) = visitor.person else {
        return Ok(sign_in_first(&app));
    };
    let id = PasskeyId(id);
    let subject = AccountChange::RemovePasskey(id.clone()).subject();
    let removed =
        match gesture::confirmed(&app, person.clone(), gesture::answer(&form), subject).await {
            Ok(confirmed) => passkeys::remove(&app.ctx, &confirmed, &id).await,
            Err(error) => Err(error),
        };
    match removed {
        Ok(()) => Ok(done(&app, "passkey_removed")),
        Err(error) => again(&app, &person, Problem::Passkey(error)).await,
    }
}

/// `POST /account/password`.
pub(super) async fn set_password(
    State(app): State<App>,
    visitor: Visitor,
    Form(form): Form,
) -> Result<Response, Notice> {
    let Some(person) = visitor.person else {
        return Ok(sign_in_first(&app));
    };
    let subject = AccountChange::SetPassword.subject();
    let confirmed =
        match gesture::confirmed(&app, person.clone(), gesture::answer(&form), subject).await {
            Ok(confirmed) => confirmed,
            Err(error) => return again(&app, &person, Problem::Passkey(error)).await,
        };
    let password = form.text("password").to_owned();
    match people::set_own_password(&app.ctx, &confirmed, password).await {
        Ok(()) => Ok(done(&app, "password_set")),
        Err(AccountError::Failed(error)) => Err(error.into()),
        Err(error) => again(&app, &person, Problem::Password(error)).await,
    }
}

/// `POST /account/recovery`: ten new codes, shown this once.
pub(super) async fn make_recovery_codes(
    State(app): State<App>,
    visitor: Visitor,
    Form(form): Form,
) -> Result<Response, Notice> {
    let Some(person) = visitor.person else {
        return Ok(sign_in_first(&app));
    };
    let subject = AccountChange::MakeRecoveryCodes.subject();
    let made = match gesture::confirmed(&app, person.clone(), gesture::answer(&form), subject).await
    {
        Ok(confirmed) => people::make_recovery_codes(&app.ctx, &confirmed).await,
        Err(error) => Err(error),
    };
    match made {
        Ok(codes) => Ok(page(&CodesPage {
            shell: Shell::new(&app, Some(&person)).at(Place::Account),
            codes: codes.iter().map(RecoveryCode::expose).collect(),
        })),
        Err(error) => again(&app, &person, Problem::Passkey(error)).await,
    }
}

/// `POST /account/sessions/end`: one session, or all others.
pub(super) async fn end_sessions(
    State(app): State<App>,
    visitor: Visitor,
    Form(form): Form,
) -> Result<Response, Notice> {
    let Some(person) = visitor.person else {
        return Ok(sign_in_first(&app));
    };
    let named = from_base64url(form.text("session")).and_then(|bytes| bytes.try_into().ok());
    match named {
        Some(digest) => people::end_session(&app.ctx, &person, &digest).await?,
        None => people::end_other_sessions(&app.ctx, &person).await?,
    }
    Ok(done(&app, "sessions_ended"))
}

/// What went wrong with a change.
enum Problem {
    Passkey(PasskeyError),
    Password(AccountError),
    NeedsScript,
    MailNotSent,
    NotConfirmed,
    Device(DeviceError),
    LastWay,
}

/// The page once more, with what was wrong.
async fn again(app: &App, person: &SignedIn, problem: Problem) -> Result<Response, Notice> {
    let (code, text) = match &problem {
        Problem::Passkey(PasskeyError::Failed(_)) => ("internal_error", String::new()),
        Problem::Passkey(error) => (gesture::code(error), error.to_string()),
        Problem::Password(AccountError::Lacking(lacking)) => {
            ("presence_needed", lacking.to_string())
        }
        Problem::Password(error) => ("invalid_password", sentence(&error.to_string())),
        Problem::MailNotSent => (
            "mail_not_sent",
            "The message could not be sent. Try again later.".to_owned(),
        ),
        Problem::Device(error) => ("device_not_added", error.to_string()),
        Problem::LastWay => (
            "last_way_to_sign_in",
            "You could not sign in any more. Set a password or add a passkey first.".to_owned(),
        ),
        Problem::NotConfirmed => (
            "link_not_valid",
            "This link was used, has expired, or is for another account.".to_owned(),
        ),
        Problem::NeedsScript => (
            "script_needed",
            "Making a passkey takes a browser with JavaScript switched on.".to_owned(),
        ),
    };
    if let Problem::Passkey(PasskeyError::Failed(error)) = problem {
        return Err(error.into());
    }
    let overview = AccountPage::load(app, person).await?.with_problem(text);
    let mut response = (StatusCode::UNPROCESSABLE_ENTITY, page(&overview)).into_response();
    response.extensions_mut().insert(RefusalCode(code));
    Ok(response)
}

/// The rules say "a password needs…"; a page begins with a capital and ends with a full stop.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}

fn read_change(form: &Fields) -> Option<AccountChange> {
    match form.text("change") {
        "add_passkey" => Some(AccountChange::AddPasskey),
        "remove_passkey" => {
            let id = PasskeyId(form.text("passkey").to_owned());
            Some(AccountChange::RemovePasskey(id))
        }
        "make_recovery_codes" => Some(AccountChange::MakeRecoveryCodes),
        "set_password" => Some(AccountChange::SetPassword),
        "connect" => Some(AccountChange::Connect(form.text("provider").to_owned())),
        "disconnect" => Some(AccountChange::Disconnect(form.text("provider").to_owned())),
        _ => None,
    }
}

fn sign_in_first(app: &App) -> Response {
    let base = app.base_path();
    let path = sign_in_path(&format!("{base}/account"));
    Redirect::to(&format!("{base}{path}")).into_response()
}

fn done(app: &App, what: &str) -> Response {
    Redirect::to(&format!("{}/account?done={what}", app.base_path())).into_response()
}

const DONE: [(&str, &str); 12] = [
    (
        "connected",
        "You can sign in with that account from now on.",
    ),
    (
        "disconnected",
        "You cannot sign in with that account any more, and were signed out everywhere else.",
    ),
    ("device_added", "This device is told from now on."),
    ("device_removed", "That device is told no more."),
    ("mail_chosen", "Your choice is kept."),
    (
        "mail_sent",
        "The message is on its way. Follow the link in it within an hour.",
    ),
    (
        "mail_confirmed",
        "Your address is confirmed. You get e-mail from now on.",
    ),
    ("passkey_added", "The passkey was added."),
    ("passkey_renamed", "The passkey has its new name."),
    (
        "passkey_removed",
        "The passkey was removed. Delete it on your device as well.",
    ),
    (
        "password_set",
        "The password was set, and you were signed out everywhere else.",
    ),
    ("sessions_ended", "Signed out there."),
];

#[derive(Template)]
#[template(path = "recovery_codes.html")]
struct CodesPage {
    shell: Shell,
    codes: Vec<String>,
}
