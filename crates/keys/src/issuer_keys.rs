//! The keys by which an OpenID provider signs, as it publishes them (RFC 7517 §5): RS256, ES256 and Ed25519.
//!
//! Providers publish keys for encryption and of newer kinds beside them. Those are passed over; a secret among
//! them spoils the set, because whoever publishes one has lost control of it.

use std::fmt;

use serde_json::Value;

use crate::digest::from_base64url;
use crate::json::parse_strict;
use crate::jwk_set::MAX_KEYS;
use crate::jwt::Unverified;
use crate::rsa::RsaKey;
use crate::verifying_key::{PRIVATE, VerifyingKey};

/// The algorithms that are verified, as JWS names them.
pub const ALGORITHMS: [&str; 4] = ["RS256", "ES256", "EdDSA", "Ed25519"];

/// The usable keys of a provider.
#[derive(Clone)]
pub struct IssuerKeys {
    keys: Vec<IssuerKey>,
}

/// What a set of keys says about a token's signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// One of the keys made it.
    Signed,
    /// The key that the token names did not make it.
    Forged,
    /// No key of this name and algorithm is in the set: it may be older than the key.
    UnknownKey,
}

impl IssuerKeys {
    /// Reads a set of at most [`MAX_KEYS`] keys.
    pub fn parse(bytes: &[u8]) -> Result<Self, IssuerKeysError> {
        let document = parse_strict(bytes).map_err(|_| IssuerKeysError::NotASet)?;
        let members = document.get("keys").and_then(Value::as_array);
        let members = members.ok_or(IssuerKeysError::NotASet)?;
        if members.len() > MAX_KEYS {
            return Err(IssuerKeysError::TooManyKeys);
        }
        if members.iter().any(is_secret) {
            return Err(IssuerKeysError::Secret);
        }
        let keys: Vec<_> = members.iter().filter_map(IssuerKey::parse).collect();
        if keys.is_empty() {
            return Err(IssuerKeysError::NoUsableKey);
        }
        Ok(Self { keys })
    }

    /// Judges a token's signature. A token without a `kid` may be signed by any key of its algorithm, and by one
    /// that is not in the set yet.
    pub fn judge(&self, token: &Unverified<'_>) -> Verdict {
        let mut fitting = self.keys.iter().filter(|key| key.may_sign(token));
        let names_one = token.kid.is_some() && fitting.clone().next().is_some();
        if fitting.any(|key| key.signed(token)) {
            Verdict::Signed
        } else if names_one {
            Verdict::Forged
        } else {
            Verdict::UnknownKey
        }
    }
}

impl fmt::Debug for IssuerKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kids = self.keys.iter().map(|key| &key.kid);
        f.debug_list().entries(kids).finish()
    }
}

#[derive(Clone)]
struct IssuerKey {
    kid: Option<String>,
    /// The one algorithm that the key says it is for.
    algorithm: Option<String>,
    key: Key,
}

#[derive(Clone)]
enum Key {
    Rs256(RsaKey),
    Elliptic(Box<VerifyingKey>),
}

impl IssuerKey {
    /// `None` for a key that is for something else or cannot be used here.
    fn parse(jwk: &Value) -> Option<Self> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let is_for_signatures = jwk.get("use").is_none_or(|purpose| purpose == "sig")
            && jwk.get("key_ops").is_none_or(lists_verify);
        if !is_for_signatures {
            return None;
        }
        let key = if text("kty") == Some("RSA") {
            let (n, e) = (from_base64url(text("n")?)?, from_base64url(text("e")?)?);
            Key::Rs256(RsaKey::new(&n, &e)?)
        } else {
            Key::Elliptic(Box::new(VerifyingKey::parse(jwk).ok()?))
        };
        Some(Self {
            kid: text("kid").map(str::to_owned),
            algorithm: text("alg").map(str::to_owned),
            key,
        })
    }

    fn may_sign(&self, token: &Unverified<'_>) -> bool {
        let named = token.kid.is_none() || token.kid == self.kid;
        let meant = self.algorithm.as_deref();
        let fits = match &self.key {
            Key::Rs256(_) => token.algorithm == "RS256",
            Key::Elliptic(key) => key.fits(token.algorithm),
        };
        named && fits && meant.is_none_or(|meant| meant == token.algorithm)
    }

    fn signed(&self, token: &Unverified<'_>) -> bool {
        match &self.key {
            Key::Rs256(key) => token.is_signed_by_rsa(key),
            Key::Elliptic(key) => token.is_signed_by_any(key),
        }
    }
}

fn lists_verify(operations: &Value) -> bool {
    let operations = operations.as_array();
    operations.is_some_and(|list| list.iter().any(|one| one == "verify"))
}

fn is_secret(jwk: &Value) -> bool {
    jwk.get("kty").is_some_and(|kty| kty == "oct")
        || PRIVATE.iter().any(|name| jwk.get(*name).is_some())
}

/// Why a document holds no keys to verify by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssuerKeysError {
    /// Not JSON with distinct members, or without an array `keys`.
    #[error("it is not an object with an array \"keys\"")]
    NotASet,
    /// More keys than a provider needs.
    #[error("it has more than {MAX_KEYS} keys")]
    TooManyKeys,
    /// A private or symmetric key, published.
    #[error("it publishes a private or symmetric key")]
    Secret,
    /// Nothing to verify by.
    #[error("it has no key for RS256, ES256 or Ed25519")]
    NoUsableKey,
}

#[cfg(test)]
mod tests;
