//! Tokens: what hosts (§4.2) and agents (§4.3) sign, and how it is verified (§4.5, §4.5.1).
//!
//! One order for both: header `typ` and `alg`, shape of the claims, audience, signer, signature, times,
//! states. Replay, [possession] and grants follow outside, once a `Verified…` value exists. Nothing is told
//! about a host or an agent before a signature has verified, and a bad signature never uses up a `jti`.

pub mod agent;
mod claims;
pub mod dpop;
pub mod host;
pub mod nonce;
pub mod possession;
#[cfg(test)]
mod tests;

use std::time::Duration;

use procura_keys::clock::Timestamp;
use procura_keys::jwk_set::JwkSetError;
use procura_keys::jwt::{Form, JwtError};

/// How tokens of this protocol are written (§4.1).
pub const FORM: Form = Form {
    algorithm: "EdDSA",
    max_bytes: 8 * 1024,
};

/// For how long a token is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// How far the clocks of signer and server may be apart (§8.2).
    pub skew: Duration,
    /// How old a token may be, whatever its `exp` says.
    pub max_age: Duration,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            skew: Duration::from_secs(30),
            max_age: Duration::from_mins(1),
        }
    }
}

impl Window {
    /// Judges `iat` and `exp`. Returns the moment from which the token can no longer be accepted, which is
    /// for how long its `jti` has to be remembered.
    fn judge(
        &self,
        iat: Timestamp,
        exp: Timestamp,
        now: Timestamp,
    ) -> Result<Timestamp, TokenDefect> {
        let end = exp.min(iat.plus(self.max_age)).plus(self.skew);
        if exp <= iat {
            Err(TokenDefect::ExpiresBeforeIssued)
        } else if iat > now.plus(self.skew) {
            Err(TokenDefect::IssuedInTheFuture)
        } else if now >= exp.plus(self.skew) {
            Err(TokenDefect::Expired)
        } else if now >= end {
            Err(TokenDefect::TooOld(self.max_age))
        } else {
            Ok(end)
        }
    }
}

/// Why a token proves nothing. Shown to its bearer, so it says what to fix and nothing about anybody's state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenDefect {
    /// No token was sent.
    #[error("This endpoint requires a JWT. Send it as Authorization: Bearer <jwt>.")]
    Missing,
    /// Another scheme, or more than one header.
    #[error(
        "The Authorization header has to be one header of the form Bearer <jwt> or DPoP <jwt>."
    )]
    NotBearer,
    /// Not a token of this protocol's form.
    #[error("{0}.")]
    Malformed(#[from] JwtError),
    /// A token of the other kind, or of none.
    #[error("The token's header typ has to be {0}.")]
    WrongType(&'static str),
    /// A claim is absent or has the wrong type.
    #[error("The token's claim {name:?} has to be {expected}.")]
    BadClaim {
        /// The claim.
        name: &'static str,
        /// What it has to be.
        expected: &'static str,
    },
    /// Meant for somebody else.
    #[error("The token's aud is not {0}.")]
    WrongAudience(String),
    /// `iss`, `sub`, key and signature do not belong together. One answer for all, so that nobody learns
    /// which hosts and agents exist.
    #[error(
        "The token's signer cannot be verified. Check that iss is the thumbprint of the host's registered key, \
         that sub is an agent of that host, and that the right key signed."
    )]
    NotVerified,
    /// The presented or published key is not the one `iss` names.
    #[error(
        "The token's iss has to be the SHA-256 JWK thumbprint (RFC 7638) of the key that signs it."
    )]
    ThumbprintMismatch,
    /// Two ways of delivering the same key at once.
    #[error("The token carries both {0} and {1}; send one of them.")]
    TwoKeys(&'static str, &'static str),
    /// A published key that the header does not name.
    #[error("The token's header needs the member kid: it names the signing key in host_jwks_url.")]
    NoKid,
    /// The set has no key of that name.
    #[error("The key set at {0} has no Ed25519 key with the kid that the token names.")]
    KidNotPublished(&'static str),
    /// The server takes no published keys.
    #[error("This server takes no published keys. Send the key itself instead of {0}.")]
    KeysNotTaken(&'static str),
    /// The set could not be fetched, and none is kept.
    #[error(
        "The key set at {0} cannot be fetched at present. It has to be reachable over https at a public address."
    )]
    KeySetUnavailable(&'static str),
    /// The set breaks a rule.
    #[error("The key set at {0} is refused: {1}.")]
    BadKeySet(&'static str, JwkSetError),
    /// The other way of delivering keys than the one the host was registered with.
    #[error(
        "How a host delivers its keys is fixed at registration. Send {0}, or register as a new host."
    )]
    DeliveryFixed(&'static str),
    /// `exp` is not after `iat`.
    #[error("The token's exp has to be later than its iat.")]
    ExpiresBeforeIssued,
    /// Past `exp`.
    #[error("The token has expired. Sign a new one for each request.")]
    Expired,
    /// `iat` lies ahead of the server's clock.
    #[error(
        "The token's iat lies in the future. Set the clock, or use the Date header of this answer."
    )]
    IssuedInTheFuture,
    /// `nbf` lies ahead of the server's clock.
    #[error("The token's nbf lies in the future. Set the clock, or leave nbf out.")]
    NotYetValid,
    /// Older than the server accepts.
    #[error("The token is older than {} s. Sign a new one for each request.", .0.as_secs())]
    TooOld(Duration),
    /// The server demands a bound client certificate, and the token names none.
    #[error(
        "This server demands a token that is bound to a TLS client certificate: put its SHA-256 thumbprint into \
         the claim cnf, member x5t#S256, and connect with it (RFC 8705)."
    )]
    CertificateRequired,
    /// The token is bound to a client certificate, and the connection does not have it.
    #[error(
        "The token is bound to a TLS client certificate (cnf, member x5t#S256), and the request did not come over \
         a connection with that certificate."
    )]
    OtherCertificate,
    /// The token is bound to something that nobody here can check.
    #[error(
        "The token is bound by its claim cnf, and this service cannot check that. Send one without it."
    )]
    BindingNotChecked,
    /// Used before.
    #[error("The token's jti was used before. Sign a new token for each request.")]
    Replayed,
}

impl TokenDefect {
    /// If it is about time: in which way. A high rate of these tells of wrong clocks, or of replays (§8.2).
    pub fn about_time(&self) -> Option<&'static str> {
        match self {
            Self::Expired => Some("expired"),
            Self::IssuedInTheFuture => Some("issued_in_the_future"),
            Self::TooOld(_) => Some("too_old"),
            _ => None,
        }
    }
}
