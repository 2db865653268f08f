//! `/setup/…`, `/invite/…` and `/signup`: somebody comes in for the first time, or gets a new way into their account.
//!
//! Looking at a link uses nothing up, so that mail programs may look at it first.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::cookie::CookieJar;
use http::StatusCode;
use procura_people::invitation::InvitationToken;
use procura_service::people::{self, Arrival, ArrivalError, Door, Means, PasskeyError};

use super::account::sentence;
use super::form::{Fields, Form};
use super::gesture;
use super::notice::Notice;
use super::page::{Shell, page};
use super::session::{Visitor, cookie};
use super::ticket::Ticket;
use crate::app::{App, ClientAddress};
use crate::error::RefusalCode;

/// `GET /setup/{token}` and `GET /invite/{token}`.
pub(super) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Path(token): Path<String>,
) -> Result<Response, Notice> {
    let link = read_link(&token)?;
    Ok(page(
        &ArrivalPage::of_link(&app, &visitor, &link, &token).await?,
    ))
}

/// `POST` to the same.
pub(super) async fn arrive(
    State(app): State<App>,
    visitor: Visitor,
    Path(token): Path<String>,
    ClientAddress(address): ClientAddress,
    jar: CookieJar,
    Form(form): Form,
) -> Result<Response, Notice> {
    let link = read_link(&token)?;
    let again = ArrivalPage::of_link(&app, &visitor, &link, &token).await?;
    come_in(
        &app,
        &visitor,
        Door::Link(link),
        &address,
        jar,
        &form,
        again,
    )
    .await
}

/// `POST /setup/{token}/challenge` and `POST /invite/{token}/challenge`.
pub(super) async fn challenge(
    State(app): State<App>,
    Path(token): Path<String>,
    ClientAddress(address): ClientAddress,
    Form(form): Form,
) -> Result<Response, Notice> {
    options(&app, &Door::Link(read_link(&token)?), &address, &form).await
}

/// `GET /signup`.
pub(super) async fn show_sign_up(
    State(app): State<App>,
    visitor: Visitor,
    ticket: Ticket,
    jar: CookieJar,
) -> Result<Response, Notice> {
    let shown = page(&ArrivalPage::of_sign_up(&app, &visitor)?);
    Ok((jar.add(ticket.cookie(&app)), shown).into_response())
}

/// `POST /signup`.
pub(super) async fn sign_up(
    State(app): State<App>,
    visitor: Visitor,
    ticket: Ticket,
    ClientAddress(address): ClientAddress,
    jar: CookieJar,
    Form(form): Form,
) -> Result<Response, Notice> {
    let again = ArrivalPage::of_sign_up(&app, &visitor)?;
    let door = Door::SignUp(ticket.holder());
    come_in(&app, &visitor, door, &address, jar, &form, again).await
}

/// `POST /signup/challenge`.
pub(super) async fn sign_up_challenge(
    State(app): State<App>,
    ticket: Ticket,
    ClientAddress(address): ClientAddress,
    Form(form): Form,
) -> Result<Response, Notice> {
    options(&app, &Door::SignUp(ticket.holder()), &address, &form).await
}

async fn options(app: &App, door: &Door, address: &str, form: &Fields) -> Result<Response, Notice> {
    let (email, name) = (form.text("email"), form.text("name"));
    match people::ask_to_register(&app.ctx, door, email, name, address).await {
        Ok(options) => gesture::options(Ok(options)),
        Err(ArrivalError::Failed(error)) => Err(error.into()),
        // The form is sent as it is, and the page says what is wrong with it.
        Err(_) => Ok(gesture::nothing()),
    }
}

async fn come_in(
    app: &App,
    visitor: &Visitor,
    door: Door,
    address: &str,
    jar: CookieJar,
    form: &Fields,
    again: ArrivalPage,
) -> Result<Response, Notice> {
    let text = |name: &str| form.text(name).to_owned();
    let means = match form.text("with") {
        "password" => Means::Password(text("password")),
        _ => Means::Passkey(text("answer")),
    };
    let arrival = Arrival {
        email: text("email"),
        name: text("name"),
        means,
    };
    match people::arrive(&app.ctx, &door, arrival, address, visitor.token.as_ref()).await {
        Ok(token) => {
            let target = format!("{}/account", app.base_path());
            Ok((jar.add(cookie(app, &token)), Redirect::to(&target)).into_response())
        }
        Err(error) => again.after(error, form),
    }
}

