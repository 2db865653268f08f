//! Compact JWTs (RFC 7515, RFC 7519), strict: listed algorithms, one spelling, no extensions.
//!
//! Parsing yields an [`Unverified`] token. Its claims are what somebody wrote; only
//! [`Unverified::is_signed_by`] says who.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::digest::{from_base64url, to_base64url};
use crate::json::parse_strict;
use crate::jwk::PublicJwk;
use crate::key::{PublicKey, SigningKey};
use crate::rsa::{MODULUS_BYTES, RsaKey};
use crate::verifying_key::VerifyingKey;

/// What a protocol's tokens look like before anything is known about their signer.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// The only accepted `alg`.
    pub algorithm: &'static str,
    /// The largest accepted token, in bytes.
    pub max_bytes: usize,
}

/// A well-formed token whose signature has not been checked.
#[derive(Clone, Debug)]
pub struct Unverified<'a> {
    /// Header `alg`: one of those asked for.
    pub algorithm: &'static str,
    /// Header `typ`.
    pub typ: Option<String>,
    /// Header `kid`.
    pub kid: Option<String>,
    /// Header `jwk`: the key that the token says it was signed with.
    pub jwk: Option<Value>,
    /// The claims, as written by whoever made the token.
    pub claims: Map<String, Value>,
    signed: &'a str,
    signature: Signature,
}

#[derive(Clone, Debug)]
enum Signature {
    Short([u8; 64]),
    Rsa(Vec<u8>),
}

impl<'a> Unverified<'a> {
    /// Reads a compact token.
    pub fn parse(token: &'a str, form: Form) -> Result<Self, JwtError> {
        Self::parse_any(token, &[form.algorithm], form.max_bytes)
    }

    /// Reads a compact token in any of several algorithms. Their signatures have 64 bytes, those of RS256 256 to 1024.
    pub fn parse_any(
        token: &'a str,
        algorithms: &[&'static str],
        max_bytes: usize,
    ) -> Result<Self, JwtError> {
        if token.len() > max_bytes {
            return Err(JwtError::TooLarge(max_bytes));
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(JwtError::NotCompact)?;
        let (header, payload) = signed.split_once('.').ok_or(JwtError::NotCompact)?;
        if payload.contains('.') {
            return Err(JwtError::NotCompact);
        }
        let mut header = object(header, "header")?;
        let algorithm = algorithm(&header, algorithms)?;
        if header.contains_key("crit") {
            return Err(JwtError::CriticalExtension);
        }
        let signature = from_base64url(signature)
            .and_then(|bytes| Signature::new(algorithm, bytes))
            .ok_or(JwtError::BadSignatureForm)?;
        Ok(Self {
            algorithm,
            typ: text(&mut header, "typ")?,
            kid: text(&mut header, "kid")?,
            jwk: header.remove("jwk"),
            claims: object(payload, "claims")?,
            signed,
            signature,
        })
    }

    /// Whether `key` signed this token.
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        self.is_signed(|message, signature| key.verifies(message, signature))
    }

    /// Whether `key` is one for the token's algorithm and signed this token.
    pub fn is_signed_by_any(&self, key: &VerifyingKey) -> bool {
        key.fits(self.algorithm)
            && self.is_signed(|message, signature| key.verifies(message, signature))
    }

    /// The same for RS256.
    pub(crate) fn is_signed_by_rsa(&self, key: &RsaKey) -> bool {
        matches!(&self.signature, Signature::Rsa(bytes) if key.verifies(self.signed.as_bytes(), bytes))
    }

    fn is_signed(&self, verifies: impl FnOnce(&[u8], &[u8; 64]) -> bool) -> bool {
        matches!(&self.signature, Signature::Short(bytes) if verifies(self.signed.as_bytes(), bytes))
    }
}

impl Signature {
    fn new(algorithm: &str, bytes: Vec<u8>) -> Option<Self> {
        if algorithm == "RS256" {
            return MODULUS_BYTES
                .contains(&bytes.len())
                .then_some(Self::Rsa(bytes));
        }
        bytes.try_into().ok().map(Self::Short)
    }
}

/// What the header of a new token says.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    /// `alg`.
    pub algorithm: &'static str,
    /// `typ`.
    pub typ: &'a str,
    /// `kid`.
    pub kid: Option<&'a str>,
}

