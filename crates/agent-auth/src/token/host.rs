//! Host JWTs (§4.2): parsed, then verified against the loaded host and, if it publishes its keys, against its
//! key set; for a new host, against the key it presents (§4.5.1 steps 1 to 8).

use procura_keys::clock::Timestamp;
use procura_keys::jwk::PublicJwk;
use procura_keys::jwk_set::{JwkSet, KeyName};
use procura_keys::jwt::Unverified;
use procura_keys::key::PublicKey;
use procura_keys::thumbprint::Thumbprint;
use serde_json::{Map, Value};

use super::claims::{Common, optional_text};
use super::possession::Confirmation;
use super::{FORM, TokenDefect, Window};
use crate::agent::AgentJwks;
use crate::host::Host;
use crate::jwks::JwksUrl;
use crate::refusal::Refusal;

/// Header `typ` of a host JWT.
pub const TYPE: &str = "host+jwt";

/// A well-formed host JWT meant for this server.
#[derive(Debug)]
pub struct UnverifiedHostToken<'a> {
    token: Unverified<'a>,
    common: Common,
    issuer: Thumbprint,
    presented: Presented,
    confirmation: Confirmation,
}

/// How the host delivers its key.
#[derive(Debug)]
enum Presented {
    Inline(PublicKey),
    Published { url: JwksUrl, kid: String },
}

impl<'a> UnverifiedHostToken<'a> {
    /// Steps 1 to 3: type, claims, audience.
    pub fn parse(token: &'a str, issuer: &str) -> Result<Self, Refusal> {
        let token = Unverified::parse(token, FORM).map_err(TokenDefect::from)?;
        if token.typ.as_deref() != Some(TYPE) {
            return Err(TokenDefect::WrongType(TYPE).into());
        }
        let common = Common::read(&token.claims)?;
        let claim = key_claim(&token.claims, HOST_KEY)?;
        let confirmation = Confirmation::read(&token.claims)?;
        common.is_for_one_of(&[issuer])?;
        let presented = presented(claim, token.kid.as_deref())?;
        let issuer = Thumbprint::try_from(common.iss.clone())
            .map_err(|_| TokenDefect::ThumbprintMismatch)?;
        if let Presented::Inline(key) = &presented
            && Thumbprint::of(key) != issuer
        {
            return Err(TokenDefect::ThumbprintMismatch.into());
        }
        Ok(Self {
            token,
            common,
            issuer,
            presented,
            confirmation,
        })
    }

    /// By which thumbprint the server knows the host, if it does.
    pub fn issuer(&self) -> &Thumbprint {
        &self.issuer
    }

    /// Where the host says that it publishes its keys: by this the server knows it if it does not know
    /// [`issuer`](Self::issuer).
    pub fn jwks_url(&self) -> Option<&JwksUrl> {
        match &self.presented {
            Presented::Inline(_) => None,
            Presented::Published { url, .. } => Some(url),
        }
    }

    /// The key set to fetch before [`verify`](Self::verify), and the key to look for in it. `None` when the
    /// token can be judged without: its key is inline, or the host is not one that publishes its keys there.
    pub fn key_set_of(&self, host: Option<&Host>) -> Option<(&JwksUrl, KeyName<'_>)> {
        let Presented::Published { url, kid } = &self.presented else {
            return None;
        };
        let publishes = host.is_none_or(|host| url_of(host) == Some(url));
        let wanted = KeyName::Both {
            kid,
            thumbprint: self.issuer.as_str(),
        };
        publishes.then_some((url, wanted))
    }

    /// Steps 5 to 8 without replay: signature, times, state.
    pub fn verify(
        self,
        known: Known<'_>,
        standing: Standing,
        window: Window,
        now: Timestamp,
    ) -> Result<VerifiedHostToken, Refusal> {
        let key = self.signing_key(known)?.clone();
        if !self.token.is_signed_by(&key) {
            return Err(TokenDefect::NotVerified.into());
        }
        if let Some(host) = known.host {
            self.require_same_delivery(host)?;
        }
        let forget_at = self.common.judge_times(window, now)?;
        if let Some(host) = known.host {
            match standing {
                Standing::Active => host.status.require_active()?,
                Standing::NotEnded => host.status.require_not_ended()?,
            }
        }
        Ok(VerifiedHostToken {
            key,
            jwks_url: self.jwks_url().cloned(),
            thumbprint: self.issuer,
            jti: self.common.jti,
            confirmation: self.confirmation,
            forget_at,
            claims: self.token.claims,
        })
    }

    /// The only key that may have signed: the one that `iss` names.
    fn signing_key<'k>(&'k self, known: Known<'k>) -> Result<&'k PublicKey, TokenDefect> {
        let on_record = known.host.map(|host| &host.public_key);
        match &self.presented {
            Presented::Inline(key) if on_record.is_none_or(|known| known == key) => Ok(key),
            Presented::Inline(_) => Err(TokenDefect::NotVerified),
            // Known by iss, and not for publishing: its own key shows that it is itself who says so.
            Presented::Published { .. } if known.host.is_some_and(|host| host.jwks.is_none()) => {
                on_record.ok_or(TokenDefect::NotVerified)
            }
            Presented::Published { kid, .. } => {
                let set = known.key_set.ok_or(TokenDefect::NotVerified)?;
                let key = set
                    .find(KeyName::Kid(kid))
                    .ok_or(TokenDefect::KidNotPublished(HOST_KEY.url))?;
                if Thumbprint::of(key) == self.issuer {
                    Ok(key)
                } else {
                    Err(TokenDefect::ThumbprintMismatch)
                }
            }
        }
    }

