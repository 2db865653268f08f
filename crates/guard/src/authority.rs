//! The seam between the layer and whoever judges tokens.

use async_trait::async_trait;
use procura_agent_auth::capability::CapabilityName;
use procura_agent_auth::refusal::Refusal;
use procura_agent_auth::token::TokenDefect;
use serde_json::{Map, Value};

use crate::agent::Agent;

/// Judges calls: is this token good, and does a grant of its agent permit this?
#[async_trait]
pub trait Authority: Send + Sync + 'static {
    /// The base URL of the server that registers the agents, where their clients find its discovery document.
    fn issuer(&self) -> &str;

    /// Judges one call. Asking counts as the token's one use: a second question about it is refused.
    async fn judge(&self, question: Question<'_>) -> Result<Agent, Denied>;
}

/// One call, not yet judged.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// The agent JWT, as sent.
    pub token: &'a str,
    /// The location it has to be meant for: this service's own.
    pub location: &'a str,
    /// What its bearer wants to do.
    pub capability: &'a CapabilityName,
    /// With what.
    pub arguments: &'a Map<String, Value>,
}

/// Why a call is not let through.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Denied {
    /// A rule of the protocol, judged here.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The authority calls the token inactive: it was not signed by its agent, is too old or was used before,
    /// or its agent may not act. It does not say which.
    #[error("the token is not active")]
    Inactive,
    /// The authority knows the agent and forbids the call.
    #[error("the authority forbids the call: {code}")]
    Forbidden {
        /// The protocol's code.
        code: String,
        /// The error body, as the authority's own execute endpoint would have sent it.
        body: Value,
    },
    /// The authority cannot be asked, or its answer is none. The call is refused: nobody vouches for it.
    #[error("the authority cannot be asked: {0}")]
    Unavailable(String),
}

impl From<TokenDefect> for Denied {
    fn from(defect: TokenDefect) -> Self {
        Self::Refused(defect.into())
    }
}
