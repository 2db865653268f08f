//! Which language a page is in: the one its reader chose, else the best that their browser asks for.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use http::HeaderMap;
use http::header::{ACCEPT_LANGUAGE, REFERER};
use time::Duration;
use url::{Position, Url};

use super::Language;
use crate::app::App;
use crate::web::form::Form;
use crate::web::next::Next;
use crate::web::page::Shell;

/// The language for whoever sends these headers.
pub(in crate::web) fn choose(headers: &HeaderMap) -> Language {
    let jar = CookieJar::from_headers(headers);
    let chosen = jar.get(COOKIE).and_then(|it| Language::parse(it.value()));
    chosen.unwrap_or_else(|| {
        let accepted = headers.get(ACCEPT_LANGUAGE);
        negotiate(
            accepted
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default(),
        )
    })
}

/// The language of ours that the browser prefers (RFC 9110 §12.5.4). `de-CH` is served with `de`.
fn negotiate(accepted: &str) -> Language {
    let ranges = accepted.split(',').take(MAX_RANGES).filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let language = parts.next()?.split('-').next()?;
        let weight = parts
            .find_map(|part| part.strip_prefix("q="))
            .map_or(Some(1.0), |q| q.parse::<f32>().ok())?;
        let language = match language {
            "*" => Language::default(),
            tag => Language::parse(tag)?,
        };
        (weight > 0.0).then_some((language, weight))
    });
    // The first of the heaviest.
    let best = ranges.reduce(|best, next| if next.1 > best.1 { next } else { best });
    best.map(|(language, _)| language).unwrap_or_default()
}

/// `POST /language`: the reader chooses, and comes back to where they were.
pub(in crate::web) async fn set(
    State(app): State<App>,
    headers: HeaderMap,
    jar: CookieJar,
    Form(form): Form,
) -> Response {
    let back = back(&app.ctx.provider().issuer, &headers);
    let home = Shell::new(&app, None);
    let target = back.as_ref().map_or(home.home(), Next::as_str);
    let Some(language) = Language::parse(form.text("language")) else {
        return Redirect::to(target).into_response();
    };
    let cookie = Cookie::build((COOKIE, language.tag()))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(app.is_https())
        .max_age(Duration::days(365));
    (jar.add(cookie), Redirect::to(target)).into_response()
}

/// The page of this server that the form was on, as the browser says.
fn back(issuer: &str, headers: &HeaderMap) -> Option<Next> {
    let own = Url::parse(issuer).ok()?;
    let from = Url::parse(headers.get(REFERER)?.to_str().ok()?).ok()?;
    (from.origin() == own.origin())
        .then(|| Next::parse(&from[Position::BeforePath..Position::AfterQuery]))
        .flatten()
}

/// Says nothing about anybody, so it needs no protection from other programs at this name.
const COOKIE: &str = "procura_language";
/// Browsers send a handful.
const MAX_RANGES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reader_gets_what_their_browser_prefers() {
        for (accepted, expected) in [
            ("", Language::English),
            ("de", Language::German),
            ("de-CH", Language::German),
            ("DE-at", Language::German),
            ("en-GB,en;q=0.9,de;q=0.8", Language::English),
            ("de-DE,de;q=0.9,en-US;q=0.8", Language::German),
            ("fr, de;q=0.4, en;q=0.5", Language::English),
            ("fr, en;q=0.4, de;q=0.5", Language::German),
            ("fr", Language::English),
            ("en;q=0, de;q=0.1", Language::German),
            ("de;q=0", Language::English),
            ("de;q=high, en", Language::English),
            ("*", Language::English),
            (";;;,,,q=1", Language::English),
        ] {
            assert_eq!(negotiate(accepted), expected, "{accepted:?}");
        }
    }

    #[test]
    fn a_choice_of_ones_own_comes_first() {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_LANGUAGE, "en".parse().unwrap());
        headers.insert("cookie", "procura_language=de".parse().unwrap());
        assert_eq!(choose(&headers), Language::German);
        headers.insert("cookie", "procura_language=tlh".parse().unwrap());
        assert_eq!(choose(&headers), Language::English);
    }

    #[test]
    fn the_way_back_stays_on_the_site() {
        let back = |referer: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REFERER, referer.parse().unwrap());
            back("https://bank.example/auth", &headers).map(|next| next.as_str().to_owned())
        };
        let own = "https://bank.example/auth/device?code=WDJB-MJHT#x";
        assert_eq!(back(own).unwrap(), "/auth/device?code=WDJB-MJHT");
        for foreign in [
            "https://evil.example/auth",
            "http://bank.example/auth",
            "https://bank.example:444/auth",
            "https://bank.example//evil.example",
            "nonsense",
        ] {
            assert_eq!(back(foreign), None, "{foreign}");
        }
        assert_eq!(super::back("https://bank.example", &HeaderMap::new()), None);
    }
}
