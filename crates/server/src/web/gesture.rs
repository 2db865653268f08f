//! What pages send of an authenticator, and what they are told to ask it.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use procura_keys::clock::Timestamp;
use procura_people::challenge::LIFETIME;
use procura_people::presence::Lacking;
use procura_service::Failure;
use procura_service::people::{PasskeyError, SignedIn, application, passkeys};
use serde_json::{Value, json};

use super::form::Fields;
use super::notice::Notice;
use crate::app::App;

/// The person, having said yes to `subject` if the form has the answer of an authenticator.
pub(super) async fn confirmed(
    app: &App,
    person: SignedIn,
    answer: &str,
    subject: [u8; 32],
) -> Result<SignedIn, PasskeyError> {
    if answer.is_empty() {
        return Ok(person);
    }
    let Some(people) = &app.people else {
        return passkeys::confirm(&app.ctx, &person, answer, subject).await;
    };
    let passkey = people.confirm(&person.person.id, subject, answer).await;
    application::confirmed(
        &app.ctx,
        person,
        subject,
        passkey.map_err(|error| failed(&error))?,
    )
    .await
}

/// What to ask an authenticator, so that it says yes to `subject`.
pub(super) async fn ask(
    app: &App,
    person: &SignedIn,
    subject: [u8; 32],
) -> Result<Value, PasskeyError> {
    let Some(people) = &app.people else {
        return passkeys::ask_to_confirm(&app.ctx, person, subject).await;
    };
    let options = people.ask(&person.person.id, subject).await;
    let options = options.map_err(|error| failed(&error))?;
    options.ok_or(PasskeyError::Lacking(Lacking::Presence))
}

/// The text is for the log alone.
fn failed(error: &anyhow::Error) -> PasskeyError {
    PasskeyError::Failed(Failure::Application(format!("{error:#}")).into())
}

/// The answer of the authenticator in a form; empty when there is none.
pub(super) fn answer(form: &Fields) -> &str {
    form.text("answer")
}

/// What to ask, for the script. Without it, the script sends the form as it is, and the page says what is wrong.
pub(super) fn options(asked: Result<Value, PasskeyError>) -> Result<Response, Notice> {
    match asked {
        Ok(options) => Ok(Json(options).into_response()),
        Err(PasskeyError::Failed(error)) => Err(error.into()),
        Err(PasskeyError::TooManyTries(refusal)) => Err(Notice::refused(&refusal)),
        Err(_) => Ok(nothing()),
    }
}

/// The options, with a field for the form: from when on "for an hour" counts. The authenticator says yes to an end
/// in the calendar, so the form has to mean the same one when it is sent.
pub(super) fn at_moment(mut options: Value, now: Timestamp) -> Value {
    options["fields"] = json!({ "moment": now.as_millis().to_string() });
    options
}

/// From when on spans in a form count: from when its authenticator was asked, and now without one.
pub(super) fn moment(form: &Fields, now: Timestamp) -> Timestamp {
    let asked = form.text("moment").parse().ok().map(Timestamp::from_millis);
    let recent = asked.filter(|asked| *asked <= now && now.since(*asked) < LIFETIME);
    recent.filter(|_| !answer(form).is_empty()).unwrap_or(now)
}

/// Nothing is to be asked.
pub(super) fn nothing() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// What a person is told when a passkey did not do.
pub(super) fn refused(error: PasskeyError) -> Notice {
    match error {
        PasskeyError::Failed(error) => error.into(),
        PasskeyError::TooManyTries(refusal) => Notice::refused(&refusal),
        other => Notice::new(
            StatusCode::FORBIDDEN,
            code(&other),
            "That did not work with this passkey",
        )
        .say(other.to_string())
        .say("Nothing was changed."),
    }
}

/// The outcome in the log.
pub(super) fn code(error: &PasskeyError) -> &'static str {
    match error {
        PasskeyError::Unavailable => "passkeys_unavailable",
        PasskeyError::Lacking(_) => "presence_needed",
        PasskeyError::Answer(_) | PasskeyError::UnknownPasskey => "passkey_refused",
        PasskeyError::Known => "passkey_known",
        PasskeyError::TooMany => "too_many_passkeys",
        PasskeyError::Name(_) => "invalid_name",
        PasskeyError::TooManyTries(_) => "rate_limited",
        PasskeyError::Failed(_) => "internal_error",
    }
}
