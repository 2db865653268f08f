//! Queries and form bodies as lists of names and values, in which nothing can be malformed.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use url::form_urlencoded;

use super::notice::Notice;

/// Names and values, in the order they were sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    pub(super) fn parse(encoded: &[u8]) -> Self {
        Self(form_urlencoded::parse(encoded).into_owned().collect())
    }

    /// The first value of this name; empty when there is none.
    pub(super) fn text(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default()
    }

    /// All values of this name.
    pub(super) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// The query of the address.
#[derive(Debug)]
pub(super) struct Query(pub(super) Fields);

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(Fields::parse(
            parts.uri.query().unwrap_or_default().as_bytes(),
        )))
    }
}

/// A form that was sent.
#[derive(Debug)]
pub(super) struct Form(pub(super) Fields);

impl<S: Sync> FromRequest<S> for Form {
    type Rejection = Notice;

    async fn from_request(request: Request, _: &S) -> Result<Self, Notice> {
        if !is_form(&request) {
            return Err(Notice::unreadable_form());
        }
        match tokio::time::timeout(MAX_WAIT, to_bytes(request.into_body(), MAX_BODY)).await {
            Ok(Ok(bytes)) => Ok(Self(Fields::parse(&bytes))),
            Ok(Err(_)) => Err(Notice::form_too_large()),
            Err(_) => Err(Notice::unreadable_form()),
        }
    }
}

fn is_form(request: &Request) -> bool {
    let content_type = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = content_type.map(|value| value.split(';').next().unwrap_or(value).trim());
    essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

/// The largest form, in bytes. A decision on a hundred capabilities with bounds on each takes half of it.
const MAX_BODY: usize = 128 * 1024;
/// How long a form may take to arrive.
const MAX_WAIT: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_name_in_the_order_they_were_sent() {
        let fields = Fields::parse(b"item=a&reason=too+much%21&item=b&bad=%zz&lone");
        assert_eq!(fields.all("item").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(fields.text("item"), "a");
        assert_eq!(fields.text("reason"), "too much!");
        assert_eq!(fields.text("bad"), "%zz");
        assert_eq!(fields.text("lone"), "");
        assert_eq!(fields.text("absent"), "");
    }
}
