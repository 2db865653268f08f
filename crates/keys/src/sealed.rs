//! Secrets encrypted at rest: AES-256-GCM (NIST SP 800-38D), bound to what they belong to.
//!
//! A sealed text is the nonce, the ciphertext and the tag, in this order. What it is bound to is not in it: whoever
//! opens it has to say the same again, so that a sealed text put in another's place does not open there.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

/// A key that seals. It has no `Debug` and is wiped when it goes.
#[derive(Clone)]
pub struct SealingKey(Zeroizing<[u8; 32]>);

/// It was changed, is bound to something else, or was sealed under another key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "it cannot be decrypted: it was changed, belongs to something else, or is under another key"
)]
pub struct NotSealedHere;

impl SealingKey {
    /// The key of these bytes, which have to be random.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Reads a key that was opened.
    pub fn parse(bytes: &[u8]) -> Result<Self, NotSealedHere> {
        let bytes = bytes.try_into().map_err(|_| NotSealedHere)?;
        Ok(Self::new(bytes))
    }

    /// Its bytes, for sealing them under another key.
    pub fn expose(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// Seals a text. `nonce` is random, and never used again with this key.
    pub fn seal(
        &self,
        nonce: [u8; NONCE_LEN],
        bound_to: &[u8],
        text: &[u8],
    ) -> Result<Vec<u8>, NotSealedHere> {
        let mut secret = Zeroizing::new(text.to_vec());
        let tag = self
            .cipher()?
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(bound_to),
                secret.as_mut_slice(),
            )
            .map_err(|_| NotSealedHere)?;
        Ok([nonce.as_slice(), secret.as_slice(), tag.as_ref()].concat())
    }

    /// Opens what [`seal`](Self::seal) made.
    pub fn open(
        &self,
        bound_to: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, NotSealedHere> {
        let (nonce, rest) = sealed.split_first_chunk().ok_or(NotSealedHere)?;
        let mut rest = Zeroizing::new(rest.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self
            .cipher()?
            .open_in_place(nonce, Aad::from(bound_to), rest.as_mut_slice());
        let length = opened.map_err(|_| NotSealedHere)?.len();
        rest.truncate(length);
        Ok(rest)
    }

    fn cipher(&self) -> Result<LessSafeKey, NotSealedHere> {
        let key = UnboundKey::new(&AES_256_GCM, self.expose());
        Ok(LessSafeKey::new(key.map_err(|_| NotSealedHere)?))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_sealed_opens_for_the_same_and_for_nothing_else(
            text in prop::collection::vec(any::<u8>(), 0..64),
            bound_to in prop::collection::vec(any::<u8>(), 0..16),
            other in prop::collection::vec(any::<u8>(), 0..16),
            flipped in any::<prop::sample::Index>(),
        ) {
            let key = SealingKey::new([1; 32]);
            let sealed = key.seal([2; 12], &bound_to, &text).unwrap();
            prop_assert_eq!(sealed.len(), 12 + text.len() + 16);
            let opened = key.open(&bound_to, &sealed).unwrap();
            prop_assert_eq!(opened.as_slice(), text.as_slice());
            prop_assert_eq!(key.open(&other, &sealed).is_ok(), other == bound_to);
            prop_assert!(SealingKey::new([3; 32]).open(&bound_to, &sealed).is_err());
            let mut changed = sealed.clone();
            changed[flipped.index(sealed.len())] ^= 1;
            prop_assert!(key.open(&bound_to, &changed).is_err());
            prop_assert!(key.open(&bound_to, &sealed[..flipped.index(sealed.len())]).is_err());
        }
    }
}
