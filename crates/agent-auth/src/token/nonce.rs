//! Nonces for DPoP proofs (RFC 9449 §9): a proof that carries a fresh one was not made in advance.
//!
//! A nonce is the moment it was issued and an HMAC of that under a key of the server, so none has to be kept.

use std::fmt;
use std::time::Duration;

use procura_keys::clock::Timestamp;
use procura_keys::digest::{equal, from_base64url, hmac_sha256, to_base64url};

/// The key that nonces are made and recognised with.
pub struct NonceKey([u8; 32]);

impl NonceKey {
    /// A key from random bytes.
    pub fn new(random: [u8; 32]) -> Self {
        Self(random)
    }

    /// A nonce that is good from now on for five minutes.
    pub fn issue(&self, now: Timestamp) -> String {
        let issued = now.as_millis().to_be_bytes();
        to_base64url(&[issued.as_slice(), &self.tag(issued)].concat())
    }

    /// Whether the nonce was issued by this server and lately.
    pub fn accepts(&self, nonce: &str, now: Timestamp) -> bool {
        let Some(bytes) = from_base64url(nonce) else {
            return false;
        };
        let Some((issued, tag)) = bytes.split_first_chunk::<8>() else {
            return false;
        };
        let age_ok = {
            let issued = Timestamp::from_millis(i64::from_be_bytes(*issued));
            issued <= now && now < issued.plus(GOOD_FOR)
        };
        equal(tag, &self.tag(*issued)) && age_ok
    }

    fn tag(&self, issued: [u8; 8]) -> [u8; 32] {
        hmac_sha256(&self.0, &issued)
    }
}

impl fmt::Debug for NonceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NonceKey(…)")
    }
}

const GOOD_FOR: Duration = Duration::from_mins(5);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{NOW, seconds};

    #[test]
    fn a_nonce_is_good_for_five_minutes_at_the_server_that_issued_it() {
        let key = NonceKey::new([1; 32]);
        let nonce = key.issue(NOW);
        assert!(key.accepts(&nonce, NOW));
        assert!(key.accepts(&nonce, NOW.plus(Duration::from_millis(299_999))));
        assert!(!key.accepts(&nonce, NOW.plus(seconds(300))));
        assert!(!key.accepts(&nonce, NOW.minus(seconds(1))));
        assert!(!NonceKey::new([2; 32]).accepts(&nonce, NOW));
    }

    #[test]
    fn a_made_up_nonce_is_not_good() {
        let key = NonceKey::new([1; 32]);
        let good = from_base64url(&key.issue(NOW)).unwrap();
        for at in 0..good.len() {
            let mut changed = good.clone();
            changed[at] ^= 1;
            assert!(!key.accepts(&to_base64url(&changed), NOW), "byte {at}");
        }
        for text in [
            "",
            "AAAA",
            "=",
            &to_base64url(&good[..8]),
            &to_base64url(&good[..39]),
        ] {
            assert!(!key.accepts(text, NOW), "{text}");
        }
        assert_eq!(format!("{key:?}"), "NonceKey(…)");
    }
}
