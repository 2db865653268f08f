//! `POST /agent/introspect` (§5.12).

use procura_keys::clock::Timestamp;
use serde::{Deserialize, Serialize};

use super::grant::CompactGrant;
use crate::agent::Mode;
use crate::id::{AgentId, HostId, UserId};

/// The body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntrospectRequest {
    /// An agent JWT.
    pub token: String,
}

/// The answer: about a valid token, or `{"active": false}` for every other, whatever is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntrospectResponse {
    /// Whether the token is valid and its agent active.
    pub active: bool,
    /// What it says about whom.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub agent: Option<IntrospectedAgent>,
}

impl IntrospectResponse {
    /// The answer for every token that proves nothing.
    pub const INACTIVE: Self = Self {
        active: false,
        agent: None,
    };
}

/// The agent behind a valid token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntrospectedAgent {
    /// The agent.
    pub agent_id: AgentId,
    /// Its host.
    pub host_id: HostId,
    /// The person it acts for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// What it may do, within the token's own claim.
    pub agent_capability_grants: Vec<CompactGrant>,
    /// How it acts.
    pub mode: Mode,
    /// When its session ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}
