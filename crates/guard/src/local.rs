//! Judging tokens without asking anybody, where the records are at hand (§4.5).

use std::sync::Arc;

use async_trait::async_trait;
use procura_agent_auth::agent;
use procura_agent_auth::capability::CapabilityName;
use procura_agent_auth::execution::{self, Call};
use procura_agent_auth::grant::Grant;
use procura_agent_auth::host::Host;
use procura_agent_auth::id::{AgentId, GrantId};
use procura_agent_auth::lifetime::{self, LifetimePolicy};
use procura_agent_auth::refusal::Refusal;
use procura_agent_auth::token::agent::{Signer, UnverifiedAgentToken, VerifiedAgentToken};
use procura_agent_auth::token::{TokenDefect, Window};
use procura_keys::clock::{Clock, Timestamp};
use procura_keys::jwk_set::JwkSet;
use procura_keys::key::PublicKey;

use crate::agent::Agent;
use crate::authority::{Authority, Denied, Question};

/// The records of the server that registered the agents: its database, a replica, or a program that embeds it.
#[async_trait]
pub trait Directory: Send + Sync + 'static {
    /// What is on record about an agent now. A revocation has to show in the very next answer.
    async fn find(&self, agent: &AgentId) -> Result<Option<Known>, String>;

    /// Whether this is the first use of the token named `jti` of this agent, by anybody who takes its tokens.
    /// Exactly one caller may get `true` until `forget_at`.
    async fn claim(&self, agent: &AgentId, jti: &str, forget_at: Timestamp)
    -> Result<bool, String>;

    /// Takes one use of a grant whose uses are counted, if one is left. Exactly one of two that race for the last
    /// one may get `true`.
    async fn take_use(&self, grant: &GrantId) -> Result<bool, String>;
}

/// An agent on record, with what its tokens are held against.
#[derive(Clone, Debug)]
pub struct Known {
    /// The agent.
    pub agent: agent::Agent,
    /// The key its tokens are signed with.
    pub key: PublicKey,
    /// Its host.
    pub host: Host,
    /// The thumbprint of the host's key.
    pub issuer: String,
    /// The keys the host publishes, if it does.
    pub host_keys: Option<JwkSet>,
    /// All its grants.
    pub grants: Vec<Grant>,
}

/// An [`Authority`] over a [`Directory`]. It applies the rules of the server itself, in its order.
pub struct Local<D> {
    issuer: String,
    directory: D,
    clock: Arc<dyn Clock>,
    window: Window,
    lifetime: LifetimePolicy,
}

impl<D: Directory> Local<D> {
    /// Judges for the agents registered at `issuer`. `lifetime` has to be that server's own policy.
    pub fn new(
        issuer: impl Into<String>,
        directory: D,
        clock: Arc<dyn Clock>,
        lifetime: LifetimePolicy,
    ) -> Self {
        Self {
            issuer: issuer.into(),
            directory,
            clock,
            window: Window::default(),
            lifetime,
        }
    }

    async fn verify(
        &self,
        token: UnverifiedAgentToken<'_>,
        now: Timestamp,
    ) -> Result<(Known, VerifiedAgentToken), Denied> {
        let known = self.directory.find(token.agent_id()).await;
        let known = known
            .map_err(Denied::Unavailable)?
            .ok_or(TokenDefect::NotVerified)?;
        let signer = Signer {
            agent: &known.agent,
            key: &known.key,
            host: &known.host,
            issuer: &known.issuer,
            host_keys: known.host_keys.as_ref(),
            lifetime: &self.lifetime,
        };
        let verified = token.verify(&signer, self.window, now)?;
        let first = self
            .directory
            .claim(verified.agent_id(), verified.jti(), verified.forget_at())
            .await
            .map_err(Denied::Unavailable)?;
        if !first {
            return Err(TokenDefect::Replayed.into());
        }
        Ok((known, verified))
    }

    fn describe(&self, known: &Known, token: &VerifiedAgentToken, now: Timestamp) -> Agent {
        let effective = known.grants.iter().filter(|grant| grant.is_effective(now));
        let mut capabilities: Vec<CapabilityName> = effective
            .map(|grant| grant.capability.clone())
            .filter(|name| token.covers(name))
            .collect();
        capabilities.sort();
        capabilities.dedup();
        Agent {
            id: known.agent.id.clone(),
            host_id: known.host.id.clone(),
            user_id: known.agent.user_id.clone(),
            mode: known.agent.mode,
            capabilities,
            expires_at: lifetime::expires_at(&known.agent, &self.lifetime),
        }
    }
}

#[async_trait]
impl<D: Directory> Authority for Local<D> {
    fn issuer(&self) -> &str {
        &self.issuer
    }

    async fn judge(&self, question: Question<'_>) -> Result<Agent, Denied> {
        let now = self.clock.now();
        let token = UnverifiedAgentToken::parse(question.token, &[question.location])?;
        let (known, token) = self.verify(token, now).await?;
        let call = Call {
            capability: question.capability,
            offered: true,
            form: None,
            arguments: question.arguments,
        };
        let grant = execution::authorize(call, &token, &known.grants, now)?;
        if let Some(uses) = grant.uses {
            let took = self.directory.take_use(&grant.id).await;
            if !took.map_err(Denied::Unavailable)? {
                return Err(Denied::Refused(Refusal::LimitExceeded {
                    capability: grant.capability.clone(),
                    uses_allowed: uses.allowed(),
                }));
            }
        }
        Ok(self.describe(&known, &token, now))
    }
}
