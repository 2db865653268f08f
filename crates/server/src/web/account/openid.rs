//! Accounts elsewhere: connecting and disconnecting them.

use axum::extract::{Path, State};
use axum::response::Response;
use axum_extra::extract::cookie::CookieJar;
use procura_people::account::AccountChange;
use procura_service::ServiceResult;
use procura_service::people::openid::{self, OpenIdError};
use procura_service::people::{PasskeyError, SignedIn};

use super::{Problem, again, done, sign_in_first};
use crate::app::{App, ClientAddress};
use crate::web::form::{Fields, Form};
use crate::web::gesture;
use crate::web::login::openid::{leave, notice};
use crate::web::notice::Notice;
use crate::web::session::Visitor;
use crate::web::when;

/// A provider, and since when the person has an account of it connected.
pub(super) struct ElsewhereRow {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) since: Option<String>,
}

/// Each provider of the configuration.
pub(super) async fn rows(app: &App, person: &SignedIn) -> ServiceResult<Vec<ElsewhereRow>> {
    let now = app.ctx.now();
    let connected = openid::list(&app.ctx, person).await?;
    let rows = app.openid.iter().map(|provider| {
        let settings = provider.settings();
        let mut connected = connected.iter();
        let theirs = connected.find(|one| one.upstream.issuer == settings.issuer);
        ElsewhereRow {
            id: settings.id.clone(),
            name: settings.name.clone(),
            since: theirs.map(|identity| when::moment(identity.created_at, now)),
        }
    });
    Ok(rows.collect())
}

/// `POST /account/openid/{provider}`: off to the provider, to come back with an account.
pub(in crate::web) async fn connect(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    ClientAddress(address): ClientAddress,
    jar: CookieJar,
    Form(form): Form,
) -> Result<Response, Notice> {
    let provider = app.openid.find(&id).ok_or_else(Notice::not_found)?;
    let Some(person) = visitor.person else {
        return Ok(sign_in_first(&app));
    };
    let person = match confirmed(&app, &person, AccountChange::Connect(id), &form).await {
        Ok(person) => person,
        Err(error) => return again(&app, &person, Problem::Passkey(error)).await,
    };
    match openid::begin_to_connect(&app.ctx, provider, &person, &address).await {
        Ok(departure) => Ok(leave(&app, provider, Some(&person), &departure, jar)),
        Err(OpenIdError::Lacking(lacking)) => {
            again(&app, &person, Problem::Passkey(lacking.into())).await
        }
        Err(error) => Err(notice(error, provider, Some(&person))),
    }
}

/// `POST /account/openid/{provider}/remove`.
pub(in crate::web) async fn disconnect(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Form(form): Form,
) -> Result<Response, Notice> {
    let provider = app.openid.find(&id).ok_or_else(Notice::not_found)?;
    let Some(person) = visitor.person else {
        return Ok(sign_in_first(&app));
    };
    let person = match confirmed(&app, &person, AccountChange::Disconnect(id), &form).await {
        Ok(person) => person,
        Err(error) => return again(&app, &person, Problem::Passkey(error)).await,
    };
    match openid::disconnect(&app.ctx, &app.openid, provider, &person).await {
        Ok(()) => Ok(done(&app, "disconnected")),
        Err(OpenIdError::Lacking(lacking)) => {
            again(&app, &person, Problem::Passkey(lacking.into())).await
        }
        Err(OpenIdError::LastWay) => again(&app, &person, Problem::LastWay).await,
        Err(error) => Err(notice(error, provider, Some(&person))),
    }
}

async fn confirmed(
    app: &App,
    person: &SignedIn,
    change: AccountChange,
    form: &Fields,
) -> Result<SignedIn, PasskeyError> {
    let answer = gesture::answer(form);
    gesture::confirmed(app, person.clone(), answer, change.subject()).await
}
