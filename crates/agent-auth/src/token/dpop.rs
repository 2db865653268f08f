//! DPoP proofs (RFC 9449 §4): a JWT beside the token, signed for this one request with the key that the token
//! names in `cnf.jkt`.

#[cfg(test)]
mod tests;

use procura_keys::clock::Timestamp;
use procura_keys::digest::{sha256, to_base64url};
use procura_keys::jwt::{JwtError, Unverified};
use procura_keys::thumbprint::Thumbprint;
use procura_keys::verifying_key::{VerifyingKey, VerifyingKeyError};
use serde_json::{Map, Value};
use url::Url;

use super::nonce::NonceKeys;
use super::{FORM, TokenDefect, Window, claims};
use crate::refusal::Refusal;

/// Header `typ` of a proof.
pub const TYPE: &str = "dpop+jwt";
/// The algorithms in which proofs may be signed, as discovery lists them.
pub const ALGORITHMS: [&str; 3] = ["EdDSA", "Ed25519", "ES256"];

/// What a proof has to be about.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The token it comes with.
    pub token: &'a str,
    /// The key that the token is bound to.
    pub key: &'a Thumbprint,
    /// The method of the request.
    pub method: &'a str,
    /// The URL of the request without its query, as clients know it: under the server's issuer, whatever the
    /// Host header says.
    pub url: &'a str,
    /// What nonces are recognised with, where proofs need one.
    pub nonces: Option<&'a NonceKeys>,
    /// For how long proofs are good.
    pub window: Window,
    /// The present moment.
    pub now: Timestamp,
}

/// A proof that held. Its `jti` has still to be used up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedProof {
    key: Thumbprint,
    jti: String,
    forget_at: Timestamp,
}

impl VerifiedProof {
    /// The key that signed.
    pub fn key(&self) -> &Thumbprint {
        &self.key
    }

    /// The proof's own name, unique for its key.
    pub fn jti(&self) -> &str {
        &self.jti
    }

    /// From when on the proof is refused for its age, so that its `jti` may be forgotten.
    pub fn forget_at(&self) -> Timestamp {
        self.forget_at
    }
}

/// Judges a proof in the order of RFC 9449 §4.3: form, key, signature, request, time, token, key of the token,
/// nonce.
pub fn verify(proof: &str, expected: &Expected<'_>) -> Result<VerifiedProof, Refusal> {
    let proof =
        Unverified::parse_any(proof, &ALGORITHMS, FORM.max_bytes).map_err(DpopDefect::Malformed)?;
    let key = signing_key(&proof)?;
    let claims = &proof.claims;
    let jti = claims::name_of_token(claims).map_err(DpopDefect::BadClaim)?;
    require_this_request(claims, expected)?;
    let forget_at = judge_time(claims, expected)?;
    if text(claims, "ath")? != to_base64url(&sha256(expected.token.as_bytes())) {
        return Err(DpopDefect::OtherToken.into());
    }
    if key != *expected.key {
        return Err(DpopDefect::OtherKey.into());
    }
    require_nonce(claims, expected)?;
    Ok(VerifiedProof {
        key,
        jti,
        forget_at,
    })
}

/// The thumbprint of the key in the header, which has signed the proof.
fn signing_key(proof: &Unverified<'_>) -> Result<Thumbprint, DpopDefect> {
    if proof.typ.as_deref() != Some(TYPE) {
        return Err(DpopDefect::WrongType);
    }
    let jwk = proof.jwk.as_ref().ok_or(DpopDefect::NoKey)?;
    let key = VerifyingKey::parse(jwk).map_err(DpopDefect::BadKey)?;
    if proof.is_signed_by_any(&key) {
        Ok(key.thumbprint())
    } else {
        Err(DpopDefect::BadSignature)
    }
}

fn require_this_request(
    claims: &Map<String, Value>,
    expected: &Expected<'_>,
) -> Result<(), DpopDefect> {
    if text(claims, "htm")? != expected.method {
        return Err(DpopDefect::OtherMethod);
    }
    let named = text(claims, "htu")?;
    match (normal(&named), normal(expected.url)) {
        (Some(named), Some(url)) if named == url => Ok(()),
        _ => Err(DpopDefect::OtherUrl(expected.url.to_owned())),
    }
}

/// A URL as a parser prints it, without query and fragment.
fn normal(url: &str) -> Option<Url> {
    let mut url = Url::parse(url).ok()?;
    url.set_query(None);
    url.set_fragment(None);
    Some(url)
}

