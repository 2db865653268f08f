//! Public keys as authenticators write them (COSE, RFC 9053), of the three kinds that are in use: ES256, `EdDSA`
//! with Ed25519, and RS256.

use std::fmt;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ParsedPublicKey};

use crate::cbor::{Item, NotCbor, Reader};
use crate::key::{KeyError, PublicKey};
use crate::rsa::RsaKey;

/// A public key that can verify, and the bytes it was read from.
#[derive(Clone)]
pub struct CoseKey {
    bytes: Vec<u8>,
    key: Key,
}

#[derive(Clone)]
enum Key {
    Es256(ParsedPublicKey),
    EdDsa(Box<PublicKey>),
    Rs256(RsaKey),
}

/// The algorithms whose keys are read, as COSE numbers them, the preferred ones first.
pub const ALGORITHMS: [i64; 3] = [ES256, EDDSA, RS256];

impl CoseKey {
    /// Reads one key that fills `bytes`.
    pub fn parse(bytes: &[u8]) -> Result<Self, CoseError> {
        match Self::parse_first(bytes)? {
            (key, []) => Ok(key),
            _ => Err(CoseError::Cbor(NotCbor)),
        }
    }

    /// Reads one key at the start of `bytes`. Returns it with what follows.
    pub fn parse_first(bytes: &[u8]) -> Result<(Self, &[u8]), CoseError> {
        let mut reader = Reader::new(bytes);
        let members = Members::read(&mut reader)?;
        let rest = reader.rest();
        let key = Self {
            bytes: bytes[..bytes.len() - rest.len()].to_vec(),
            key: members.key()?,
        };
        Ok((key, rest))
    }

    /// The form to store.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether `signature` is this key's signature of `message`. ECDSA signatures are in DER, as authenticators
    /// make them.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.key {
            Key::Es256(key) => key.verify_sig(message, signature).is_ok(),
            Key::EdDsa(key) => signature
                .try_into()
                .is_ok_and(|signature| key.verifies(message, signature)),
            Key::Rs256(key) => key.verifies(message, signature),
        }
    }
}

impl PartialEq for CoseKey {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for CoseKey {}

impl fmt::Debug for CoseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CoseKey({})", crate::digest::to_base64url(&self.bytes))
    }
}

/// Why bytes are no key to verify with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CoseError {
    /// Not the CBOR of a key.
    #[error(transparent)]
    Cbor(#[from] NotCbor),
    /// An algorithm, curve or kind of key that is not used here.
    #[error("the key is of a kind that is not accepted: use ES256, Ed25519 or RS256")]
    Unsupported,
    /// A member is missing, repeated or of the wrong length.
    #[error("the key is incomplete")]
    Incomplete,
    /// The numbers are not a key.
    #[error("the numbers are not a key of its kind")]
    Invalid,
    /// The same for Ed25519.
    #[error(transparent)]
    Ed25519(#[from] KeyError),
}

/// The members of a key. What the labels -1, -2 and -3 mean depends on its kind.
#[derive(Default)]
struct Members<'a> {
    kind: Option<Item<'a>>,
    algorithm: Option<Item<'a>>,
    minus: [Option<Item<'a>>; 3],
}

impl<'a> Members<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, CoseError> {
        let Item::Map(pairs) = reader.read()? else {
            return Err(NotCbor.into());
        };
        let mut members = Self::default();
        for _ in 0..pairs {
            let label = reader.read()?;
            let value = reader.read()?;
            let slot = match label {
                Item::Integer(1) => &mut members.kind,
                Item::Integer(3) => &mut members.algorithm,
                Item::Integer(-1) => &mut members.minus[0],
                Item::Integer(-2) => &mut members.minus[1],
                Item::Integer(-3) => &mut members.minus[2],
                _ => return Err(CoseError::Unsupported),
            };
            if slot.replace(value).is_some() {
                return Err(CoseError::Incomplete);
            }
        }
        Ok(members)
    }

    fn key(&self) -> Result<Key, CoseError> {
        let (Some(Item::Integer(kind)), Some(Item::Integer(algorithm))) =
            (self.kind, self.algorithm)
        else {
            return Err(CoseError::Incomplete);
        };
        match (kind, algorithm, self.minus) {
            (KIND_EC2, ES256, [Some(Item::Integer(CURVE_P256)), Some(x), Some(y)]) => es256(x, y),
            (
                KIND_OKP,
                EDDSA,
                [
                    Some(Item::Integer(CURVE_ED25519)),
                    Some(Item::Bytes(x)),
                    None,
                ],
            ) => Ok(Key::EdDsa(Box::new(PublicKey::from_bytes(x)?))),
            (KIND_RSA, RS256, [Some(Item::Bytes(n)), Some(Item::Bytes(e)), None]) => rs256(n, e),
            (KIND_EC2, ES256, _) | (KIND_OKP, EDDSA, _) | (KIND_RSA, RS256, _) => {
                Err(CoseError::Incomplete)
            }
            _ => Err(CoseError::Unsupported),
        }
    }
}

fn es256(x: Item<'_>, y: Item<'_>) -> Result<Key, CoseError> {
    let (Item::Bytes(x), Item::Bytes(y)) = (x, y) else {
        return Err(CoseError::Incomplete);
    };
    if x.len() != 32 || y.len() != 32 {
        return Err(CoseError::Incomplete);
    }
    // The uncompressed form of SEC 1, which the library checks to be a point of the curve.
    let point = [&[4], x, y].concat();
    let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point);
    key.map(Key::Es256).map_err(|_| CoseError::Invalid)
}

fn rs256(n: &[u8], e: &[u8]) -> Result<Key, CoseError> {
    RsaKey::new(n, e).map(Key::Rs256).ok_or(CoseError::Invalid)
}

const ES256: i64 = -7;
const EDDSA: i64 = -8;
const RS256: i64 = -257;
const KIND_OKP: i64 = 1;
const KIND_EC2: i64 = 2;
const KIND_RSA: i64 = 3;
const CURVE_P256: i64 = 1;
const CURVE_ED25519: i64 = 6;

#[cfg(test)]
mod tests;
