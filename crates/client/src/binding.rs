//! Binding tokens to a key where the provider demands it (§4.4): DPoP (RFC 9449).
//!
//! The agent signs its tokens itself, so each may be bound to a key of its own. One is made for each exchange and
//! kept nowhere.

#[cfg(test)]
mod tests;

use http::header::HeaderName;
use http::{HeaderMap, Method};
use procura_agent_auth::token::dpop;
use procura_keys::digest::{sha256, to_base64url};
use procura_keys::entropy::Entropy;
use procura_keys::jwt::{Header, sign_showing_key};
use procura_keys::key::{KeyError, SigningKey};
use procura_keys::thumbprint::Thumbprint;
use serde_json::json;
use url::Url;

use crate::token::Stamp;

/// The key that the tokens of one exchange are bound to, and the nonce that the provider wants in proofs.
pub(crate) struct Binding {
    key: SigningKey,
    thumbprint: Thumbprint,
    nonce: Option<String>,
}

impl Binding {
    pub(crate) fn new(entropy: &dyn Entropy) -> Result<Self, KeyError> {
        let key = SigningKey::generate(entropy)?;
        Ok(Self {
            thumbprint: Thumbprint::of(key.public()),
            key,
            nonce: None,
        })
    }

    /// What the token has to name in `cnf.jkt`.
    pub(crate) fn thumbprint(&self) -> &Thumbprint {
        &self.thumbprint
    }

    /// Takes over the nonce of an answer. Returns whether there is one.
    pub(crate) fn learn_nonce(&mut self, headers: &HeaderMap) -> bool {
        let nonce = headers.get(DPOP_NONCE).and_then(|it| it.to_str().ok());
        self.nonce = nonce.map(str::to_owned);
        self.nonce.is_some()
    }

    /// The proof that the bearer of `token` holds the key, for one request.
    pub(crate) fn proof(
        &self,
        token: &str,
        method: &Method,
        url: &Url,
        stamp: Stamp,
    ) -> serde_json::Result<String> {
        let mut bare = url.clone();
        bare.set_query(None);
        bare.set_fragment(None);
        let (issued_at, jti) = stamp.into_parts();
        let mut claims = json!({
            "htm": method.as_str(),
            "htu": bare.as_str(),
            "iat": issued_at,
            "jti": jti,
            "ath": to_base64url(&sha256(token.as_bytes())),
        });
        if let Some(nonce) = &self.nonce {
            claims["nonce"] = json!(nonce);
        }
        let header = Header {
            algorithm: "EdDSA",
            typ: dpop::TYPE,
            kid: None,
        };
        sign_showing_key(header, &claims, &self.key)
    }
}

/// The header of a proof.
pub(crate) const DPOP: HeaderName = HeaderName::from_static("dpop");
const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");
