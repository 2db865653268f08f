//! What a handler learns about its caller. Both are put into the request's extensions.

use procura_agent_auth::agent::Mode;
use procura_agent_auth::capability::CapabilityName;
use procura_agent_auth::id::{AgentId, HostId, UserId};
use procura_keys::clock::Timestamp;
use serde_json::{Map, Value};

/// The agent that signed this request. Only an [`Authority`](crate::Authority) makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// The agent.
    pub id: AgentId,
    /// The host it runs on.
    pub host_id: HostId,
    /// The person it acts for; none for an autonomous agent.
    pub user_id: Option<UserId>,
    /// How it acts.
    pub mode: Mode,
    /// Everything it may do, within its token's own claim. This request is permitted already.
    pub capabilities: Vec<CapabilityName>,
    /// When its session ends, if it does.
    pub expires_at: Option<Timestamp>,
}

/// What the agent asked for, as it was judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The capability.
    pub capability: CapabilityName,
    /// The arguments that were held against the grant's limits. Act on these, not on what the request says a
    /// second time.
    pub arguments: Map<String, Value>,
}
