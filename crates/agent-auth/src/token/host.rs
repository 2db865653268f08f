//! Host JWTs (§4.2): parsed, then verified against the loaded host or, for a new one, against the key it
//! presents (§4.5.1 steps 1 to 8).

use procura_keys::clock::Timestamp;
use procura_keys::jwk::PublicJwk;
use procura_keys::jwt::Unverified;
use procura_keys::key::PublicKey;
use procura_keys::thumbprint::Thumbprint;
use serde_json::{Map, Value};

use super::claims::{Common, optional_text};
use super::{FORM, TokenDefect, Window};
use crate::host::Host;
use crate::refusal::Refusal;

/// Header `typ` of a host JWT.
pub const TYPE: &str = "host+jwt";

/// A well-formed host JWT meant for this server.
#[derive(Debug)]
pub struct UnverifiedHostToken<'a> {
    token: Unverified<'a>,
    common: Common,
    issuer: Thumbprint,
    presented: PublicKey,
}

impl<'a> UnverifiedHostToken<'a> {
    /// Steps 1 to 3: type, claims, audience.
    pub fn parse(token: &'a str, issuer: &str) -> Result<Self, Refusal> {
        let token = Unverified::parse(token, FORM).map_err(TokenDefect::from)?;
        if token.typ.as_deref() != Some(TYPE) {
            return Err(TokenDefect::WrongType(TYPE).into());
        }
        let common = Common::read(&token.claims)?;
        let presented = inline_key(&token.claims, HOST_KEY)?;
        common.is_for_one_of(&[issuer])?;
        let presented = presented.ok_or(TokenDefect::BadClaim {
            name: HOST_KEY.inline,
            expected: "the host's public JWK",
        })?;
        let presented = PublicJwk::parse(presented)?.key;
        let issuer = Thumbprint::try_from(common.iss.clone())
            .map_err(|_| TokenDefect::ThumbprintMismatch)?;
        if Thumbprint::of(&presented) != issuer {
            return Err(TokenDefect::ThumbprintMismatch.into());
        }
        Ok(Self {
            token,
            common,
            issuer,
            presented,
        })
    }

    /// By which thumbprint the server knows the host, if it does.
    pub fn issuer(&self) -> &Thumbprint {
        &self.issuer
    }

    /// Steps 5 to 8 without replay: signature, times, state. `host` is the record found under
    /// [`issuer`](Self::issuer); without one the token introduces a new host.
    pub fn verify(
        self,
        host: Option<&Host>,
        standing: Standing,
        window: Window,
        now: Timestamp,
    ) -> Result<VerifiedHostToken, Refusal> {
        let key = host.map_or(&self.presented, |host| &host.public_key);
        if *key != self.presented || !self.token.is_signed_by(key) {
            return Err(TokenDefect::NotVerified.into());
        }
        let forget_at = self.common.judge_times(window, now)?;
        if let Some(host) = host {
            match standing {
                Standing::Active => host.status.require_active()?,
                Standing::NotEnded => host.status.require_not_ended()?,
            }
        }
        Ok(VerifiedHostToken {
            key: self.presented,
            thumbprint: self.issuer,
            jti: self.common.jti,
            forget_at,
            claims: self.token.claims,
        })
    }
}

/// Which hosts an operation is open to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Approved ones.
    Active,
    /// Also those that wait for approval.
    NotEnded,
}

/// Proof that the host of this key signed this request just now. Only [`UnverifiedHostToken::verify`] makes it.
#[derive(Debug)]
pub struct VerifiedHostToken {
    key: PublicKey,
    thumbprint: Thumbprint,
    jti: String,
    forget_at: Timestamp,
    claims: Map<String, Value>,
}

impl VerifiedHostToken {
    /// The key that signed.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// That key's thumbprint.
    pub fn thumbprint(&self) -> &Thumbprint {
        &self.thumbprint
    }

    /// The token's own name, unique for this host.
    pub fn jti(&self) -> &str {
        &self.jti
    }

    /// From when on the token is refused for its age, so that its `jti` may be forgotten.
    pub fn forget_at(&self) -> Timestamp {
        self.forget_at
    }

    /// The key of the agent to register (§5.3). Other operations ignore it.
    pub fn agent_key(&self) -> Result<PublicKey, Refusal> {
        let claim = inline_key(&self.claims, AGENT_KEY)?.ok_or_else(|| {
            Refusal::invalid("Registration needs the claim agent_public_key in the host JWT: the agent's public JWK.")
        })?;
        Ok(PublicJwk::parse(claim)?.key)
    }
}

/// The two names under which a key may come.
#[derive(Clone, Copy)]
struct KeyClaims {
    inline: &'static str,
    url: &'static str,
}

const HOST_KEY: KeyClaims = KeyClaims {
    inline: "host_public_key",
    url: "host_jwks_url",
};
const AGENT_KEY: KeyClaims = KeyClaims {
    inline: "agent_public_key",
    url: "agent_jwks_url",
};

fn inline_key(
    claims: &Map<String, Value>,
    names: KeyClaims,
) -> Result<Option<&Value>, TokenDefect> {
    let url = optional_text(claims, names.url)?;
    match (claims.get(names.inline), url) {
        (Some(_), Some(_)) => Err(TokenDefect::TwoKeys(names.inline, names.url)),
        (None, Some(_)) => Err(TokenDefect::InlineKeysOnly(names.inline, names.url)),
        (inline, None) => Ok(inline),
    }
}
