//! `/login/openid/{provider}`: off to an OpenID provider, and back.
//!
//! Browsers apply `form-action` to every redirect that follows a form, those of the provider included. So the answer
//! to the button is a page, which goes on by itself and has a link for where it does not.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use http::header::REFRESH;
use http::{HeaderValue, StatusCode};
use procura_people::openid::{BadCallback, BadIdToken, Callback, FLOW_LIFETIME, FlowSecret};
use procura_service::people::SignedIn;
use procura_service::people::openid::{
    self, Departure, Finished, OpenIdError, OpenIdProvider, Return,
};

use crate::app::{App, ClientAddress};
use crate::web::form::{Fields, Form, Query};
use crate::web::next::Next;
use crate::web::notice::Notice;
use crate::web::page::{Shell, page};
use crate::web::session::{Visitor, cookie};
use crate::web::words::say;

/// `POST /login/openid/{provider}`.
pub(crate) async fn begin(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    ClientAddress(address): ClientAddress,
    jar: CookieJar,
    Form(form): Form,
) -> Result<Response, Notice> {
    let provider = app.openid.find(&id).ok_or_else(Notice::not_found)?;
    let person = visitor.person.as_ref();
    let next = Next::parse(form.text("next"));
    let decides = |next: &Next| next.leads_to_a_decision(app.base_path());
    // Who is signed in and does it again needs it for something.
    let fresh = person.is_some() || next.as_ref().is_some_and(decides);
    let next = next.map(|next| next.as_str().to_owned());
    match openid::begin(&app.ctx, provider, fresh, next, &address).await {
        Ok(departure) => Ok(leave(&app, provider, person, &departure, jar)),
        Err(error) => Err(notice(error, provider, person)),
    }
}

/// `GET /login/openid/{provider}`: where the provider sends people back to.
pub(crate) async fn finish(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    ClientAddress(address): ClientAddress,
    jar: CookieJar,
    Query(query): Query,
) -> Result<Response, Notice> {
    let provider = app.openid.find(&id).ok_or_else(Notice::not_found)?;
    let held = jar.get(cookie_name(&app));
    let secret = held.and_then(|cookie| FlowSecret::parse(cookie.value()));
    let back = Return {
        secret: secret.as_ref(),
        callback: Callback {
            code: only(&query, "code"),
            state: only(&query, "state"),
            iss: only(&query, "iss"),
            error: only(&query, "error"),
        },
        person: visitor.person.as_ref(),
        previous: visitor.token.as_ref(),
        address: &address,
    };
    let finished = openid::finish(&app.ctx, provider, back).await;
    let finished = finished.map_err(|error| notice(error, provider, visitor.person.as_ref()))?;
    let jar = jar.remove(removal(&app));
    Ok(match finished {
        Finished::SignedIn { token, next } => {
            let home = Shell::new(&app, None);
            let next = next.as_deref().and_then(Next::parse);
            let target = next.as_ref().map_or(home.home(), Next::as_str);
            (jar.add(cookie(&app, &token)), Redirect::to(target)).into_response()
        }
        Finished::Connected => {
            let target = format!("{}/account?done=connected", app.base_path());
            (jar, Redirect::to(&target)).into_response()
        }
    })
}

/// The page that leads to the provider.
pub(in crate::web) fn leave(
    app: &App,
    provider: &OpenIdProvider,
    person: Option<&SignedIn>,
    departure: &Departure,
    jar: CookieJar,
) -> Response {
    let url = departure.url.as_str();
    let leaving = LeavingPage {
        shell: Shell::new(app, person),
        name: &provider.settings().name,
        url,
    };
    let jar = jar.add(flow_cookie(app, &departure.secret));
    let mut response = (jar, page(&leaving)).into_response();
    if let Ok(refresh) = HeaderValue::from_str(&format!("0; url={url}")) {
        response.headers_mut().insert(REFRESH, refresh);
    }
    response
}

/// What a person is told when it did not work.
pub(in crate::web) fn notice(
    error: OpenIdError,
    provider: &OpenIdProvider,
    person: Option<&SignedIn>,
) -> Notice {
    let name = &provider.settings().name;
    let (status, code, title, text) = match error {
        OpenIdError::Failed(error) => return error.into(),
        OpenIdError::TooMany(refusal) => return Notice::refused(&refusal),
        error => {
            warn(&error, provider);
            told(&error)
        }
    };
    let mut notice = Notice::new(status, code, title);
    for paragraph in text {
        notice = notice.say(say(paragraph).with("name", name));
    }
    match person {
        Some(person) => notice.link("Go to your account", "/account").to(person),
        None => notice.link("Sign in", "/login"),
    }
}