/// Signs `claims` and returns the compact token.
pub fn sign(
    header: Header<'_>,
    claims: &impl Serialize,
    key: &SigningKey,
) -> serde_json::Result<String> {
    compact(&members(header), claims, key)
}

/// The same with the public key in the header, for a reader who does not know it.
pub fn sign_showing_key(
    header: Header<'_>,
    claims: &impl Serialize,
    key: &SigningKey,
) -> serde_json::Result<String> {
    let mut members = members(header);
    members["jwk"] = PublicJwk {
        key: key.public().clone(),
        kid: None,
    }
    .to_value();
    compact(&members, claims, key)
}

fn members(header: Header<'_>) -> Value {
    let mut members = json!({ "alg": header.algorithm, "typ": header.typ });
    if let Some(kid) = header.kid {
        members["kid"] = json!(kid);
    }
    members
}

fn compact(
    header: &Value,
    claims: &impl Serialize,
    key: &SigningKey,
) -> serde_json::Result<String> {
    let mut token = to_base64url(&serde_json::to_vec(header)?);
    token.push('.');
    token.push_str(&to_base64url(&serde_json::to_vec(claims)?));
    let signature = key.sign(token.as_bytes());
    token.push('.');
    token.push_str(&to_base64url(&signature));
    Ok(token)
}

