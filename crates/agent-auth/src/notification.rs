//! The secret part of a notification URL (§10.10.2): whoever has the URL learns how the agent stands, so it is drawn
//! at random and only its digest is kept.

use std::fmt;

use procura_keys::digest::{from_base64url, sha256, to_base64url};

/// 32 random bytes. It prints as nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct NotificationToken([u8; 32]);

impl NotificationToken {
    /// A token of these random bytes.
    pub fn new(random: [u8; 32]) -> Self {
        Self(random)
    }

    /// Reads what stands in a URL.
    pub fn parse(text: &str) -> Option<Self> {
        from_base64url(text)?.try_into().ok().map(Self)
    }

    /// What stands in the URL.
    pub fn expose(&self) -> String {
        to_base64url(&self.0)
    }

    /// Under what it is stored.
    pub fn digest(&self) -> [u8; 32] {
        sha256(&self.0)
    }
}

impl fmt::Debug for NotificationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NotificationToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // AA-10.10.2-01
    #[test]
    fn a_token_reads_back_and_does_not_show() {
        let token = NotificationToken::new([9; 32]);
        let read = NotificationToken::parse(&token.expose());
        assert_eq!(read.as_ref(), Some(&token));
        assert_eq!(format!("{token:?}"), "NotificationToken(…)");
        for text in ["", "AAAA", "not base64!"] {
            assert_eq!(NotificationToken::parse(text), None);
        }
    }
}
