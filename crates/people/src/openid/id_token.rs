use std::time::Duration;

use procura_keys::clock::Timestamp;
use procura_keys::digest::{equal, sha256, sha512, to_base64url};
use serde_json::{Map, Value};

use super::Upstream;
use crate::person::Email;

/// What an ID token has to say (OpenID Connect Core §3.1.3.7).
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The provider that was asked.
    pub issuer: &'a str,
    /// This server's name there.
    pub client_id: &'a str,
    /// What was sent as `nonce`.
    pub nonce: &'a str,
    /// By what it was signed, as its header names it and its signature was checked.
    pub algorithm: &'static str,
    /// The access token that came with it.
    pub access_token: &'a str,
    /// Since when the person has to have signed in there, where a fresh sign-in was asked for.
    pub signed_in_since: Option<Timestamp>,
}

/// What a provider says of the person who signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdToken {
    /// Who they are.
    pub person: Upstream,
    /// Their address, if it can be one.
    pub email: Option<Email>,
    /// Whether the provider says that the address is theirs.
    pub email_verified: bool,
    /// How they are called.
    pub name: Option<String>,
}

impl IdToken {
    /// Judges the claims of a token whose signature is good. Clocks may differ by a minute.
    pub fn judge(
        claims: &Map<String, Value>,
        expected: Expected<'_>,
        now: Timestamp,
    ) -> Result<Self, BadIdToken> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        if text("iss") != Some(expected.issuer) {
            return Err(BadIdToken::OtherIssuer);
        }
        judge_audience(claims, expected.client_id)?;
        judge_times(claims, expected.signed_in_since, now)?;
        let nonce = text("nonce").unwrap_or_default();
        if !equal(nonce.as_bytes(), expected.nonce.as_bytes()) {
            return Err(BadIdToken::OtherNonce);
        }
        judge_access_token(claims, expected)?;
        let subject = text("sub").filter(|sub| {
            (1..=MAX_SUBJECT).contains(&sub.len()) && !sub.chars().any(char::is_control)
        });
        Ok(Self {
            person: Upstream {
                issuer: expected.issuer.to_owned(),
                subject: subject.ok_or(BadIdToken::NoSubject)?.to_owned(),
            },
            email: text("email").and_then(|email| email.parse().ok()),
            // The text "true" is what some providers send; it is not what the standard says, and not taken.
            email_verified: claims.get("email_verified") == Some(&Value::Bool(true)),
            name: text("name").map(str::to_owned),
        })
    }

    /// Takes the address and the name from what the provider says of the person beside the token (OpenID Connect Core
    /// §5.3.2), unless that is about somebody else.
    #[must_use]
    pub fn with_userinfo(self, claims: &Map<String, Value>) -> Self {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        if text("sub") != Some(&self.person.subject) {
            return self;
        }
        Self {
            email: text("email").and_then(|email| email.parse().ok()),
            email_verified: claims.get("email_verified") == Some(&Value::Bool(true)),
            name: text("name").map(str::to_owned).or(self.name),
            person: self.person,
        }
    }

    /// The address, if the provider vouches for it and it is in one of these domains, exactly.
    pub fn vouched_email(&self, domains: &[String]) -> Option<&Email> {
        let email = self.email.as_ref().filter(|_| self.email_verified)?;
        let (_, domain) = email.as_str().rsplit_once('@')?;
        let allowed = domains.iter().any(|one| one.eq_ignore_ascii_case(domain));
        allowed.then_some(email)
    }
}

/// The token is for this server, and was given to nobody else.
fn judge_audience(claims: &Map<String, Value>, client_id: &str) -> Result<(), BadIdToken> {
    let party = claims.get("azp");
    let others = match claims.get("aud") {
        Some(Value::String(one)) if one == client_id => false,
        Some(Value::Array(all)) if all.iter().any(|one| one == client_id) => all.len() > 1,
        _ => return Err(BadIdToken::OtherAudience),
    };
    match party {
        Some(party) if party == client_id => Ok(()),
        None if !others => Ok(()),
        _ => Err(BadIdToken::OtherAudience),
    }
}

fn judge_times(
    claims: &Map<String, Value>,
    signed_in_since: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), BadIdToken> {
    let time = |name: &str| {
        let seconds = claims.get(name).and_then(Value::as_i64);
        seconds.map(Timestamp::from_seconds)
    };
    let (Some(expires), Some(issued)) = (time("exp"), time("iat")) else {
        return Err(BadIdToken::NotNow);
    };
    let is_recent = issued <= now.plus(SKEW) && issued.plus(MAX_AGE) >= now;
    if now >= expires.plus(SKEW) || !is_recent {
        return Err(BadIdToken::NotNow);
    }
    let fresh = |since| {
        time("auth_time")
            .is_some_and(|at: Timestamp| at.plus(SKEW) >= since && at <= now.plus(SKEW))
    };
    if signed_in_since.is_some_and(|since| !fresh(since)) {
        return Err(BadIdToken::NotFresh);
    }
    Ok(())
}

/// `at_hash`, when there is one: the first half of the access token's digest, by the hash of the ID token's algorithm.
fn judge_access_token(
    claims: &Map<String, Value>,
    expected: Expected<'_>,
) -> Result<(), BadIdToken> {
    let token = expected.access_token.as_bytes();
    let half = match expected.algorithm {
        "EdDSA" | "Ed25519" => to_base64url(&sha512(token)[..32]),
        _ => to_base64url(&sha256(token)[..16]),
    };
    match claims.get("at_hash") {
        None => Ok(()),
        Some(Value::String(hash)) if equal(hash.as_bytes(), half.as_bytes()) => Ok(()),
        Some(_) => Err(BadIdToken::OtherAccessToken),
    }
}

/// Why an ID token signs nobody in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadIdToken {
    /// `iss` is not the provider that was asked.
    #[error("the ID token is from another provider")]
    OtherIssuer,
    /// `aud` or `azp` names somebody else.
    #[error("the ID token is for another client")]
    OtherAudience,
    /// Expired, too old, not valid yet, or without times.
    #[error("the ID token is not valid now")]
    NotNow,
    /// `auth_time` is missing or too early.
    #[error("the provider did not ask the person to sign in anew")]
    NotFresh,
    /// `nonce` is another one.
    #[error("the ID token was made for another sign-in")]
    OtherNonce,
    /// `at_hash` belongs to another access token.
    #[error("the ID token came with another access token")]
    OtherAccessToken,
    /// No usable `sub`.
    #[error("the ID token names nobody")]
    NoSubject,
}

/// How far two clocks may be apart.
const SKEW: Duration = Duration::from_mins(1);
/// How long ago a token may have been made: it comes straight from the provider.
const MAX_AGE: Duration = Duration::from_mins(10);
/// The longest `sub` (OpenID Connect Core §2), in bytes.
const MAX_SUBJECT: usize = 255;
