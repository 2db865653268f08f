//! Challenges: what an authenticator is asked to sign, once, soon, for one purpose.
//!
//! A challenge is a digest of what it is for, whose it is and some fresh bytes. So the signature itself covers
//! what was approved, and a challenge that was made for one thing cannot be passed off for another.

use std::time::Duration;

use procura_keys::clock::Timestamp;
use procura_keys::digest::{equal, sha256};

/// A challenge that was handed out and not used yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// What the authenticator signs.
    pub value: [u8; 32],
    /// The fresh bytes in it.
    pub nonce: [u8; 32],
    /// When it can no longer be used.
    pub expires_at: Timestamp,
}

/// What a challenge is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Making a passkey.
    Register,
    /// Signing in.
    SignIn,
    /// Approving exactly this: the digest of what was shown and chosen.
    Confirm([u8; 32]),
}

/// In whose hands a challenge is: the digest of a secret that only they hold, such as the cookie of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder(pub [u8; 32]);

impl Challenge {
    /// A challenge for `purpose` in the hands of `holder`.
    pub fn new(purpose: Purpose, holder: Holder, nonce: [u8; 32], now: Timestamp) -> Self {
        Self {
            value: value(purpose, holder, nonce),
            nonce,
            expires_at: now.plus(LIFETIME),
        }
    }

    /// When it was made.
    pub fn made_at(&self) -> Timestamp {
        self.expires_at.minus(LIFETIME)
    }

    /// Judges a challenge that was taken out of the store to be used.
    pub fn judge(
        &self,
        purpose: Purpose,
        holder: Holder,
        now: Timestamp,
    ) -> Result<(), BadChallenge> {
        if now >= self.expires_at {
            return Err(BadChallenge::Expired);
        }
        if equal(&self.value, &value(purpose, holder, self.nonce)) {
            Ok(())
        } else {
            Err(BadChallenge::ForSomethingElse)
        }
    }
}

/// Why a challenge does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadChallenge {
    /// Used before, forgotten, or never made here.
    #[error("the challenge is not one that waits for an answer")]
    Unknown,
    /// Too late.
    #[error("the challenge has expired")]
    Expired,
    /// Made for another purpose, another content or another holder.
    #[error("the challenge was made for something else")]
    ForSomethingElse,
}

fn value(purpose: Purpose, Holder(holder): Holder, nonce: [u8; 32]) -> [u8; 32] {
    let (name, subject) = match purpose {
        Purpose::Register => (b'r', [0; 32]),
        Purpose::SignIn => (b's', [0; 32]),
        Purpose::Confirm(subject) => (b'c', subject),
    };
    sha256(&[&[name][..], &subject, &holder, &nonce].concat())
}

/// How long a person may take to answer their authenticator.
pub const LIFETIME: Duration = Duration::from_mins(5);

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    // AA-8.11-05
    #[test]
    fn a_challenge_is_good_for_what_it_was_made_for_and_for_nobody_else() {
        let mine = Holder([1; 32]);
        let made = |purpose| Challenge::new(purpose, mine, [9; 32], NOW);
        let purposes = [
            Purpose::Register,
            Purpose::SignIn,
            Purpose::Confirm([0; 32]),
            Purpose::Confirm([7; 32]),
        ];
        for purpose in purposes {
            for used in purposes {
                let expected = if purpose == used {
                    Ok(())
                } else {
                    Err(BadChallenge::ForSomethingElse)
                };
                assert_eq!(
                    made(purpose).judge(used, mine, NOW),
                    expected,
                    "{purpose:?} {used:?}"
                );
            }
            let theirs = made(purpose).judge(purpose, Holder([2; 32]), NOW);
            assert_eq!(theirs, Err(BadChallenge::ForSomethingElse));
        }
    }

    #[test]
    fn a_challenge_ends() {
        let challenge = Challenge::new(Purpose::SignIn, Holder([1; 32]), [9; 32], NOW);
        let judged = |now| challenge.judge(Purpose::SignIn, Holder([1; 32]), now);
        let last = NOW.plus(LIFETIME).minus(Duration::from_millis(1));
        assert_eq!(judged(last), Ok(()));
        assert_eq!(judged(NOW.plus(LIFETIME)), Err(BadChallenge::Expired));
    }
}
