//! Proof of possession (§4.4, §4.5 step 9, §8.14): whoever sends a token shows what it is bound to.
//!
//! Two profiles: [DPoP](super::dpop) (RFC 9449), a proof beside the token, and mutual TLS (RFC 8705), the client
//! certificate of the connection. A token names in its claim `cnf` (RFC 7800) what it is bound to, and is held
//! to it whatever the server demands. The server may demand that tokens be bound, all of them or those for some
//! capabilities.

#[cfg(test)]
mod tests;

use procura_keys::clock::Timestamp;
use procura_keys::thumbprint::Thumbprint;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::dpop::{self, DpopDefect, Expected, VerifiedProof};
use super::nonce::NonceKeys;
use super::{TokenDefect, Window};
use crate::refusal::Refusal;

/// What a server demands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Demand {
    /// Nothing beyond what the token itself says.
    #[default]
    None,
    /// A token bound to a DPoP key.
    Dpop,
    /// A token bound to a TLS client certificate.
    Mtls,
    /// A token bound to either.
    Any,
}

/// What a token is bound to: its claim `cnf`, empty when it has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// The thumbprint of a DPoP key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jkt: Option<Thumbprint>,
    /// The thumbprint of a client certificate.
    #[serde(rename = "x5t#S256", default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Thumbprint>,
}

impl Confirmation {
    /// Reads the claim. A binding that nobody here can check is refused: to ignore it would be to loosen it.
    pub(super) fn read(claims: &Map<String, Value>) -> Result<Self, TokenDefect> {
        let Some(claim) = claims.get("cnf") else {
            return Ok(Self::default());
        };
        match Self::deserialize(claim) {
            Ok(bound) if bound.is_bound() => Ok(bound),
            _ => Err(TokenDefect::BadClaim {
                name: "cnf",
                expected: "an object with jkt, x5t#S256 or both, each a SHA-256 thumbprint in base64url",
            }),
        }
    }

    /// Whether it names anything.
    pub fn is_bound(&self) -> bool {
        self.jkt.is_some() || self.certificate.is_some()
    }
}

/// How a token was sent.
#[derive(Clone, Debug)]
pub struct Presentation<'a> {
    /// The token.
    pub token: &'a str,
    /// The scheme of the Authorization header.
    pub scheme: Scheme,
    /// What stands in the header `DPoP`.
    pub proof: ProofHeader<'a>,
    /// The thumbprint of the client certificate that the connection was opened with.
    pub certificate: Option<Thumbprint>,
    /// The method of the request.
    pub method: &'a str,
    /// Its path, relative to the issuer.
    pub path: &'a str,
}

/// The scheme of an Authorization header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `Bearer`.
    Bearer,
    /// `DPoP`.
    Dpop,
}

/// The header `DPoP` of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofHeader<'a> {
    /// There is none.
    Absent,
    /// There is one.
    One(&'a str),
    /// There are several, or one that is no text.
    Unreadable,
}

/// By what a server judges proofs.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// Its base URL.
    pub issuer: &'a str,
    /// What nonces are recognised with, where proofs need one.
    pub nonces: Option<&'a NonceKeys>,
    /// For how long proofs are good.
    pub window: Window,
    /// The present moment.
    pub now: Timestamp,
}

/// What was shown of a token's sender.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Possession {
    dpop: bool,
    mtls: bool,
    proof: Option<VerifiedProof>,
}

impl Possession {
    /// Holds a token to what it is bound to.
    pub fn prove(
        bound: &Confirmation,
        sent: &Presentation<'_>,
        terms: &Terms<'_>,
    ) -> Result<Self, Refusal> {
        let proof = match (&bound.jkt, sent.scheme) {
            (Some(key), Scheme::Dpop) => Some(verify_proof(key, sent, terms)?),
            (Some(_), Scheme::Bearer) => return Err(DpopDefect::SentAsBearer.into()),
            (None, Scheme::Dpop) => return Err(DpopDefect::NotBound.into()),
            (None, Scheme::Bearer) => None,
        };
        if bound.certificate.is_some() && bound.certificate != sent.certificate {
            return Err(TokenDefect::OtherCertificate.into());
        }
        Ok(Self {
            dpop: proof.is_some(),
            mtls: bound.certificate.is_some(),
            proof,
        })
    }

    /// What a service has to hold the token to that got it and asks about it. Here nothing can be shown.
    pub fn promised(bound: &Confirmation) -> Self {
        Self {
            dpop: bound.jkt.is_some(),
            mtls: bound.certificate.is_some(),
            proof: None,
        }
    }

    /// Whether this is enough.
    pub fn require(&self, demand: Demand) -> Result<(), Refusal> {
        match demand {
            Demand::Dpop if !self.dpop => Err(DpopDefect::Required.into()),
            Demand::Any if !self.dpop && !self.mtls => Err(DpopDefect::Required.into()),
            Demand::Mtls if !self.mtls => Err(TokenDefect::CertificateRequired.into()),
            _ => Ok(()),
        }
    }

    /// The proof to use up.
    pub fn proof(&self) -> Option<&VerifiedProof> {
        self.proof.as_ref()
    }
}

fn verify_proof(
    key: &Thumbprint,
    sent: &Presentation<'_>,
    terms: &Terms<'_>,
) -> Result<VerifiedProof, Refusal> {
    let ProofHeader::One(proof) = sent.proof else {
        return Err(DpopDefect::NotOneHeader.into());
    };
    let url = format!("{}{}", terms.issuer, sent.path);
    let expected = Expected {
        token: sent.token,
        key,
        method: sent.method,
        url: &url,
        nonces: terms.nonces,
        window: terms.window,
        now: terms.now,
    };
    dpop::verify(proof, &expected)
}