/// Why a text is not an acceptable token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// Longer than the form allows.
    #[error("the token is longer than {0} bytes")]
    TooLarge(usize),
    /// Not three parts separated by dots.
    #[error("the token does not have three parts separated by dots")]
    NotCompact,
    /// A part is not base64url of a JSON object with distinct members.
    #[error("the token's {0} are not base64url of a JSON object with distinct members")]
    NotAnObject(&'static str),
    /// `alg` is absent or another one.
    #[error("the token's algorithm is not {0}")]
    WrongAlgorithm(&'static str),
    /// `alg` is absent or none of several.
    #[error("the token's algorithm is none of {0}")]
    NoSuchAlgorithm(String),
    /// The header lists critical extensions, and none is understood.
    #[error("the token lists critical header extensions, and none is supported")]
    CriticalExtension,
    /// A header member that has to be a string is not.
    #[error("the token's header member {0:?} is not a string")]
    NotAString(&'static str),
    /// The signature is not base64url of a length that its algorithm has.
    #[error("the token's signature is not base64url of the length its algorithm has")]
    BadSignatureForm,
}

fn algorithm(
    header: &Map<String, Value>,
    algorithms: &[&'static str],
) -> Result<&'static str, JwtError> {
    let named = header.get("alg").and_then(Value::as_str);
    let found = algorithms.iter().find(|one| named == Some(**one));
    found.copied().ok_or_else(|| match algorithms {
        [only] => JwtError::WrongAlgorithm(only),
        several => JwtError::NoSuchAlgorithm(several.join(", ")),
    })
}

fn object(part: &str, name: &'static str) -> Result<Map<String, Value>, JwtError> {
    let bytes = from_base64url(part).ok_or(JwtError::NotAnObject(name))?;
    match parse_strict(&bytes) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(JwtError::NotAnObject(name)),
    }
}

fn text(members: &mut Map<String, Value>, name: &'static str) -> Result<Option<String>, JwtError> {
    match members.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(JwtError::NotAString(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: Form = Form {
        algorithm: "EdDSA",
        max_bytes: 8192,
    };

    fn key() -> SigningKey {
        SigningKey::from_seed(&[1; 32]).unwrap()
    }

    fn token(header: &Value, claims: &str) -> String {
        let signed = format!(
            "{}.{}",
            to_base64url(header.to_string().as_bytes()),
            to_base64url(claims.as_bytes())
        );
        let signature = to_base64url(&key().sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    fn parse(token: &str) -> Result<Unverified<'_>, JwtError> {
        Unverified::parse(token, FORM)
    }

    #[test]
    fn a_signed_token_reads_back() {
        let header = Header {
            algorithm: "EdDSA",
            typ: "agent+jwt",
            kid: Some("k"),
        };
        let token = sign(header, &json!({ "sub": "agt_1" }), &key()).unwrap();
        let parsed = parse(&token).unwrap();
        assert_eq!(parsed.typ.as_deref(), Some("agent+jwt"));
        assert_eq!(parsed.kid.as_deref(), Some("k"));
        assert_eq!(parsed.claims["sub"], "agt_1");
        assert!(parsed.is_signed_by(key().public()));
        assert!(!parsed.is_signed_by(SigningKey::from_seed(&[2; 32]).unwrap().public()));
    }

    #[test]
    fn a_token_that_shows_its_key_can_be_verified_by_it() {
        let header = Header {
            algorithm: "EdDSA",
            typ: "t",
            kid: None,
        };
        let token = sign_showing_key(header, &json!({ "a": 1 }), &key()).unwrap();
        let parsed = Unverified::parse_any(&token, &["ES256", "EdDSA"], 8192).unwrap();
        let shown = VerifyingKey::parse(parsed.jwk.as_ref().unwrap()).unwrap();
        assert_eq!(parsed.algorithm, "EdDSA");
        assert!(parsed.is_signed_by_any(&shown));
        assert_eq!(
            Unverified::parse_any(&token, &["ES256", "ES384"], 8192).unwrap_err(),
            JwtError::NoSuchAlgorithm("ES256, ES384".into())
        );
    }

    #[test]
    fn other_algorithms_are_refused_even_when_well_signed() {
        for alg in ["none", "HS256", "Ed25519", "eddsa", "RS256", ""] {
            let token = token(&json!({ "alg": alg }), "{}");
            assert_eq!(
                parse(&token).unwrap_err(),
                JwtError::WrongAlgorithm("EdDSA"),
                "{alg}"
            );
        }
    }

    #[test]
    fn malformed_tokens_are_refused() {
        let good = token(&json!({ "alg": "EdDSA" }), "{}");
        let (signed, _) = good.rsplit_once('.').unwrap();
        let cases = [
            (String::new(), JwtError::NotCompact),
            ("a.b".into(), JwtError::NotCompact),
            (format!("{good}.x"), JwtError::NotCompact),
            (format!("{signed}."), JwtError::BadSignatureForm),
            (format!("{good}="), JwtError::BadSignatureForm),
            (
                format!("{good}{}", "A".repeat(9000)),
                JwtError::TooLarge(8192),
            ),
            ("!!!.e30.AA".into(), JwtError::NotAnObject("header")),
            (
                token(&json!({ "alg": "EdDSA" }), "[]"),
                JwtError::NotAnObject("claims"),
            ),
            (
                token(&json!({ "alg": "EdDSA" }), r#"{"a":1,"a":2}"#),
                JwtError::NotAnObject("claims"),
            ),
            (
                token(&json!({ "alg": "EdDSA", "crit": ["b64"] }), "{}"),
                JwtError::CriticalExtension,
            ),
            (
                token(&json!({ "alg": "EdDSA", "typ": 1 }), "{}"),
                JwtError::NotAString("typ"),
            ),
        ];
        for (text, error) in cases {
            assert_eq!(parse(&text).unwrap_err(), error, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_token_with_any_character_changed_never_verifies(at in 0_usize..200, to in "[A-Za-z0-9_-]") {
            let header = Header { algorithm: "EdDSA", typ: "t", kid: None };
            let good = sign(header, &json!({ "sub": "agt_1", "jti": "j" }), &key()).unwrap();
            let at = at % good.len();
            let mut bad = good.clone();
            bad.replace_range(at..=at, &to);
            if bad != good {
                let accepted = parse(&bad).is_ok_and(|token| token.is_signed_by(key().public()));
                proptest::prop_assert!(!accepted);
            }
        }
    }
}
