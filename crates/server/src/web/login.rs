//! `/login` and `/logout`: a person's session begins, is renewed, and ends.

pub(super) mod elsewhere;
pub(super) mod openid;
pub(super) mod passkey;
pub(super) mod recovery;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::cookie::CookieJar;
use http::StatusCode;
use http::header::RETRY_AFTER;
use procura_agent_auth::refusal::Refusal;
use procura_service::people::{self, SignInError};

use super::form::{Form, Query};
use super::next::{Next, with_next};
use super::notice::{Notice, seconds};
use super::page::{Shell, page};
use super::session::{Visitor, cookie, removal};
use super::when;
use super::words::say;
use crate::app::{App, ClientAddress};
use crate::error::RefusalCode;

/// `GET /login`, with `?next=` for where to go afterwards.
pub(super) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Query(query): Query,
) -> Response {
    let signed_out = query.all("signed_out").next().is_some() && visitor.person.is_none();
    page(&LoginPage {
        email: visitor
            .person
            .as_ref()
            .map(|signed_in| signed_in.person.email.to_string())
            .unwrap_or_default(),
        signed_out,
        ..LoginPage::new(&app, &visitor, Next::parse(query.text("next")))
    })
}

/// `POST /login`.
pub(super) async fn sign_in(
    State(app): State<App>,
    visitor: Visitor,
    ClientAddress(address): ClientAddress,
    jar: CookieJar,
    Form(form): Form,
) -> Result<Response, Notice> {
    let next = Next::parse(form.text("next"));
    let (email, password) = (form.text("email"), form.text("password").to_owned());
    match people::sign_in(&app.ctx, email, password, &address, visitor.token.as_ref()).await {
        Ok(token) => {
            let home = Shell::new(&app, None);
            let target = next.as_ref().map_or(home.home(), Next::as_str);
            Ok((jar.add(cookie(&app, &token)), Redirect::to(target)).into_response())
        }
        Err(error @ SignInError::NoMatch) => {
            let page = LoginPage::new(&app, &visitor, next).typed(email);
            Ok(again(page, error.to_string(), "no_match"))
        }
        Err(SignInError::TooMany(refusal)) => {
            let page = LoginPage::new(&app, &visitor, next).typed(email);
            Ok(throttled(page, &refusal))
        }
        Err(SignInError::Failed(error)) => Err(error.into()),
    }
}

/// `POST /logout`.
pub(super) async fn sign_out(
    State(app): State<App>,
    visitor: Visitor,
    jar: CookieJar,
) -> Result<Response, Notice> {
    if let Some(token) = &visitor.token {
        people::sign_out(&app.ctx, token).await?;
    }
    let target = format!("{}/login?signed_out", app.base_path());
    Ok((jar.remove(removal(&app)), Redirect::to(&target)).into_response())
}

/// The form once more, with what was wrong. The password is not sent back.
fn again(form: LoginPage, problem: String, code: &'static str) -> Response {
    let form = LoginPage {
        problem: Some(problem),
        ..form
    };
    let mut response = (StatusCode::UNPROCESSABLE_ENTITY, page(&form)).into_response();
    response.extensions_mut().insert(RefusalCode(code));
    response
}

fn throttled(form: LoginPage, refusal: &Refusal) -> Response {
    let Refusal::RateLimited { retry_after } = refusal else {
        return again(form, refusal.to_string(), "no_match");
    };
    let problem = say("Too many tries. Wait {wait} and try again.");
    let problem = problem.with("wait", when::wait(*retry_after));
    let mut response = again(form, problem.to_string(), "rate_limited");
    *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    if let Some(value) = seconds(*retry_after) {
        response.headers_mut().insert(RETRY_AFTER, value);
    }
    response
}

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    shell: Shell,
    next: Option<Next>,
    /// What to put in the field.
    email: String,
    problem: Option<String>,
    /// Whether somebody just signed out.
    signed_out: bool,
    /// Whether browsers allow passkeys at this address.
    passkeys: bool,
    /// Where else they may sign in.
    providers: Vec<ProviderButton>,
    /// Whether people may make accounts by themselves.
    sign_up: bool,
}

/// A provider, as a button shows it.
struct ProviderButton {
    id: String,
    name: String,
}

impl LoginPage {
    fn new(app: &App, visitor: &Visitor, next: Option<Next>) -> Self {
        let shell = Shell::new(app, visitor.person.as_ref());
        Self {
            shell,
            next,
            email: String::new(),
            problem: None,
            signed_out: false,
            passkeys: people::relying_party(&app.ctx).is_some(),
            providers: app
                .openid
                .iter()
                .map(|provider| ProviderButton {
                    id: provider.settings().id.clone(),
                    name: provider.settings().name.clone(),
                })
                .collect(),
            sign_up: app.ctx.policy().sign_up,
        }
    }

    /// With what was typed as an address.
    fn typed(self, email: &str) -> Self {
        Self {
            email: email.chars().take(MAX_EMAIL).collect(),
            ..self
        }
    }

    /// The page for recovery codes, which leads to the same place afterwards, after the base path.
    fn recovery_path(&self) -> String {
        let next = self.next.as_ref().map(Next::as_str);
        next.map_or_else(
            || "/login/recovery".to_owned(),
            |next| with_next("/login/recovery", next),
        )
    }
}

/// No address is longer, so no more of what was typed is shown again.
const MAX_EMAIL: usize = 254;