/// Status, outcome for the log, title and text.
fn told(
    error: &OpenIdError,
) -> (
    StatusCode,
    &'static str,
    &'static str,
    &'static [&'static str],
) {
    match error {
        OpenIdError::Callback(BadCallback::NotThisBrowser) => (
            StatusCode::BAD_REQUEST,
            "sign_in_unknown",
            "This browser is not waiting for that",
            &[
                "Nobody was signed in, and nothing was changed. This sign-in may have been used already, or another one was begun after it. Begin it once more.",
            ],
        ),
        OpenIdError::Callback(BadCallback::Expired) => (
            StatusCode::BAD_REQUEST,
            "sign_in_expired",
            "That took too long",
            &["Nobody was signed in, and nothing was changed. Begin it once more."],
        ),
        OpenIdError::Callback(BadCallback::Declined) => (
            StatusCode::FORBIDDEN,
            "sign_in_declined",
            "The sign-in was cancelled",
            &["Nobody was signed in, and nothing was changed."],
        ),
        OpenIdError::IdToken(BadIdToken::NotFresh) => (
            StatusCode::FORBIDDEN,
            "sign_in_not_fresh",
            "You were not asked to sign in anew",
            &[
                "What you were about to do needs a sign-in of this moment, and {name} did not ask you for one. Sign in another way.",
            ],
        ),
        OpenIdError::NoAccount => (
            StatusCode::FORBIDDEN,
            "no_account",
            "You cannot sign in here with that account",
            &[
                "No account here is connected with the account of {name} that you used.",
                "If you have an account here, sign in as you usually do, and connect {name} on your account page.",
            ],
        ),
        OpenIdError::NoAddress => (
            StatusCode::FORBIDDEN,
            "address_not_taken",
            "You cannot sign in here with that account",
            &[
                "To make an account here, {name} has to name an e-mail address of yours that may be used here, and it named none.",
            ],
        ),
        OpenIdError::Taken => (
            StatusCode::CONFLICT,
            "address_taken",
            "Your address has an account here already",
            &["Sign in as you usually do, then connect {name} on your account page."],
        ),
        OpenIdError::ConnectedElsewhere => (
            StatusCode::CONFLICT,
            "connected_elsewhere",
            "Somebody else has connected that account",
            &["An account of {name} signs in to one account here. Nothing was changed."],
        ),
        OpenIdError::HasAnother => (
            StatusCode::CONFLICT,
            "connected_already",
            "You have connected another account",
            &["Disconnect your other account of {name} first. Nothing was changed."],
        ),
        OpenIdError::NotSignedIn => (
            StatusCode::FORBIDDEN,
            "not_signed_in",
            "You are not signed in any more",
            &["Nothing was connected. Sign in as you usually do, and connect {name} once more."],
        ),
        _ => (
            StatusCode::BAD_GATEWAY,
            "provider_failed",
            "The other service does not answer as it should",
            &[
                "{name} cannot be reached, or what it says cannot be used. Nobody was signed in, and nothing was changed.",
                "Try again later, or sign in another way.",
            ],
        ),
    }
}

/// Tells the operator what no person can do anything about.
fn warn(error: &OpenIdError, provider: &OpenIdProvider) {
    let provider = provider.settings().id.as_str();
    if told(error).0 == StatusCode::BAD_GATEWAY {
        tracing::warn!(provider, %error, "a sign-in failed at its provider");
    }
}

/// A parameter that is there once.
fn only<'a>(query: &'a Fields, name: &str) -> Option<&'a str> {
    let mut all = query.all(name);
    all.next().filter(|_| all.next().is_none())
}

/// The cookie that an answer has to come with. Lax, because the way back begins at another site.
fn flow_cookie(app: &App, secret: &FlowSecret) -> Cookie<'static> {
    let seconds = i64::try_from(FLOW_LIFETIME.as_secs()).unwrap_or(0);
    Cookie::build((cookie_name(app), secret.expose()))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(app.is_https())
        .max_age(time::Duration::seconds(seconds))
        .build()
}

/// The same cookie without a value, for the jar to remove.
fn removal(app: &App) -> Cookie<'static> {
    Cookie::build(cookie_name(app))
        .path("/")
        .secure(app.is_https())
        .build()
}

fn cookie_name(app: &App) -> &'static str {
    if app.is_https() {
        "__Host-procura_openid"
    } else {
        "procura_openid"
    }
}

#[derive(Template)]
#[template(path = "leaving.html")]
struct LeavingPage<'a> {
    shell: Shell,
    name: &'a str,
    url: &'a str,
}
