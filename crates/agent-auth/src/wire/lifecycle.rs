//! `POST /agent/revoke` (§5.7).

use serde::{Deserialize, Serialize};

use crate::id::AgentId;

/// Names the agent an operation is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentRequest {
    /// The agent.
    pub agent_id: String,
}

/// The answer to a revocation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokeResponse {
    /// The agent.
    pub agent_id: AgentId,
    /// Always `revoked`.
    pub status: String,
}
