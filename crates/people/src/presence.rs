//! Is what a person has shown of themselves enough for what they are about to decide? (AAP §8.11)

use std::time::Duration;

use procura_keys::clock::Timestamp;
use procura_keys::digest::equal;
use serde::{Deserialize, Serialize};

use crate::passkey::PasskeyId;

/// How sure the server has to be that the person themselves decides. Ordered from weakest to strongest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strength {
    /// A live session. Enough to say no.
    Session,
    /// A sign-in moments ago.
    FreshSignIn,
    /// A passkey with user verification for this very decision: a gesture that software driving the browser
    /// cannot make, and that says yes to nothing else.
    Verified,
}

/// What a person has shown, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// By what.
    pub method: Method,
    /// When.
    pub at: Timestamp,
}

/// By what a person signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// A password, which an agent that drives the browser may know or have filled in.
    Password,
    /// A passkey whose authenticator verified the person.
    Passkey,
    /// A code that was written down for when the passkeys are lost.
    RecoveryCode,
    /// Whatever the application that embeds the server takes. Never stored with a session, since it keeps those.
    Application,
    /// An account elsewhere. What the person had to show there is not known here.
    OpenId,
}

impl Method {
    /// The storage form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Passkey => "passkey",
            Self::RecoveryCode => "recovery_code",
            Self::Application => "application",
            Self::OpenId => "openid",
        }
    }

    /// Reads [`as_str`](Self::as_str) back.
    pub fn parse(text: &str) -> Option<Self> {
        [
            Self::Password,
            Self::Passkey,
            Self::RecoveryCode,
            Self::OpenId,
        ]
        .into_iter()
        .find(|method| method.as_str() == text)
    }
}

/// A gesture with a passkey that was verified, and what it said yes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// With which passkey.
    pub passkey_id: PasskeyId,
    /// The digest of what it was for.
    pub subject: [u8; 32],
    /// When.
    pub at: Timestamp,
}

/// Judges a session's `proof` against what is required. No session is ever [`Strength::Verified`].
pub fn judge(
    required: Strength,
    proof: Proof,
    fresh_for: Duration,
    now: Timestamp,
) -> Result<(), Lacking> {
    match required {
        Strength::Session => Ok(()),
        Strength::FreshSignIn if is_fresh(proof.at, fresh_for, now) => Ok(()),
        Strength::FreshSignIn => Err(Lacking::Freshness),
        Strength::Verified => Err(Lacking::Presence),
    }
}

/// Judges a decision on `subject`: by the gesture that was made for it, and without one by the session.
pub fn judge_decision(
    required: Strength,
    proof: Proof,
    confirmation: Option<&Confirmation>,
    subject: &[u8; 32],
    fresh_for: Duration,
    now: Timestamp,
) -> Result<(), Lacking> {
    let confirmed = confirmation.is_some_and(|confirmation| {
        equal(&confirmation.subject, subject) && is_fresh(confirmation.at, fresh_for, now)
    });
    if confirmed {
        return Ok(());
    }
    judge(required, proof, fresh_for, now)
}

fn is_fresh(at: Timestamp, fresh_for: Duration, now: Timestamp) -> bool {
    at <= now && now.since(at) < fresh_for
}

/// What is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lacking {
    /// The sign-in is too long ago.
    #[error("Sign in again to decide this.")]
    Freshness,
    /// A password does not show that a human is there.
    #[error(
        "This needs a passkey, or an administrator's approval: a password does not show that you are there."
    )]
    Presence,
    /// There is no passkey yet, and a password cannot bring in the first one.
    #[error(
        "A password cannot add the first passkey: ask an administrator for an invitation to your own address."
    )]
    FirstPasskey,
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRESH: Duration = Duration::from_mins(5);

    fn verdict(required: Strength, method: Method, age: i64) -> Result<(), Lacking> {
        let now = Timestamp::from_seconds(10_000);
        let proof = Proof {
            method,
            at: Timestamp::from_seconds(10_000 - age),
        };
        judge(required, proof, FRESH, now)
    }

    // AA-8.11-01, AA-8.11-02, AA-8.10-07
    #[test]
    fn each_strength_asks_for_its_own_proof() {
        let (password, passkey) = (Method::Password, Method::Passkey);
        let cases = [
            (Strength::Session, password, 9_000, Ok(())),
            (Strength::FreshSignIn, password, 299, Ok(())),
            (Strength::FreshSignIn, passkey, 299, Ok(())),
            (
                Strength::FreshSignIn,
                password,
                300,
                Err(Lacking::Freshness),
            ),
            (Strength::FreshSignIn, password, -1, Err(Lacking::Freshness)),
            (Strength::Verified, passkey, 0, Err(Lacking::Presence)),
            (Strength::Verified, password, 0, Err(Lacking::Presence)),
        ];
        for (required, method, age, expected) in cases {
            assert_eq!(
                verdict(required, method, age),
                expected,
                "{required:?} {method:?} {age}"
            );
        }
    }

    // AA-8.11-02
    #[test]
    fn a_gesture_counts_for_the_decision_it_was_made_for() {
        let now = Timestamp::from_seconds(10_000);
        let stale = Proof {
            method: Method::Password,
            at: Timestamp::from_seconds(1),
        };
        let verdict = |confirmed: Option<([u8; 32], i64)>, required| {
            let confirmation = confirmed.map(|(subject, age)| Confirmation {
                passkey_id: PasskeyId("pky_1".to_owned()),
                subject,
                at: Timestamp::from_seconds(10_000 - age),
            });
            judge_decision(required, stale, confirmation.as_ref(), &[7; 32], FRESH, now)
        };
        let verified = |confirmed| verdict(confirmed, Strength::Verified);
        assert_eq!(verified(Some(([7; 32], 0))), Ok(()));
        assert_eq!(verified(Some(([8; 32], 0))), Err(Lacking::Presence));
        assert_eq!(verified(Some(([7; 32], 300))), Err(Lacking::Presence));
        assert_eq!(verified(None), Err(Lacking::Presence));
        assert_eq!(verdict(Some(([7; 32], 0)), Strength::FreshSignIn), Ok(()));
        assert_eq!(
            verdict(Some(([8; 32], 0)), Strength::FreshSignIn),
            Err(Lacking::Freshness)
        );
    }
}
