//! Links that let somebody in once: the first administrator, and whoever an administrator invites.

use std::fmt;
use std::time::Duration;

use procura_keys::clock::Timestamp;
use procura_keys::digest::{from_base64url, sha256, to_base64url};

use crate::person::Email;

/// A link that was handed out and not used yet. The secret in it is not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// SHA-256 of the secret.
    pub token_digest: [u8; 32],
    /// Who is invited. Whoever has an account already adds a passkey to it; without an address the holder of the
    /// link chooses one, as the first administrator does.
    pub email: Option<Email>,
    /// Whether the account is an administrator's.
    pub administrator: bool,
    /// When the link was made.
    pub created_at: Timestamp,
    /// When it can no longer be used.
    pub expires_at: Timestamp,
}

impl Invitation {
    /// Whether the link still works at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }
}

/// The secret in a link: 32 random bytes. It prints as nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct InvitationToken([u8; 32]);

impl InvitationToken {
    /// A token of these random bytes.
    pub fn new(random: [u8; 32]) -> Self {
        Self(random)
    }

    /// Reads what stands in a link.
    pub fn parse(text: &str) -> Option<Self> {
        from_base64url(text)?.try_into().ok().map(Self)
    }

    /// What stands in the link.
    pub fn expose(&self) -> String {
        to_base64url(&self.0)
    }

    /// Under what it is stored.
    pub fn digest(&self) -> [u8; 32] {
        sha256(&self.0)
    }
}

impl fmt::Debug for InvitationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InvitationToken(…)")
    }
}

/// How long the link for the first administrator works.
pub const SETUP_LIFETIME: Duration = Duration::from_hours(1);
/// How long an invitation works.
pub const INVITATION_LIFETIME: Duration = Duration::from_hours(3 * 24);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_and_does_not_show() {
        let token = InvitationToken::new([9; 32]);
        assert_eq!(InvitationToken::parse(&token.expose()), Some(token.clone()));
        assert_eq!(format!("{token:?}"), "InvitationToken(…)");
        assert_eq!(InvitationToken::parse("AAAA"), None);
    }
}