/// A proof has no `exp`: it is good for as long as the server takes any token.
fn judge_time(
    claims: &Map<String, Value>,
    expected: &Expected<'_>,
) -> Result<Timestamp, DpopDefect> {
    let Window { skew, max_age } = expected.window;
    let iat = claims::moment(claims, "iat").map_err(DpopDefect::BadClaim)?;
    let end = iat.plus(max_age).plus(skew);
    if iat > expected.now.plus(skew) {
        Err(DpopDefect::IssuedInTheFuture)
    } else if expected.now >= end {
        Err(DpopDefect::TooOld)
    } else {
        Ok(end)
    }
}

fn require_nonce(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<(), Refusal> {
    let Some(nonces) = expected.nonces else {
        return Ok(());
    };
    let nonce = claims.get("nonce").and_then(Value::as_str);
    if nonce.is_some_and(|nonce| nonces.accepts(nonce, expected.now)) {
        Ok(())
    } else {
        let nonce = nonces.issue(expected.now);
        Err(Refusal::UseDpopNonce { nonce })
    }
}

fn text(claims: &Map<String, Value>, name: &'static str) -> Result<String, DpopDefect> {
    claims::text(claims, name).map_err(DpopDefect::BadClaim)
}

/// Why the key that a token is bound to was not shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DpopDefect {
    /// The server demands proof, and the token is bound to no key.
    #[error(
        "This server demands proof of possession (RFC 9449). Put the thumbprint of a key into the JWT's claim cnf, \
         member jkt, and send Authorization: DPoP <jwt> with a proof by that key in the DPoP header."
    )]
    Required,
    /// A bound token was sent as if it were not.
    #[error(
        "The token is bound to a key by cnf.jkt. Send it as Authorization: DPoP <jwt> with a proof by that key in \
         the DPoP header."
    )]
    SentAsBearer,
    /// An unbound token was sent as if it were bound.
    #[error(
        "The token is sent with the scheme DPoP and bound to no key. Put the thumbprint of the proof's key into \
         its claim cnf, member jkt."
    )]
    NotBound,
    /// No proof, or several.
    #[error("The scheme DPoP takes one header DPoP with one proof.")]
    NotOneHeader,
    /// Not a proof's form.
    #[error("The DPoP proof is refused: {0}.")]
    Malformed(JwtError),
    /// A JWT of another kind.
    #[error("The DPoP proof's header typ has to be {TYPE}.")]
    WrongType,
    /// Nothing to verify with.
    #[error("The DPoP proof's header needs the member jwk: the public key that signed it.")]
    NoKey,
    /// A key that is none, or private.
    #[error("The DPoP proof's header member jwk is refused: {0}.")]
    BadKey(VerifyingKeyError),
    /// Another key signed, or its algorithm is another one.
    #[error("The DPoP proof is not signed with the key and algorithm in its header.")]
    BadSignature,
    /// A claim is absent or has the wrong type.
    #[error("The DPoP proof is refused. {0}")]
    BadClaim(TokenDefect),
    /// Made for another method.
    #[error("The DPoP proof's htm is not the method of this request.")]
    OtherMethod,
    /// Made for another URL.
    #[error("The DPoP proof's htu is not {0}, the URL of this request without its query.")]
    OtherUrl(String),
    /// `iat` lies ahead of the server's clock.
    #[error(
        "The DPoP proof's iat lies in the future. Set the clock, or use the Date header of this answer."
    )]
    IssuedInTheFuture,
    /// Older than the server accepts.
    #[error("The DPoP proof is too old. Sign a new one for each request.")]
    TooOld,
    /// Made for another token.
    #[error("The DPoP proof's ath is not the SHA-256 of this token in base64url.")]
    OtherToken,
    /// Signed with another key than the token's.
    #[error("The DPoP proof is signed with another key than the one in the token's cnf.jkt.")]
    OtherKey,
    /// Used before.
    #[error("The DPoP proof's jti was used before. Sign a new proof for each request.")]
    Replayed,
}

impl DpopDefect {
    /// If it is about time: in which way (§8.2).
    pub fn about_time(&self) -> Option<&'static str> {
        match self {
            Self::IssuedInTheFuture => Some("issued_in_the_future"),
            Self::TooOld => Some("too_old"),
            _ => None,
        }
    }
}
