//! Who is at the other end of the browser: the session cookie and what it stands for.

use axum::extract::FromRequestParts;
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use http::request::Parts;
use procura_people::session::SessionToken;
use procura_service::people::application::{self, AdmissionError};
use procura_service::people::{self, SignedIn};
use procura_service::{Failure, ServiceError};

use super::notice::Notice;
use crate::app::App;
use crate::people::People;

/// Whoever looks at a page.
#[derive(Debug)]
pub(super) struct Visitor {
    /// What their cookie holds, whether or not it still counts.
    pub(super) token: Option<SessionToken>,
    /// Who they are, when it does.
    pub(super) person: Option<SignedIn>,
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Notice;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Notice> {
        if let Some(people) = &app.people {
            let person = recognize(app, people.as_ref(), parts).await?;
            return Ok(Self {
                token: None,
                person,
            });
        }
        let jar = CookieJar::from_headers(&parts.headers);
        let token = jar
            .get(cookie_name(app))
            .and_then(|cookie| SessionToken::parse(cookie.value()));
        let person = match &token {
            Some(token) => people::session(&app.ctx, token).await?,
            None => None,
        };
        Ok(Self { token, person })
    }
}

/// Whoever the application that embeds the server says it is.
async fn recognize(
    app: &App,
    people: &dyn People,
    parts: &Parts,
) -> Result<Option<SignedIn>, Notice> {
    let visit = match people.identify(parts).await {
        Ok(Some(visit)) => visit,
        Ok(None) => return Ok(None),
        Err(error) => {
            let failure = Failure::Application(format!("{error:#}"));
            return Err(ServiceError::from(failure).into());
        }
    };
    match application::admit(&app.ctx, visit.profile).await {
        Ok(person) => {
            let person =
                application::signed_in(&app.ctx, person, visit.proved_at, visit.can_confirm);
            Ok(Some(person))
        }
        Err(AdmissionError::Failed(error)) => Err(error.into()),
        Err(AdmissionError::Barred) => Err(Notice::barred()),
        Err(AdmissionError::Taken) => Err(Notice::address_taken()),
    }
}

/// The cookie that opens a session. It ends with the browser, and on the server after the session's lifetime.
pub(super) fn cookie(app: &App, token: &SessionToken) -> Cookie<'static> {
    Cookie::build((cookie_name(app), token.expose()))
        .path("/")
        .http_only(true)
        // Lax, because people come here by a link in an app and should not have to sign in for each.
        .same_site(SameSite::Lax)
        .secure(app.is_https())
        .build()
}

/// The same cookie without a value, for the jar to remove.
pub(super) fn removal(app: &App) -> Cookie<'static> {
    Cookie::build(cookie_name(app))
        .path("/")
        .secure(app.is_https())
        .build()
}

/// Browsers take a cookie named `__Host-` only from this very host over https, so that neither a sibling domain
/// nor the network can plant one.
fn cookie_name(app: &App) -> &'static str {
    if app.is_https() {
        "__Host-procura_session"
    } else {
        "procura_session"
    }
}
