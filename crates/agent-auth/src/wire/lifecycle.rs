//! `POST /agent/reactivate` (§5.6), `POST /agent/revoke` (§5.7), `POST /host/revoke` (§5.10), and the two key
//! rotations (§5.8, §5.9).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::approval::ApprovalObject;
use super::status::StatusResponse;
use crate::agent::AgentStatus;
use crate::host::HostStatus;
use crate::id::{AgentId, HostId};

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

/// The answer to a reactivation: the agent as `GET /agent/status` shows it, and how to get it approved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReactivateResponse {
    /// The agent.
    #[serde(flatten)]
    pub agent: StatusResponse,
    /// Present while the agent is pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalObject>,
}

/// The body of an agent's key rotation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotateKeyRequest {
    /// The agent.
    pub agent_id: String,
    /// Its new public JWK.
    pub public_key: Value,
}

/// The answer to an agent's key rotation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotateKeyResponse {
    /// The agent.
    pub agent_id: AgentId,
    /// Where it stands.
    pub status: AgentStatus,
}

/// The body of a host's key rotation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotateHostKeyRequest {
    /// Its new public JWK.
    pub public_key: Value,
}

/// The answer to a host's key rotation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotateHostKeyResponse {
    /// The host, under the same identifier as before.
    pub host_id: HostId,
    /// Where it stands.
    pub status: HostStatus,
}

/// The answer to a host's revocation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokeHostResponse {
    /// The host.
    pub host_id: HostId,
    /// Always `revoked`.
    pub status: HostStatus,
    /// How many of its agents ended with it.
    pub agents_revoked: u64,
}
