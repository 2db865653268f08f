//! Public keys that are met once, in the header of the token they sign: Ed25519 (RFC 8037) and P-256 (RFC 7518).
//!
//! Keys that identify somebody are [`PublicKey`]s and Ed25519 only.

use std::fmt;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use serde_json::{Map, Value};

use crate::digest::from_base64url;
use crate::jwk::{JwkError, PublicJwk, clip};
use crate::key::PublicKey;
use crate::thumbprint::Thumbprint;

/// A public key of either kind.
#[derive(Clone)]
pub enum VerifyingKey {
    /// Ed25519.
    Ed25519(PublicKey),
    /// ECDSA on P-256 with SHA-256.
    P256(P256Key),
}

/// A point of P-256, parsed and ready to verify.
#[derive(Clone)]
pub struct P256Key {
    /// Uncompressed: 4, then both coordinates.
    point: [u8; 65],
    prepared: ParsedPublicKey,
}

impl VerifyingKey {
    /// Reads a public JWK. One with any private member is refused: its owner has given it away.
    pub fn parse(jwk: &Value) -> Result<Self, VerifyingKeyError> {
        let members = jwk
            .as_object()
            .ok_or(VerifyingKeyError::Jwk(JwkError::NotAnObject))?;
        if let Some(name) = PRIVATE.iter().find(|name| members.contains_key(**name)) {
            return Err(VerifyingKeyError::PrivateMember(name));
        }
        if members.get("kty").and_then(Value::as_str) == Some("EC") {
            P256Key::parse(members).map(Self::P256)
        } else {
            Ok(Self::Ed25519(PublicJwk::parse(jwk)?.key))
        }
    }

    /// Whether the key is one for the JWS algorithm of this name.
    pub fn fits(&self, algorithm: &str) -> bool {
        match self {
            Self::Ed25519(_) => matches!(algorithm, "EdDSA" | "Ed25519"),
            Self::P256(_) => algorithm == "ES256",
        }
    }

    /// Whether `signature` is this key's signature of `message`. Those of ECDSA are the two numbers, 32 bytes each.
    pub fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        match self {
            Self::Ed25519(key) => key.verifies(message, signature),
            Self::P256(key) => key.prepared.verify_sig(message, signature).is_ok(),
        }
    }

    /// The key's JWK thumbprint.
    pub fn thumbprint(&self) -> Thumbprint {
        match self {
            Self::Ed25519(key) => Thumbprint::of(key),
            Self::P256(key) => Thumbprint::of_p256(&key.point[1..33], &key.point[33..]),
        }
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", self.thumbprint())
    }
}

impl fmt::Debug for P256Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("P256Key(…)")
    }
}

impl P256Key {
    fn parse(members: &Map<String, Value>) -> Result<Self, VerifyingKeyError> {
        let text = |name| {
            let member = members.get(name).and_then(Value::as_str);
            member.ok_or(VerifyingKeyError::Jwk(JwkError::MissingMember(name)))
        };
        let curve = text("crv")?;
        if curve != "P-256" {
            return Err(VerifyingKeyError::OtherCurve(clip(curve)));
        }
        let mut point = [4; 65];
        for (name, place) in [("x", 1..33), ("y", 33..65)] {
            let bytes = from_base64url(text(name)?).filter(|bytes| bytes.len() == 32);
            point[place].copy_from_slice(&bytes.ok_or(VerifyingKeyError::BadCoordinate(name))?);
        }
        let prepared = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
            .map_err(|_| VerifyingKeyError::NotAPoint)?;
        Ok(Self { point, prepared })
    }
}

