//! How the server proves itself to an upstream. The credential is the server's and no agent ever sees it.

use std::fmt;

use http::{HeaderName, HeaderValue, header};
use zeroize::Zeroizing;

use super::encode::component;
use super::oauth::ClientCredentials;

/// A text that is not shown.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a text.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// What is added to each request.
#[derive(Debug)]
pub enum Credential {
    /// Nothing.
    None,
    /// A header.
    Header {
        /// Its name.
        name: HeaderName,
        /// Its value, marked as sensitive.
        value: HeaderValue,
    },
    /// A pair of the query.
    Query {
        /// Its name.
        name: String,
        /// Its value.
        value: Secret,
    },
    /// A pair of the cookie header.
    Cookie {
        /// Its name.
        name: String,
        /// Its value.
        value: Secret,
    },
    /// An access token, fetched when needed (RFC 6749 §4.4).
    ClientCredentials(Box<ClientCredentials>),
}

/// The secret cannot be sent in a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secret has to consist of visible ASCII characters")]
pub struct NotAHeader;

impl Credential {
    /// `Authorization: Bearer …`.
    pub fn bearer(token: &Secret) -> Result<Self, NotAHeader> {
        let value = Secret::new(format!("Bearer {}", token.expose()));
        Self::header(header::AUTHORIZATION, &value)
    }

    /// `Authorization: Basic …` (RFC 7617).
    pub fn basic(user: &str, password: &Secret) -> Result<Self, NotAHeader> {
        use base64::Engine as _;
        let pair = Zeroizing::new(format!("{user}:{}", password.expose()));
        let encoded = base64::engine::general_purpose::STANDARD.encode(pair.as_bytes());
        Self::header(
            header::AUTHORIZATION,
            &Secret::new(format!("Basic {encoded}")),
        )
    }

    /// Any header.
    pub fn header(name: HeaderName, value: &Secret) -> Result<Self, NotAHeader> {
        let value = sensitive(value.expose()).ok_or(NotAHeader)?;
        Ok(Self::Header { name, value })
    }

    /// Whether this header is the credential's, so that no argument may set it.
    pub fn owns_header(&self, name: &HeaderName) -> bool {
        matches!(self, Self::Header { name: own, .. } if own == name)
    }

    /// Whether this pair of the query is the credential's.
    pub fn owns_query(&self, name: &str) -> bool {
        matches!(self, Self::Query { name: own, .. } if own == name)
    }

    /// Whether this cookie is the credential's.
    pub fn owns_cookie(&self, name: &str) -> bool {
        matches!(self, Self::Cookie { name: own, .. } if own == name)
    }
}

/// A header value that is not shown; nothing when the text cannot be one.
pub(super) fn sensitive(text: &str) -> Option<HeaderValue> {
    let visible = !text.is_empty() && text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    let mut value = HeaderValue::from_str(text).ok().filter(|_| visible)?;
    value.set_sensitive(true);
    Some(value)
}

/// A pair of a query or cookie header.
pub(super) fn pair(name: &str, value: &Secret) -> String {
    format!("{}={}", component(name), component(value.expose()))
}
