//! Persons with an account on this server.

use std::fmt;

use procura_keys::clock::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Builder;

use crate::password::PasswordHash;

/// A person record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Their identifier.
    pub id: PersonId,
    /// Where they sign in with.
    pub email: Email,
    /// How pages address them.
    pub name: String,
    /// Their password, if they have one.
    pub password: Option<PasswordHash>,
    /// Whether they look after the server: see everybody's agents, and can stop them.
    pub administrator: bool,
    /// Whether they may no longer sign in.
    pub disabled: bool,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When the record last changed.
    pub updated_at: Timestamp,
}

/// Names a person: `usr_` and a UUIDv7, or what an application that embeds the server calls them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PersonId(pub String);

impl PersonId {
    /// A new identifier from the present time and ten random bytes.
    pub fn new(now: Timestamp, random: [u8; 10]) -> Self {
        let millis = u64::try_from(now.as_millis()).unwrap_or(0);
        let uuid = Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
        Self(format!("usr_{}", uuid.simple()))
    }

    /// The identifier that an application has for somebody: 1 to 128 visible ASCII characters without an `@`, so that
    /// it is never taken for an address.
    pub fn of_application(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'@';
        let fits = (1..=MAX_ID).contains(&text.len()) && text.bytes().all(plain);
        fits.then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An e-mail address as an account name: trimmed, in lower case, at most 254 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

impl Email {
    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Email {
    type Error = NotAnEmail;

    fn try_from(text: String) -> Result<Self, NotAnEmail> {
        let text = text.trim().to_lowercase();
        let (local, domain) = text.rsplit_once('@').ok_or(NotAnEmail)?;
        let plain = |part: &str| {
            !part.is_empty()
                && !part
                    .chars()
                    .any(|c| c.is_control() || c.is_whitespace() || "<>\"(),;:\\@".contains(c))
        };
        if plain(local) && plain(domain) && text.len() <= MAX_EMAIL {
            Ok(Self(text))
        } else {
            Err(NotAnEmail)
        }
    }
}

impl std::str::FromStr for Email {
    type Err = NotAnEmail;

    fn from_str(text: &str) -> Result<Self, NotAnEmail> {
        Self::try_from(text.to_owned())
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is not an e-mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an e-mail address such as alice@example.com")]
pub struct NotAnEmail;

const MAX_EMAIL: usize = 254;
const MAX_ID: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_of_an_application_are_short_and_plain() {
        for text in ["1", "u-42", "auth0|5f7c", &"x".repeat(MAX_ID)] {
            assert_eq!(
                PersonId::of_application(text),
                Some(PersonId(text.to_owned()))
            );
        }
        let long = "x".repeat(MAX_ID + 1);
        for text in ["", &long, "a b", "a\nb", "é", "alice@example.com"] {
            assert_eq!(PersonId::of_application(text), None, "{text:?}");
        }
    }

    #[test]
    fn addresses_compare_without_case_and_surrounding_blanks() {
        let email = |text: &str| text.parse::<Email>();
        assert_eq!(email(" Alice@Example.com "), email("alice@example.com"));
        for text in [
            "",
            "alice",
            "@example.com",
            "alice@",
            "a b@example.com",
            "a@b@c",
            "<a>@b",
            "a\n@b",
        ] {
            assert_eq!(email(text), Err(NotAnEmail), "{text:?}");
        }
    }
}
