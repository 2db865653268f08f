//! A cookie for visitors without a session, so that a challenge belongs to one browser.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use http::request::Parts;
use procura_people::challenge::Holder;
use procura_people::session::SessionToken;
use procura_service::people;

use crate::app::App;

/// What the cookie holds, or a fresh one for a browser that has none.
#[derive(Debug)]
pub(super) struct Ticket(SessionToken);

impl FromRequestParts<App> for Ticket {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let jar = CookieJar::from_headers(&parts.headers);
        let held = jar
            .get(cookie_name(app))
            .and_then(|cookie| SessionToken::parse(cookie.value()));
        Ok(Self(held.unwrap_or_else(|| people::new_ticket(&app.ctx))))
    }
}

impl Ticket {
    /// In whose hands challenges are that go with it.
    pub(super) fn holder(&self) -> Holder {
        Holder(self.0.digest())
    }

    /// The cookie. No page of another site can cause a request that carries it.
    pub(super) fn cookie(&self, app: &App) -> Cookie<'static> {
        Cookie::build((cookie_name(app), self.0.expose()))
            .path("/")
            .http_only(true)
            .same_site(SameSite::Strict)
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
}

fn cookie_name(app: &App) -> &'static str {
    if app.is_https() {
        "__Host-procura_ticket"
    } else {
        "procura_ticket"
    }
}
