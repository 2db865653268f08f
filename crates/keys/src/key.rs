//! Ed25519 keys. A public key that would let one signature pass for every message cannot be built.

use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, ParsedPublicKey};
use zeroize::{Zeroize as _, Zeroizing};

use crate::curve;
use crate::entropy::{self, Entropy};

/// An Ed25519 public key (RFC 8032), parsed once and ready to verify.
#[derive(Clone)]
pub struct PublicKey {
    bytes: [u8; 32],
    prepared: ParsedPublicKey,
}

impl PublicKey {
    /// Takes the 32 bytes of a public key. Points of small order and second spellings of a point are refused.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        let bytes = <[u8; 32]>::try_from(bytes).map_err(|_| KeyError::WrongLength)?;
        if is_weak(&bytes) {
            return Err(KeyError::Weak);
        }
        if !curve::has_point(&bytes) {
            return Err(KeyError::NotAPoint);
        }
        Self::prepare(bytes)
    }

    fn prepare(bytes: [u8; 32]) -> Result<Self, KeyError> {
        let prepared = ParsedPublicKey::new(&ED25519, bytes).map_err(|_| KeyError::NotAPoint)?;
        Ok(Self { bytes, prepared })
    }

    /// The 32 bytes of the key.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// Whether `signature` is this key's signature of `message`.
    pub fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.prepared.verify_sig(message, signature).is_ok()
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", crate::digest::to_base64url(&self.bytes))
    }
}

/// An Ed25519 key pair. It prints as its public half and wipes its seed when dropped.
pub struct SigningKey {
    seed: Zeroizing<[u8; 32]>,
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl SigningKey {
    /// A new key pair.
    pub fn generate(entropy: &dyn Entropy) -> Result<Self, KeyError> {
        let mut seed = entropy::bytes::<32>(entropy);
        let key = Self::from_seed(&seed);
        seed.zeroize();
        key
    }

    /// The key pair that belongs to a stored seed.
    pub fn from_seed(seed: &[u8]) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KeyError::WrongLength)?;
        let public = <[u8; 32]>::try_from(pair.public_key().as_ref());
        // The library has just computed it, so it is a point, and not a weak one.
        let public = PublicKey::prepare(public.map_err(|_| KeyError::WrongLength)?)?;
        let mut copy = Zeroizing::new([0; 32]);
        copy.copy_from_slice(seed);
        Ok(Self {
            seed: copy,
            pair,
            public,
        })
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The secret seed, for a key store to keep. Nothing else may call this.
    pub fn expose_seed(&self) -> &[u8; 32] {
        &self.seed
    }

    /// Signs `message`.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut out = [0; 64];
        out.copy_from_slice(self.pair.sign(message).as_ref());
        out
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({:?})", self.public)
    }
}

/// Why bytes are not a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not 32 bytes.
    #[error("an Ed25519 key has 32 bytes")]
    WrongLength,
    /// Not the encoding of a point on the curve.
    #[error("the bytes are not a point of Ed25519")]
    NotAPoint,
    /// A point of small order, or a second spelling of a point.
    #[error("the key is a weak or non-canonical point of Ed25519")]
    Weak,
}

/// Under a point of small order one signature verifies for every message in most libraries, the one used
/// here among them, so these keys have to be stopped where keys enter. Their y coordinates are 0, 1, -1 and
/// the two of order eight; encodings of y at or above the field prime are second spellings and refused whole.
fn is_weak(bytes: &[u8; 32]) -> bool {
    let mut y = *bytes;
    y[31] &= 0x7f;
    SMALL_ORDER_Y.contains(&y) || !is_below_prime(&y)
}

fn is_below_prime(y: &[u8; 32]) -> bool {
    // The prime is 2^255 - 19: only values whose upper 247 bits are all ones can reach it.
    y[31] != 0x7f || y[1..31].iter().any(|byte| *byte != 0xff) || y[0] < 0xed
}

const SMALL_ORDER_Y: [[u8; 32]; 5] = [
    [0; 32],
    {
        let mut one = [0; 32];
        one[0] = 1;
        one
    },
    {
        let mut minus_one = [0xff; 32];
        minus_one[0] = 0xec;
        minus_one[31] = 0x7f;
        minus_one
    },
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
];

#[cfg(test)]
mod tests {
    use ed25519_dalek::VerifyingKey;

    use super::*;

    #[test]
    fn every_small_order_point_is_refused_under_both_signs() {
        for y in SMALL_ORDER_Y {
            for sign in [0, 0x80] {
                let mut bytes = y;
                bytes[31] |= sign;
                // A second library agrees that these, where they are points at all, are weak.
                if let Ok(point) = VerifyingKey::from_bytes(&bytes) {
                    assert!(point.is_weak(), "{bytes:02x?}");
                }
                assert_eq!(PublicKey::from_bytes(&bytes), Err(KeyError::Weak));
            }
        }
    }

    #[test]
    fn second_spellings_of_a_point_are_refused() {
        for low in 0xed..=0xff_u8 {
            let mut bytes = [0xff; 32];
            bytes[0] = low;
            bytes[31] = 0x7f;
            assert_eq!(PublicKey::from_bytes(&bytes), Err(KeyError::Weak));
        }
    }

    #[test]
    fn bytes_that_are_no_point_are_no_key() {
        for y in [2, 7, 8] {
            let mut bytes = [0; 32];
            bytes[0] = y;
            assert_eq!(PublicKey::from_bytes(&bytes), Err(KeyError::NotAPoint));
        }
    }

    #[test]
    fn rfc_8032_first_test_vector() {
        let seed = [
            0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec,
            0x2c, 0xc4, 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03,
            0x1c, 0xae, 0x7f, 0x60,
        ];
        let key = SigningKey::from_seed(&seed).unwrap();
        assert_eq!(&key.public().as_bytes()[..4], &[0xd7, 0x5a, 0x98, 0x01]);
        let signature = key.sign(b"");
        assert_eq!(&signature[..4], &[0xe5, 0x56, 0x43, 0x00]);
        assert!(key.public().verifies(b"", &signature));
        assert!(!key.public().verifies(b"x", &signature));
    }

    #[test]
    fn a_scalar_at_or_above_the_group_order_is_not_a_second_signature() {
        const ORDER: [u8; 32] = [
            0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9,
            0xde, 0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
        ];
        let key = SigningKey::from_seed(&[7; 32]).unwrap();
        let mut signature = key.sign(b"pay");
        let mut carry = 0_u16;
        for (byte, add) in signature[32..].iter_mut().zip(ORDER) {
            carry += u16::from(*byte) + u16::from(add);
            *byte = carry.to_le_bytes()[0];
            carry >>= 8;
        }
        assert!(!key.public().verifies(b"pay", &signature));
    }

    #[test]
    fn debug_output_never_shows_the_seed() {
        let key = SigningKey::from_seed(&[7; 32]).unwrap();
        let shown = format!("{key:?}");
        assert!(shown.contains(&crate::digest::to_base64url(key.public().as_bytes())));
        assert!(!shown.contains(&crate::digest::to_base64url(&[7; 32])));
    }
}
