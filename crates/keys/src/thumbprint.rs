//! Thumbprints of JWKs (RFC 7638) and certificates (RFC 8705 §3.1): names that both sides compute the same way.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::digest::{from_base64url, sha256, to_base64url};
use crate::key::PublicKey;

/// The SHA-256 thumbprint of a key or a certificate, base64url without padding, 43 characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Thumbprint(String);

impl Thumbprint {
    /// The thumbprint of `key`.
    pub fn of(key: &PublicKey) -> Self {
        let x = to_base64url(key.as_bytes());
        let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        Self(to_base64url(&sha256(canonical.as_bytes())))
    }

    /// The thumbprint of a P-256 key with these coordinates.
    pub(crate) fn of_p256(x: &[u8], y: &[u8]) -> Self {
        let (x, y) = (to_base64url(x), to_base64url(y));
        let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        Self(to_base64url(&sha256(canonical.as_bytes())))
    }

    /// The thumbprint `x5t#S256` of an X.509 certificate in DER.
    pub fn of_certificate(der: &[u8]) -> Self {
        Self(to_base64url(&sha256(der)))
    }

    /// The 43 characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Thumbprint> for String {
    fn from(thumbprint: Thumbprint) -> Self {
        thumbprint.0
    }
}

impl TryFrom<String> for Thumbprint {
    type Error = NotAThumbprint;

    fn try_from(text: String) -> Result<Self, NotAThumbprint> {
        match from_base64url(&text) {
            Some(bytes) if bytes.len() == 32 => Ok(Self(text)),
            _ => Err(NotAThumbprint),
        }
    }
}

/// The text is not a SHA-256 thumbprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a thumbprint is 32 bytes in base64url without padding")]
pub struct NotAThumbprint;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_8037_appendix_a3_example() {
        let x = from_base64url("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        let thumbprint = Thumbprint::of(&PublicKey::from_bytes(&x).unwrap());
        assert_eq!(
            thumbprint.as_str(),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
        );
    }

    #[test]
    fn other_texts_are_not_thumbprints() {
        for text in ["", "abc", "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k="] {
            assert_eq!(Thumbprint::try_from(text.to_owned()), Err(NotAThumbprint));
        }
    }
}
