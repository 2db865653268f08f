//! `GET /agent/status` (§5.5).

use procura_keys::clock::Timestamp;
use serde::{Deserialize, Serialize};

use super::grant::GrantObject;
use crate::agent::{AgentStatus, Mode};
use crate::id::{AgentId, HostId, UserId};

/// The query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusQuery {
    /// The agent.
    pub agent_id: String,
}

/// Everything about one agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatusResponse {
    /// The agent.
    pub agent_id: AgentId,
    /// Its host.
    pub host_id: HostId,
    /// Its display name.
    pub name: String,
    /// Where it stands, clocks applied.
    pub status: AgentStatus,
    /// How it acts.
    pub mode: Mode,
    /// All its grants.
    pub agent_capability_grants: Vec<GrantObject>,
    /// The person it acts for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// When it last became active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activated_at: Option<Timestamp>,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it last made an authenticated request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    /// When its session ends, unless it is used before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}
