//! Key types that new hosts and agents may register with (§4.1). There is one today. An operator may take it off
//! the list, which turns new registrations away and leaves those there are as they were (§8.16).

use procura_keys::jwk::JwkError;
use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;

/// A key type, by its name in the discovery document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// Signatures on Curve25519 (RFC 8037).
    Ed25519,
}

impl Algorithm {
    /// Every key type this crate knows.
    pub const ALL: [Self; 1] = [Self::Ed25519];

    /// The name in the discovery document.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ed25519 => "Ed25519",
        }
    }

    /// Refuses a new registration with a key of this type unless the type is among those `accepted`.
    pub fn require_among(self, accepted: &[Self]) -> Result<(), Refusal> {
        if accepted.contains(&self) {
            Ok(())
        } else {
            let name = self.as_str().to_owned();
            Err(Refusal::UnsupportedAlgorithm(JwkError::UnsupportedType(
                name,
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // AA-4.1-07
    #[test]
    fn only_accepted_key_types_may_be_registered() {
        let ed25519 = Algorithm::Ed25519;
        assert_eq!(ed25519.require_among(&Algorithm::ALL), Ok(()));
        let refusal = ed25519.require_among(&[]).unwrap_err();
        assert_eq!(refusal.code_and_status(), ("unsupported_algorithm", 400));
    }
}
