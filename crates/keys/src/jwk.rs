//! Ed25519 public keys as JWKs (RFC 8037): `{"kty": "OKP", "crv": "Ed25519", "x": …}`.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::{Value, json};

use crate::digest::{from_base64url, to_base64url};
use crate::key::{KeyError, PublicKey};
use crate::thumbprint::Thumbprint;

/// A public JWK as it was presented: the key and the name its holder gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicJwk {
    /// The key itself.
    pub key: PublicKey,
    /// The holder's name for the key. It never identifies anybody: only the thumbprint does.
    pub kid: Option<String>,
}

impl PublicJwk {
    /// Reads a JWK. Members other than `kty`, `crv`, `x`, `d` and `kid` are ignored.
    pub fn parse(value: &Value) -> Result<Self, JwkError> {
        let members = value.as_object().ok_or(JwkError::NotAnObject)?;
        let text = |name| members.get(name).and_then(Value::as_str);
        let kty = text("kty").ok_or(JwkError::MissingMember("kty"))?;
        if kty != "OKP" {
            return Err(JwkError::UnsupportedType(clip(kty)));
        }
        let crv = text("crv").ok_or(JwkError::MissingMember("crv"))?;
        if crv != "Ed25519" {
            return Err(JwkError::UnsupportedType(clip(crv)));
        }
        if members.contains_key("d") {
            return Err(JwkError::PrivateMember);
        }
        let x = text("x").ok_or(JwkError::MissingMember("x"))?;
        let bytes = from_base64url(x).ok_or(JwkError::BadEncoding)?;
        let kid = match members.get("kid") {
            None | Some(Value::Null) => None,
            Some(Value::String(kid)) if kid.len() <= MAX_KID => Some(kid.clone()),
            Some(_) => return Err(JwkError::BadKid),
        };
        Ok(Self {
            key: PublicKey::from_bytes(&bytes)?,
            kid,
        })
    }

    /// The JWK of `key` named by its thumbprint, which deployed servers need to find the host again.
    pub fn named_by_thumbprint(key: &PublicKey) -> Self {
        Self {
            key: key.clone(),
            kid: Some(Thumbprint::of(key).into()),
        }
    }

    /// The wire form.
    pub fn to_value(&self) -> Value {
        let mut value =
            json!({ "kty": "OKP", "crv": "Ed25519", "x": to_base64url(self.key.as_bytes()) });
        if let Some(kid) = &self.kid {
            value["kid"] = json!(kid);
        }
        value
    }
}

impl Serialize for PublicJwk {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_value().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PublicJwk {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// Why a value is not a usable public JWK.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwkError {
    /// Not a JSON object.
    #[error("a JWK is a JSON object")]
    NotAnObject,
    /// A required member is absent or not a string.
    #[error("the JWK lacks the string member {0:?}")]
    MissingMember(&'static str),
    /// Another key type or curve.
    #[error("key type {0:?} is not supported; use kty OKP with crv Ed25519")]
    UnsupportedType(String),
    /// The private half was sent.
    #[error("the JWK carries the private member \"d\"; send the public key only")]
    PrivateMember,
    /// `x` is not base64url.
    #[error("the JWK member \"x\" is not base64url without padding")]
    BadEncoding,
    /// `kid` is not a short string.
    #[error("the JWK member \"kid\" is not a string of at most 256 bytes")]
    BadKid,
    /// The bytes are not an acceptable key.
    #[error(transparent)]
    Key(#[from] KeyError),
}

pub(crate) const MAX_KID: usize = 256;

/// Enough of a foreign text to recognise it by.
pub(crate) fn clip(text: &str) -> String {
    text.chars().take(32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    #[test]
    fn parse_and_print_round_trip() {
        let value = json!({ "kty": "OKP", "crv": "Ed25519", "x": X, "kid": "k1" });
        assert_eq!(PublicJwk::parse(&value).unwrap().to_value(), value);
    }

    #[test]
    fn every_defect_is_named() {
        let cases = [
            (json!("x"), JwkError::NotAnObject),
            (
                json!({ "crv": "Ed25519", "x": X }),
                JwkError::MissingMember("kty"),
            ),
            (
                json!({ "kty": "OKP", "crv": "Ed25519" }),
                JwkError::MissingMember("x"),
            ),
            (
                json!({ "kty": "EC", "crv": "P-256" }),
                JwkError::UnsupportedType("EC".into()),
            ),
            (
                json!({ "kty": "OKP", "crv": "X25519" }),
                JwkError::UnsupportedType("X25519".into()),
            ),
            (
                json!({ "kty": "OKP", "crv": "Ed25519", "x": X, "d": X }),
                JwkError::PrivateMember,
            ),
            (
                json!({ "kty": "OKP", "crv": "Ed25519", "x": "=" }),
                JwkError::BadEncoding,
            ),
            (
                json!({ "kty": "OKP", "crv": "Ed25519", "x": "AAAA" }),
                KeyError::WrongLength.into(),
            ),
            (
                json!({ "kty": "OKP", "crv": "Ed25519", "x": "A".repeat(43) }),
                KeyError::Weak.into(),
            ),
            (
                json!({ "kty": "OKP", "crv": "Ed25519", "x": X, "kid": 7 }),
                JwkError::BadKid,
            ),
        ];
        for (value, error) in cases {
            assert_eq!(PublicJwk::parse(&value), Err(error), "{value}");
        }
    }
}