fn read_link(token: &str) -> Result<InvitationToken, Notice> {
    InvitationToken::parse(token).ok_or_else(gone)
}

fn gone() -> Notice {
    Notice::new(
        StatusCode::GONE,
        "link_gone",
        "This link does not work any more",
    )
    .say("Links like this work once and for a limited time. Ask for a new one where you got it.")
    .link("Sign in", "/login")
}

#[derive(Template)]
#[template(path = "arrival.html")]
struct ArrivalPage {
    shell: Shell,
    kind: Kind,
    /// Where the form goes, after the base path.
    path: String,
    /// Whom the link names.
    invited: Option<String>,
    /// What was typed.
    email: String,
    name: String,
    problem: Option<String>,
    /// Whether browsers allow passkeys at this address.
    passkeys_work: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Setup,
    Invitation,
    SignUp,
}

impl ArrivalPage {
    async fn of_link(
        app: &App,
        visitor: &Visitor,
        link: &InvitationToken,
        token: &str,
    ) -> Result<Self, Notice> {
        let invitation = match people::find_invitation(&app.ctx, link).await {
            Ok(invitation) => invitation,
            Err(ArrivalError::Failed(error)) => return Err(error.into()),
            Err(_) => return Err(gone()),
        };
        let (kind, path) = match invitation.email {
            Some(_) => (Kind::Invitation, format!("/invite/{token}")),
            None => (Kind::Setup, format!("/setup/{token}")),
        };
        let invited = invitation.email.map(|email| email.to_string());
        Ok(Self::new(app, visitor, kind, path, invited))
    }

    fn of_sign_up(app: &App, visitor: &Visitor) -> Result<Self, Notice> {
        if !app.ctx.policy().sign_up {
            return Err(Notice::new(
                StatusCode::FORBIDDEN,
                "sign_up_closed",
                "Accounts are made by invitation",
            )
            .say("Ask an administrator of this server for a link.")
            .link("Sign in", "/login"));
        }
        Ok(Self::new(
            app,
            visitor,
            Kind::SignUp,
            "/signup".to_owned(),
            None,
        ))
    }

    fn new(
        app: &App,
        visitor: &Visitor,
        kind: Kind,
        path: String,
        invited: Option<String>,
    ) -> Self {
        Self {
            shell: Shell::new(app, visitor.person.as_ref()),
            kind,
            path,
            invited,
            email: String::new(),
            name: String::new(),
            problem: None,
            passkeys_work: people::relying_party(&app.ctx).is_some(),
        }
    }

    /// The page once more, with what was wrong and what was typed. The password is not sent back.
    fn after(self, error: ArrivalError, form: &Fields) -> Result<Response, Notice> {
        let (code, problem) = match error {
            ArrivalError::Failed(error) => return Err(error.into()),
            ArrivalError::Gone => return Err(gone()),
            ArrivalError::TooMany(refusal) => return Err(Notice::refused(&refusal)),
            ArrivalError::Password(error) => ("invalid_password", sentence(&error.to_string())),
            ArrivalError::Email(error) => ("invalid_email", sentence(&error.to_string())),
            ArrivalError::Passkey(PasskeyError::Answer(_)) if gesture::answer(form).is_empty() => (
                "script_needed",
                "Making a passkey takes a browser with JavaScript switched on.".to_owned(),
            ),
            ArrivalError::Passkey(error) => (gesture::code(&error), error.to_string()),
            other => ("not_taken", other.to_string()),
        };
        let typed = |name: &str| form.text(name).chars().take(MAX_TYPED).collect();
        let again = Self {
            email: typed("email"),
            name: typed("name"),
            problem: Some(problem),
            ..self
        };
        let mut response = (StatusCode::UNPROCESSABLE_ENTITY, page(&again)).into_response();
        response.extensions_mut().insert(RefusalCode(code));
        Ok(response)
    }

    fn title(&self) -> &'static str {
        match self.kind {
            Kind::Setup => "Set up the first administrator",
            Kind::Invitation => "You are invited",
            Kind::SignUp => "Create an account",
        }
    }
}

/// No address or name is longer, so no more of what was typed is shown again.
const MAX_TYPED: usize = 254;
