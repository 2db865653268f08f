//! Is what a person has shown of themselves enough for what they are about to decide? (AAP §8.11)

use std::time::Duration;

use procura_keys::clock::Timestamp;
use serde::{Deserialize, Serialize};

/// How sure the server has to be that the person themselves decides. Ordered from weakest to strongest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strength {
    /// A live session. Enough to say no.
    Session,
    /// A sign-in moments ago.
    FreshSignIn,
    /// A passkey with user verification moments ago: a gesture that software driving the browser cannot make.
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
}

impl Method {
    /// The storage form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Passkey => "passkey",
        }
    }

    /// Reads [`as_str`](Self::as_str) back.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Password, Self::Passkey]
            .into_iter()
            .find(|method| method.as_str() == text)
    }
}

/// Judges `proof` against what is required.
pub fn judge(
    required: Strength,
    proof: Proof,
    fresh_for: Duration,
    now: Timestamp,
) -> Result<(), Lacking> {
    if required == Strength::Session {
        return Ok(());
    }
    if now.since(proof.at) >= fresh_for || proof.at > now {
        return Err(Lacking::Freshness);
    }
    match (required, proof.method) {
        (Strength::Verified, Method::Password) => Err(Lacking::Presence),
        _ => Ok(()),
    }
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
            (Strength::Verified, passkey, 0, Ok(())),
            (Strength::Verified, passkey, 300, Err(Lacking::Freshness)),
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
}