    /// How a host delivers its keys never changes (§8.7).
    fn require_same_delivery(&self, host: &Host) -> Result<(), TokenDefect> {
        match (url_of(host), &self.presented) {
            (None, Presented::Inline(_)) => Ok(()),
            (Some(url), Presented::Published { url: presented, .. }) if url == presented => Ok(()),
            (Some(_), Presented::Published { .. }) => Err(TokenDefect::NotVerified),
            (Some(_), Presented::Inline(_)) => Err(TokenDefect::DeliveryFixed(HOST_KEY.url)),
            (None, Presented::Published { .. }) => Err(TokenDefect::DeliveryFixed(HOST_KEY.inline)),
        }
    }
}

/// What is known about whoever a host JWT claims to be from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    /// The record found under `iss` or else under the URL of its keys; without one the token introduces a new
    /// host.
    pub host: Option<&'a Host>,
    /// What is published under [`key_set_of`](UnverifiedHostToken::key_set_of).
    pub key_set: Option<&'a JwkSet>,
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
    jwks_url: Option<JwksUrl>,
    thumbprint: Thumbprint,
    jti: String,
    confirmation: Confirmation,
    forget_at: Timestamp,
    claims: Map<String, Value>,
}

impl VerifiedHostToken {
    /// The key that signed.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Where that key is published, if it is.
    pub fn jwks_url(&self) -> Option<&JwksUrl> {
        self.jwks_url.as_ref()
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

    /// What the token is bound to. Whoever sends it has to show that, too.
    pub fn confirmation(&self) -> &Confirmation {
        &self.confirmation
    }

    /// The key of the agent to register (§5.3). Other operations ignore it.
    pub fn agent_key(&self) -> Result<AgentKey, Refusal> {
        match key_claim(&self.claims, AGENT_KEY)? {
            Some(KeyClaim::Inline(jwk)) => Ok(AgentKey::Inline(PublicJwk::parse(jwk)?.key)),
            Some(KeyClaim::Url(url)) => self.published_agent_key(&url).map(AgentKey::Published),
            None => Err(Refusal::invalid(
                "Registration needs the agent's key in the host JWT: the claim agent_public_key with its public \
                 JWK, or agent_jwks_url with agent_kid.",
            )),
        }
    }

    fn published_agent_key(&self, url: &str) -> Result<AgentJwks, Refusal> {
        let url: JwksUrl = url
            .parse()
            .map_err(|error| Refusal::invalid(format!("agent_jwks_url has to be {error}.")))?;
        if self.jwks_url.as_ref() == Some(&url) {
            return Err(Refusal::invalid(
                "agent_jwks_url and host_jwks_url have to be different URLs.",
            ));
        }
        let kid = optional_text(&self.claims, "agent_kid")
            .ok()
            .flatten()
            .filter(|kid| kid.len() <= MAX_KID)
            .ok_or_else(|| {
                Refusal::invalid(
                    "agent_jwks_url needs the claim agent_kid: the kid of the agent's key in that set.",
                )
            })?;
        Ok(AgentJwks { url, kid })
    }
}

/// How an agent that registers delivers its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentKey {
    /// In the token.
    Inline(PublicKey),
    /// Published.
    Published(AgentJwks),
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

enum KeyClaim<'a> {
    Inline(&'a Value),
    Url(String),
}

fn key_claim(
    claims: &Map<String, Value>,
    names: KeyClaims,
) -> Result<Option<KeyClaim<'_>>, TokenDefect> {
    let url = optional_text(claims, names.url)?;
    match (claims.get(names.inline), url) {
        (Some(_), Some(_)) => Err(TokenDefect::TwoKeys(names.inline, names.url)),
        (Some(jwk), None) => Ok(Some(KeyClaim::Inline(jwk))),
        (None, url) => Ok(url.map(KeyClaim::Url)),
    }
}

fn presented(claim: Option<KeyClaim<'_>>, kid: Option<&str>) -> Result<Presented, Refusal> {
    match claim {
        Some(KeyClaim::Inline(jwk)) => Ok(Presented::Inline(PublicJwk::parse(jwk)?.key)),
        Some(KeyClaim::Url(url)) => {
            let url = url.parse().map_err(|_| TokenDefect::BadClaim {
                name: HOST_KEY.url,
                expected: "an https URL without user name, password and fragment",
            })?;
            let kid = kid.ok_or(TokenDefect::NoKid)?.to_owned();
            Ok(Presented::Published { url, kid })
        }
        None => Err(TokenDefect::BadClaim {
            name: HOST_KEY.inline,
            expected: "the host's public JWK",
        }
        .into()),
    }
}

fn url_of(host: &Host) -> Option<&JwksUrl> {
    host.jwks.as_ref().map(|jwks| &jwks.url)
}

const MAX_KID: usize = 256;