/// Why a JWK is not a usable key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyingKeyError {
    /// As an Ed25519 key, or as any JWK.
    #[error(transparent)]
    Jwk(#[from] JwkError),
    /// A private or symmetric key was sent.
    #[error("the JWK carries the private member {0:?}; send the public key only")]
    PrivateMember(&'static str),
    /// A curve other than P-256.
    #[error("curve {0:?} is not supported; use P-256, or kty OKP with crv Ed25519")]
    OtherCurve(String),
    /// A coordinate that is not 32 bytes.
    #[error("the JWK member {0:?} is not 32 bytes of base64url without padding")]
    BadCoordinate(&'static str),
    /// The coordinates of nothing on the curve.
    #[error("the coordinates are not a point of P-256")]
    NotAPoint,
}

/// The members of private and symmetric keys (RFC 7518 §6).
pub(crate) const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
    use serde_json::json;

    use super::*;
    use crate::digest::to_base64url;
    use crate::key::SigningKey;

    /// The key of RFC 7515, appendix A.3.
    fn rfc_7515_key() -> Value {
        json!({
            "kty": "EC",
            "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        })
    }

    #[test]
    fn rfc_7515_appendix_a3_signature() {
        let key = VerifyingKey::parse(&rfc_7515_key()).unwrap();
        let signed = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt\
                      cGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let signature = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
        let mut signature: [u8; 64] = from_base64url(signature).unwrap().try_into().unwrap();
        assert!(key.verifies(signed.as_bytes(), &signature));
        assert!(!key.verifies(b"x", &signature));
        signature[40] ^= 1;
        assert!(!key.verifies(signed.as_bytes(), &signature));
        assert!(!key.verifies(signed.as_bytes(), &[0; 64]));
    }

    #[test]
    fn rfc_9449_thumbprint() {
        let jwk = json!({
            "kty": "EC",
            "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
            "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
            "crv": "P-256",
        });
        assert_eq!(
            VerifyingKey::parse(&jwk).unwrap().thumbprint().as_str(),
            "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
        );
    }

    #[test]
    fn a_fresh_key_of_each_kind_verifies_its_own_algorithm_only() {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let point = pair.public_key().as_ref();
        let (x, y) = (to_base64url(&point[1..33]), to_base64url(&point[33..]));
        let jwk = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y });
        let p256 = VerifyingKey::parse(&jwk).unwrap();
        let signature = pair.sign(&SystemRandom::new(), b"m").unwrap();
        assert!(p256.verifies(b"m", signature.as_ref().try_into().unwrap()));
        assert!(p256.fits("ES256") && !p256.fits("EdDSA") && !p256.fits("ES384"));

        let pair = SigningKey::from_seed(&[1; 32]).unwrap();
        let jwk = PublicJwk::named_by_thumbprint(pair.public()).to_value();
        let ed25519 = VerifyingKey::parse(&jwk).unwrap();
        assert!(ed25519.verifies(b"m", &pair.sign(b"m")));
        assert!(ed25519.fits("EdDSA") && ed25519.fits("Ed25519") && !ed25519.fits("ES256"));
        assert_eq!(ed25519.thumbprint(), Thumbprint::of(pair.public()));
    }

    #[test]
    fn every_defect_is_named() {
        let with = |name: &str, value: Value| {
            let mut jwk = rfc_7515_key();
            jwk[name] = value;
            jwk
        };
        let zero = to_base64url(&[0; 32]);
        let cases = [
            (json!([]), JwkError::NotAnObject.into()),
            (json!({}), JwkError::MissingMember("kty").into()),
            (
                with("d", json!("AA")),
                VerifyingKeyError::PrivateMember("d"),
            ),
            (
                json!({ "kty": "oct", "k": "AA" }),
                VerifyingKeyError::PrivateMember("k"),
            ),
            (
                with("kty", json!("RSA")),
                JwkError::UnsupportedType("RSA".into()).into(),
            ),
            (
                with("crv", json!("P-384")),
                VerifyingKeyError::OtherCurve("P-384".into()),
            ),
            (with("y", json!(7)), JwkError::MissingMember("y").into()),
            (
                with("x", json!("AAAA")),
                VerifyingKeyError::BadCoordinate("x"),
            ),
            (
                with("y", json!(zero.clone() + "=")),
                VerifyingKeyError::BadCoordinate("y"),
            ),
            (with("x", json!(zero)), VerifyingKeyError::NotAPoint),
        ];
        for (jwk, error) in cases {
            assert_eq!(VerifyingKey::parse(&jwk).unwrap_err(), error, "{jwk}");
        }
    }
}
