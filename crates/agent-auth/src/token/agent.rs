//! Agent JWTs (§4.3): parsed, then verified against the loaded agent and host and, where they publish their
//! keys, against their key sets (§4.5 steps 1 to 8).

use procura_keys::clock::Timestamp;
use procura_keys::jwk_set::{JwkSet, KeyName};
use procura_keys::jwt::Unverified;
use procura_keys::key::PublicKey;
use serde_json::Value;

use super::claims::Common;
use super::possession::Confirmation;
use super::{FORM, TokenDefect, Window};
use crate::agent::{Agent, AgentState};
use crate::capability::CapabilityName;
use crate::compat::Compat;
use crate::host::Host;
use crate::id::AgentId;
use crate::lifetime::{self, LifetimePolicy};
use crate::refusal::Refusal;

/// Header `typ` of an agent JWT.
pub const TYPE: &str = "agent+jwt";

/// A well-formed agent JWT meant for this server. It exposes only what looking up its signer needs.
#[derive(Debug)]
pub struct UnverifiedAgentToken<'a> {
    token: Unverified<'a>,
    common: Common,
    /// Whether it has an `iss`.
    names_host: bool,
    agent_id: AgentId,
    capabilities: Option<Vec<CapabilityName>>,
    confirmation: Confirmation,
}

impl<'a> UnverifiedAgentToken<'a> {
    /// Steps 1 to 3: type, claims, audience.
    pub fn parse(token: &'a str, audiences: &[&str]) -> Result<Self, TokenDefect> {
        Self::parse_for(token, audiences, Compat::Strict)
    }

    /// The same, with what `compat` lets pass.
    pub fn parse_for(
        token: &'a str,
        audiences: &[&str],
        compat: Compat,
    ) -> Result<Self, TokenDefect> {
        let token = Unverified::parse(token, FORM)?;
        if token.typ.as_deref() != Some(TYPE) {
            return Err(TokenDefect::WrongType(TYPE));
        }
        let names_host = token.claims.contains_key("iss") || !compat.accepts_missing_issuer();
        let common = if names_host {
            Common::read(&token.claims)?
        } else {
            Common::read_from(String::new(), &token.claims)?
        };
        let sub = super::claims::text(&token.claims, "sub")?;
        let capabilities = token.claims.get("capabilities").map(names).transpose()?;
        let confirmation = Confirmation::read(&token.claims)?;
        common.is_for_one_of(audiences)?;
        // A sub of another form names no agent, which its bearer learns like every other mismatch.
        let agent_id = AgentId::try_from(sub).map_err(|_| TokenDefect::NotVerified)?;
        Ok(Self {
            token,
            common,
            names_host,
            agent_id,
            capabilities,
            confirmation,
        })
    }

    /// The agent that claims to have signed.
    pub fn agent_id(&self) -> &AgentId {
        &self.agent_id
    }

    /// Under which name it knows its host; absent only where that is let pass.
    pub fn issuer(&self) -> Option<&str> {
        self.names_host.then_some(self.common.iss.as_str())
    }

    /// Which of its published keys it says to have signed with.
    pub fn kid(&self) -> Option<&str> {
        self.token.kid.as_deref()
    }

    /// What it says to be bound to.
    pub fn confirmation(&self) -> &Confirmation {
        &self.confirmation
    }

    /// Whether `key` signed this token. By itself that proves too little to act on.
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        self.token.is_signed_by(key)
    }

    /// Steps 4 to 8 without replay: host, membership, signature, times, states.
    pub fn verify(
        self,
        signer: &Signer<'_>,
        window: Window,
        now: Timestamp,
    ) -> Result<VerifiedAgentToken, Refusal> {
        let Signer {
            agent,
            key,
            host,
            issuer,
            host_keys,
            lifetime,
        } = signer;
        let is_of_host = self.issuer().is_none_or(|iss| {
            iss == *issuer || host.was_lately(iss, now) || {
                // Inline hosts have one name. Those that publish may be using a key the record does not have yet.
                let keys = host_keys.filter(|_| host.jwks.is_some());
                keys.is_some_and(|keys| keys.find(KeyName::Thumbprint(iss)).is_some())
            }
        });
        let belongs = self.agent_id == agent.id && agent.host_id == host.id && is_of_host;
        if !belongs || !self.token.is_signed_by(key) {
            return Err(TokenDefect::NotVerified.into());
        }
        let forget_at = self.common.judge_times(window, now)?;
        require_usable(agent, host, lifetime, now)?;
        Ok(VerifiedAgentToken {
            agent_id: self.agent_id,
            audience: self.common.aud,
            jti: self.common.jti,
            capabilities: self.capabilities,
            confirmation: self.confirmation,
            forget_at,
        })
    }
}

/// Whom the token claims to be from, as loaded.
#[derive(Clone, Copy, Debug)]
pub struct Signer<'a> {
    /// The agent named by `sub`.
    pub agent: &'a Agent,
    /// The agent's key: the one on record or, if it publishes its keys, the one to use for this token.
    pub key: &'a PublicKey,
    /// That agent's host.
    pub host: &'a Host,
    /// The thumbprint of the host's key: the `iss` to expect.
    pub issuer: &'a str,
    /// What the host publishes now. Needed for any other `iss`, which has to name a key in it.
    pub host_keys: Option<&'a JwkSet>,
    /// How long agents live here.
    pub lifetime: &'a LifetimePolicy,
}

/// Proof that the agent it names signed this request just now. Only [`UnverifiedAgentToken::verify`] makes it.
#[derive(Debug)]
pub struct VerifiedAgentToken {
    agent_id: AgentId,
    audience: String,
    jti: String,
    capabilities: Option<Vec<CapabilityName>>,
    confirmation: Confirmation,
    forget_at: Timestamp,
}

impl VerifiedAgentToken {
    /// The agent that signed.
    pub fn agent_id(&self) -> &AgentId {
        &self.agent_id
    }

    /// Whom the token is meant for: one of the audiences it was parsed for.
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// The token's own name, unique for this agent.
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

    /// Whether the token covers `capability`. Without the claim it covers everything granted; with an empty
    /// one, nothing.
    pub fn covers(&self, capability: &CapabilityName) -> bool {
        self.capabilities
            .as_ref()
            .is_none_or(|names| names.contains(capability))
    }
}

/// Refuses every host that is not active, and every agent that may not act now.
///
/// An ended host comes first, since its agents ended with it and a new one would not help; a waiting host
/// comes last, since its agents wait with it.
fn require_usable(
    agent: &Agent,
    host: &Host,
    policy: &LifetimePolicy,
    now: Timestamp,
) -> Result<(), Refusal> {
    host.status.require_not_ended()?;
    let state = lifetime::state_at(agent, policy, now);
    let just_ended =
        matches!(state, AgentState::Revoked { .. }) && state.status() != agent.state.status();
    if just_ended {
        return Err(Refusal::AbsoluteLifetimeExceeded);
    }
    state.status().require_active()?;
    host.status.require_active()
}

fn names(claim: &Value) -> Result<Vec<CapabilityName>, TokenDefect> {
    let defect = TokenDefect::BadClaim {
        name: "capabilities",
        expected: "a list of capability names",
    };
    let list = claim.as_array().ok_or(defect.clone())?;
    let name = |item: &Value| CapabilityName::try_from(item.as_str()?.to_owned()).ok();
    list.iter().map(name).collect::<Option<_>>().ok_or(defect)
}
