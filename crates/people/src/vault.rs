//! What a person has entrusted to this server, so that it can act for them at a service: kept sealed, each secret under
//! a key of its own.

use std::fmt;

use procura_keys::clock::Timestamp;

use crate::person::PersonId;

/// A secret of a person for a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultEntry {
    /// Whose it is.
    pub person_id: PersonId,
    /// The name that the configuration gives the service.
    pub service: String,
    /// The secret.
    pub secret: SealedSecret,
    /// When it was entrusted.
    pub created_at: Timestamp,
}

/// A secret under a key of its own, which is sealed as well. It prints as nothing but the name of a key.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedSecret {
    /// Which key the key of the secret is sealed under.
    pub key_id: String,
    /// The key of the secret, sealed.
    pub wrapped_key: Vec<u8>,
    /// The secret, sealed.
    pub ciphertext: Vec<u8>,
}

impl fmt::Debug for SealedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedSecret(under {})", self.key_id)
    }
}

/// What the secret of a person for a service is bound to. No other pair has the same.
pub fn binding(person: &PersonId, service: &str) -> Vec<u8> {
    let person = person.0.as_bytes();
    let length = u64::try_from(person.len()).unwrap_or(u64::MAX);
    [
        b"procura vault 1".as_slice(),
        &length.to_be_bytes(),
        person,
        service.as_bytes(),
    ]
    .concat()
}

/// Judges what a person typed as a secret: blanks around it came with copying, and what is left has to fit a header.
pub fn judge_secret(typed: &str) -> Result<&str, BadSecret> {
    let secret = typed.trim();
    if secret.is_empty() {
        return Err(BadSecret::Empty);
    }
    if secret.len() > MAX_SECRET {
        return Err(BadSecret::TooLong);
    }
    let visible = secret.bytes().all(|byte| byte.is_ascii_graphic());
    visible.then_some(secret).ok_or(BadSecret::Characters)
}

/// Why what was typed is no secret. None of it is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSecret {
    /// There is nothing.
    #[error("There is no key. Paste the one that the service gave you.")]
    Empty,
    /// It is too long.
    #[error("This is too long for a key.")]
    TooLong,
    /// It cannot be sent.
    #[error("A key has no blanks and no special characters. Perhaps more was copied than the key.")]
    Characters,
}

/// In bytes.
const MAX_SECRET: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_has_its_own_binding() {
        let of = |person: &str, service: &str| binding(&PersonId(person.to_owned()), service);
        assert_ne!(of("usr_1", "2shop"), of("usr_12", "shop"));
        assert_ne!(of("usr_1", "shop"), of("usr_2", "shop"));
        assert_ne!(of("usr_1", "shop"), of("usr_1", "bank"));
    }

    #[test]
    fn a_secret_is_what_a_header_can_hold() {
        let long = "x".repeat(MAX_SECRET);
        for (typed, judged) in [
            (" sk_live_1\r\n", Ok("sk_live_1")),
            (&long, Ok(long.as_str())),
            ("", Err(BadSecret::Empty)),
            (" \t ", Err(BadSecret::Empty)),
            (&format!("{long}x"), Err(BadSecret::TooLong)),
            ("a b", Err(BadSecret::Characters)),
            ("a\r\nHost: b", Err(BadSecret::Characters)),
            ("ü", Err(BadSecret::Characters)),
        ] {
            assert_eq!(judge_secret(typed), judged);
        }
    }

    #[test]
    fn a_sealed_secret_does_not_print() {
        let secret = SealedSecret {
            key_id: "2026".to_owned(),
            wrapped_key: vec![77],
            ciphertext: vec![88],
        };
        assert_eq!(format!("{secret:?}"), "SealedSecret(under 2026)");
    }
}
