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

/// The keys in force: one that nonces are made with, and those before it for as long as their nonces are good.
#[derive(Debug)]
pub struct NonceKeys {
    newest: Dated,
    /// Newest first.
    before: Vec<Dated>,
}

/// A key and when it was made.
type Dated = (NonceKey, Timestamp);

impl NonceKeys {
    /// The first of a line.
    pub fn first(key: NonceKey, made_at: Timestamp) -> Self {
        Self {
            newest: (key, made_at),
            before: Vec::new(),
        }
    }

    /// The same with one that takes the place of the newest.
    #[must_use]
    pub fn followed_by(mut self, key: NonceKey, made_at: Timestamp) -> Self {
        let replaced = std::mem::replace(&mut self.newest, (key, made_at));
        self.before.insert(0, replaced);
        self
    }

    /// A nonce that is good from now on for five minutes, at every node. A key is not used before all of them know it.
    pub fn issue(&self, now: Timestamp) -> String {
        let known = self.all().find(|(_, made_at)| in_use(*made_at) <= now);
        let oldest = self.before.last().unwrap_or(&self.newest);
        known.unwrap_or(oldest).0.issue(now)
    }

    /// Whether the nonce was issued by this server and lately.
    pub fn accepts(&self, nonce: &str, now: Timestamp) -> bool {
        let mut replaced_at = None;
        self.all().any(|(key, made_at)| {
            let over = replaced_at.is_some_and(|at| is_over(at, now));
            replaced_at = Some(*made_at);
            !over && key.accepts(nonce, now)
        })
    }

    fn all(&self) -> impl Iterator<Item = &Dated> {
        std::iter::once(&self.newest).chain(&self.before)
    }
}

/// Whether nothing that was issued with a key is good any more, when the one in its place was made then.
pub fn is_over(replaced_at: Timestamp, now: Timestamp) -> bool {
    in_use(replaced_at).plus(GOOD_FOR) <= now
}

/// From when on nonces are made with a key.
fn in_use(made_at: Timestamp) -> Timestamp {
    made_at.plus(KNOWN_AFTER)
}

impl fmt::Debug for NonceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NonceKey(…)")
    }
}

const GOOD_FOR: Duration = Duration::from_mins(5);
/// How long it takes at most until each node has heard of a new key. They look each minute.
const KNOWN_AFTER: Duration = Duration::from_mins(2);

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
    fn a_new_key_is_used_once_all_know_it_and_the_old_is_good_for_as_long_as_its_nonces() {
        let at = |millis| NOW.plus(Duration::from_millis(millis));
        let old = || NonceKeys::first(NonceKey::new([1; 32]), NOW.minus(seconds(9000)));
        let both = old().followed_by(NonceKey::new([2; 32]), NOW);
        let new = NonceKeys::first(NonceKey::new([2; 32]), NOW);
        assert_eq!(both.issue(at(119_999)), old().issue(at(119_999)));
        assert_eq!(both.issue(at(120_000)), new.issue(at(120_000)));

        let last_of_old = old().issue(at(119_999));
        assert!(both.accepts(&last_of_old, at(419_998)));
        assert!(
            !both.accepts(&last_of_old, at(419_999)),
            "it is five minutes old"
        );
        // A node that has not heard of the new key in time.
        let late = old().issue(at(419_000));
        assert!(both.accepts(&late, at(419_999)));
        assert!(!both.accepts(&late, at(420_000)));
        assert!(!is_over(NOW, at(419_999)) && is_over(NOW, at(420_000)));
        // One that uses it early.
        assert!(both.accepts(&new.issue(at(0)), at(0)));
    }

    #[test]
    fn the_first_key_is_used_at_once() {
        let first = NonceKeys::first(NonceKey::new([1; 32]), NOW);
        assert!(first.accepts(&first.issue(NOW), NOW));
        assert_eq!(format!("{first:?}").matches("NonceKey(…)").count(), 1);
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
