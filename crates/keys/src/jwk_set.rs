//! JWK sets (RFC 7517 §5), judged member by member before any key is used (AAP §8.12).
//!
//! One bad member spoils the set: whoever publishes a symmetric or a private key has lost control of it, and
//! a server that picks the good ones would hide that. Keys of other algorithms are fine and of no use here.

use serde_json::{Map, Value};

use crate::digest::from_base64url;
use crate::json::parse_strict;
use crate::jwk::{JwkError, MAX_KID, PublicJwk, clip};
use crate::key::PublicKey;
use crate::thumbprint::Thumbprint;

/// The usable keys of a set: those of Ed25519 that are meant for signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwkSet {
    keys: Vec<NamedKey>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct NamedKey {
    kid: Option<String>,
    thumbprint: Thumbprint,
    key: PublicKey,
}

/// How a key of a set is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyName<'a> {
    /// By the `kid` its holder gave it.
    Kid(&'a str),
    /// By its thumbprint, whatever its `kid`.
    Thumbprint(&'a str),
    /// By both: the key that has this `kid` now, which may have named another key before.
    Both {
        /// The `kid`.
        kid: &'a str,
        /// The thumbprint.
        thumbprint: &'a str,
    },
}

impl JwkSet {
    /// Reads a set and refuses it whole if any of its members breaks a rule.
    pub fn parse(bytes: &[u8]) -> Result<Self, JwkSetError> {
        let document = parse_strict(bytes).map_err(|_| JwkSetError::NotJson)?;
        let members = document
            .get("keys")
            .and_then(Value::as_array)
            .ok_or(JwkSetError::NotASet)?;
        match members.len() {
            0 => return Err(JwkSetError::Empty),
            1..=MAX_KEYS => {}
            _ => return Err(JwkSetError::TooManyKeys),
        }
        let mut kids = Vec::new();
        let mut keys = Vec::new();
        for (index, member) in members.iter().enumerate() {
            let judged = judge(member).map_err(|defect| JwkSetError::Member { index, defect })?;
            if judged.kid.is_some() && kids.contains(&judged.kid) {
                return Err(JwkSetError::RepeatedKid { index });
            }
            kids.push(judged.kid.clone());
            keys.extend(judged.usable());
        }
        Ok(Self { keys })
    }

    /// The usable key of this name.
    pub fn find(&self, name: KeyName<'_>) -> Option<&PublicKey> {
        let named = self.keys.iter().find(|named| match name {
            KeyName::Kid(kid) => named.kid.as_deref() == Some(kid),
            KeyName::Thumbprint(thumbprint) => named.thumbprint.as_str() == thumbprint,
            KeyName::Both { kid, thumbprint } => {
                named.kid.as_deref() == Some(kid) && named.thumbprint.as_str() == thumbprint
            }
        });
        named.map(|named| &named.key)
    }
}

/// A member that keeps the rules.
struct Judged {
    kid: Option<String>,
    key: Option<PublicKey>,
}

impl Judged {
    fn usable(self) -> Option<NamedKey> {
        self.key.map(|key| NamedKey {
            kid: self.kid,
            thumbprint: Thumbprint::of(&key),
            key,
        })
    }
}

fn judge(member: &Value) -> Result<Judged, MemberDefect> {
    let members = member.as_object().ok_or(JwkError::NotAnObject)?;
    let kty = text(members, "kty")?;
    let required: &[&'static str] = match kty {
        "RSA" => &["n", "e"],
        "EC" => &["x", "y"],
        "OKP" => &["x"],
        "oct" => return Err(MemberDefect::Symmetric),
        other => return Err(JwkError::UnsupportedType(clip(other)).into()),
    };
    if kty != "RSA" {
        text(members, "crv")?;
    }
    for name in required {
        let value = text(members, name)?;
        if value.is_empty() || from_base64url(value).is_none() {
            return Err(MemberDefect::BadEncoding(name));
        }
    }
    if members.contains_key("d") {
        return Err(JwkError::PrivateMember.into());
    }
    let is_ed25519 = members.get("crv").and_then(Value::as_str) == Some("Ed25519");
    if kty == "OKP" && is_ed25519 {
        let jwk = PublicJwk::parse(member)?;
        return Ok(Judged {
            kid: jwk.kid,
            key: is_for_signatures(members).then_some(jwk.key),
        });
    }
    Ok(Judged {
        kid: kid(members)?,
        key: None,
    })
}

fn text<'a>(members: &'a Map<String, Value>, name: &'static str) -> Result<&'a str, JwkError> {
    let value = members.get(name).and_then(Value::as_str);
    value.ok_or(JwkError::MissingMember(name))
}

fn kid(members: &Map<String, Value>) -> Result<Option<String>, JwkError> {
    match members.get("kid") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(kid)) if kid.len() <= MAX_KID => Ok(Some(kid.clone())),
        Some(_) => Err(JwkError::BadKid),
    }
}

/// Whether nothing in the key says that it is for something else (RFC 7517 §4.2 to §4.4).
fn is_for_signatures(members: &Map<String, Value>) -> bool {
    let purpose = members.get("use").is_none_or(|purpose| purpose == "sig");
    let algorithm = members
        .get("alg")
        .is_none_or(|name| name == "EdDSA" || name == "Ed25519");
    let operations = members.get("key_ops").is_none_or(|list| {
        list.as_array()
            .is_some_and(|list| list.iter().any(|operation| operation == "verify"))
    });
    purpose && algorithm && operations
}

/// Why a document is not an acceptable set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwkSetError {
    /// Not JSON with distinct members.
    #[error("it is not JSON with distinct members")]
    NotJson,
    /// Not an object with an array `keys`.
    #[error("it is not an object with an array \"keys\"")]
    NotASet,
    /// No key at all.
    #[error("its array \"keys\" is empty")]
    Empty,
    /// More keys than a holder needs.
    #[error("it has more than {MAX_KEYS} keys")]
    TooManyKeys,
    /// Two keys of one name.
    #[error("key {index} has the kid of an earlier one")]
    RepeatedKid {
        /// Its place, counted from 0.
        index: usize,
    },
    /// A key that may not be there.
    #[error("key {index}: {defect}")]
    Member {
        /// Its place, counted from 0.
        index: usize,
        /// What is wrong with it.
        defect: MemberDefect,
    },
}

/// Why a member of a set is not an acceptable key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MemberDefect {
    /// A secret, published.
    #[error("kty \"oct\" is a symmetric key, which has no place in a published set")]
    Symmetric,
    /// A required member is not base64url.
    #[error("its member {0:?} is not base64url without padding")]
    BadEncoding(&'static str),
    /// Not a public key that can be read.
    #[error(transparent)]
    Key(#[from] JwkError),
}

/// The most keys a set may have.
pub const MAX_KEYS: usize = 20;

#[cfg(test)]
mod tests;
