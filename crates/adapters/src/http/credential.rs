//! How the server proves itself to an upstream. The credential is the server's, or that of the person an agent acts for,
//! and no agent ever sees it.

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
    /// What the person has entrusted to the server for this service.
    Person(PersonCredential),
}

/// A credential that each person has one of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonCredential {
    /// The service, as the vault knows it.
    pub service: String,
    /// Where it goes.
    pub place: PersonPlace,
}

/// Where the secret of a person goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PersonPlace {
    /// `Authorization: Bearer …`.
    Bearer,
    /// This header.
    Header(HeaderName),
    /// This pair of the query.
    Query(String),
    /// This pair of the cookie header.
    Cookie(String),
}

impl PersonPlace {
    /// The credential of the person whose secret this is.
    pub fn filled(&self, secret: Secret) -> Result<Credential, NotAHeader> {
        Ok(match self {
            Self::Bearer => Credential::bearer(&secret)?,
            Self::Header(name) => Credential::header(name.clone(), &secret)?,
            Self::Query(name) => Credential::Query {
                name: name.clone(),
                value: secret,
            },
            Self::Cookie(name) => Credential::Cookie {
                name: name.clone(),
                value: secret,
            },
        })
    }
}

/// Where a credential goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place<'c> {
    Header(&'c HeaderName),
    /// A pair of the query.
    Query(&'c str),
    Cookie(&'c str),
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

    /// Where it goes, unless that is the header `Authorization`, which is nobody else's anyway.
    pub(super) fn place(&self) -> Option<Place<'_>> {
        let person = match self {
            Self::Person(person) => Some(&person.place),
            _ => None,
        };
        match (self, person) {
            (Self::Header { name, .. }, _) | (_, Some(PersonPlace::Header(name))) => {
                Some(Place::Header(name))
            }
            (Self::Query { name, .. }, _) | (_, Some(PersonPlace::Query(name))) => {
                Some(Place::Query(name))
            }
            (Self::Cookie { name, .. }, _) | (_, Some(PersonPlace::Cookie(name))) => {
                Some(Place::Cookie(name))
            }
            _ => None,
        }
    }

    /// Whether this header is the credential's, so that no argument may set it.
    pub fn owns_header(&self, name: &HeaderName) -> bool {
        self.place() == Some(Place::Header(name))
    }

    /// Whether this pair of the query is the credential's.
    pub fn owns_query(&self, name: &str) -> bool {
        self.place() == Some(Place::Query(name))
    }

    /// Whether this cookie is the credential's.
    pub fn owns_cookie(&self, name: &str) -> bool {
        self.place() == Some(Place::Cookie(name))
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
