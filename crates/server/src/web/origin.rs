//! Forms are taken from the pages of this server alone.
//!
//! The layer of tower-http judges what a browser says about where a request comes from; it lets a request pass
//! whose `Origin` merely names the host it was sent to. Here the origin has to be the issuer's.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::ORIGIN;
use url::Url;

use super::notice::Notice;
use super::words::say;

/// An origin as browsers write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin(Arc<str>);

impl Origin {
    /// The origin of the pages.
    pub(super) fn of_issuer(issuer: &str) -> Self {
        let origin = Url::parse(issuer).map(|url| url.origin().ascii_serialization());
        // An issuer that is no URL has no origin, and "null" is what browsers say for none: refused below.
        Self(origin.unwrap_or_default().into())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Refuses what changes something and comes from another origin.
pub(super) async fn require_own(
    State(own): State<Origin>,
    request: Request,
    next: Next,
) -> Response {
    let foreign = request
        .headers()
        .get_all(ORIGIN)
        .iter()
        .any(|origin| origin.as_bytes() != own.0.as_bytes());
    if foreign && !request.method().is_safe() {
        let hint = say("The address of this server is {address}.").with("address", own.as_str());
        return Notice::cross_site().say(hint).into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_is_written_as_browsers_write_it() {
        let cases = [
            ("https://bank.example", "https://bank.example"),
            ("https://bank.example/auth", "https://bank.example"),
            ("https://Bank.example:443", "https://bank.example"),
            ("http://127.0.0.1:8787", "http://127.0.0.1:8787"),
        ];
        for (issuer, origin) in cases {
            assert_eq!(Origin::of_issuer(issuer).as_str(), origin);
        }
    }
}
