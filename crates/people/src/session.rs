//! Sign-in sessions of people in a browser.

use std::fmt;
use std::time::Duration;

use procura_keys::clock::Timestamp;
use procura_keys::digest::{from_base64url, sha256, to_base64url};

use crate::person::PersonId;

/// A session record. The cookie's value itself is not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// SHA-256 of the cookie's value.
    pub token_digest: [u8; 32],
    /// Whose it is.
    pub person_id: PersonId,
    /// When it began.
    pub created_at: Timestamp,
    /// When the person last proved who they are, and how.
    pub proof: crate::presence::Proof,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl Session {
    /// Whether the session still counts at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }
}

/// The value of a session cookie: 32 random bytes. It prints as nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionToken([u8; 32]);

impl SessionToken {
    /// A token of these random bytes.
    pub fn new(random: [u8; 32]) -> Self {
        Self(random)
    }

    /// Reads a cookie's value.
    pub fn parse(text: &str) -> Option<Self> {
        from_base64url(text)?.try_into().ok().map(Self)
    }

    /// The cookie's value.
    pub fn expose(&self) -> String {
        to_base64url(&self.0)
    }

    /// Under what it is stored.
    pub fn digest(&self) -> [u8; 32] {
        sha256(&self.0)
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(…)")
    }
}

/// How long sessions last and how recent a sign-in has to be to decide something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionPolicy {
    /// From sign-in until the session ends.
    pub lifetime: Duration,
    /// How long after a proof it still counts as fresh (§8.11 suggests five minutes).
    pub fresh_for: Duration,
}

impl Default for SessionPolicy {
    fn default() -> Self {
        Self {
            lifetime: Duration::from_hours(12),
            fresh_for: Duration::from_mins(5),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_and_does_not_show() {
        let token = SessionToken::new([9; 32]);
        assert_eq!(SessionToken::parse(&token.expose()), Some(token.clone()));
        assert_eq!(format!("{token:?}"), "SessionToken(…)");
        for text in ["", "AAAA", "not base64!"] {
            assert_eq!(SessionToken::parse(text), None);
        }
    }
}
