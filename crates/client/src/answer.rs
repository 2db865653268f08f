//! Answers about agents as this client reads them: identifiers stay opaque text, since each server forms its
//! own, and members a server may leave out may be missing.

use procura_agent_auth::agent::Mode;
use procura_agent_auth::wire::approval::ApprovalObject;
use procura_agent_auth::wire::grant::GrantObject;
use procura_agent_auth::wire::register::RequestedCapability;
use serde::{Deserialize, Serialize};

use crate::constraints::{WiderGrant, wider};
use crate::profile::Connection;

/// The answer to a registration (§5.3) or a request for capabilities (§5.4).
#[derive(Debug, Deserialize)]
pub(crate) struct AgentAnswer {
    pub(crate) agent_id: String,
    #[serde(default)]
    pub(crate) name: Option<String>,
    #[serde(default)]
    pub(crate) mode: Option<Mode>,
    #[serde(default)]
    pub(crate) status: Option<String>,
    pub(crate) agent_capability_grants: Vec<GrantObject>,
    #[serde(default)]
    pub(crate) approval: Option<ApprovalObject>,
}

/// The answer to a question for an agent's status (§5.5), and to a reactivation (§5.6).
#[derive(Debug, Deserialize)]
pub(crate) struct StatusAnswer {
    pub(crate) agent_id: String,
    pub(crate) status: String,
    pub(crate) agent_capability_grants: Vec<GrantObject>,
    #[serde(default)]
    pub(crate) user_id: Option<String>,
    #[serde(default)]
    pub(crate) expires_at: Option<String>,
    #[serde(default)]
    pub(crate) approval: Option<ApprovalObject>,
}

/// The answer to a revocation (§5.7).
#[derive(Debug, Deserialize)]
pub(crate) struct RevokeAnswer {
    pub(crate) status: String,
}

/// Where an agent stands after an operation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AgentStanding {
    /// The agent.
    pub agent_id: String,
    /// Its display name.
    pub name: String,
    /// Its provider's issuer.
    pub issuer: String,
    /// How it was registered.
    pub mode: Mode,
    /// `active`, `pending`, `expired`, `revoked`, `rejected` or `claimed`.
    pub status: String,
    /// Its grants; after a request for capabilities those of that request only.
    #[serde(rename = "agent_capability_grants")]
    pub grants: Vec<GrantObject>,
    /// The person it acts for, where the server says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// When its session ends, where the server says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// Grants that allow more than was asked for: a fault or an attack at the server.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub wider: Vec<WiderGrant>,
}

impl AgentStanding {
    /// Where `connection` stands with these grants, of which those in `asked` are compared.
    pub(crate) fn new(
        connection: Connection,
        grants: Vec<GrantObject>,
        asked: &[RequestedCapability],
    ) -> Self {
        Self {
            agent_id: connection.agent_id,
            name: connection.name,
            issuer: connection.issuer,
            mode: connection.mode,
            status: connection.status,
            wider: wider(asked, &grants),
            grants,
            user_id: None,
            expires_at: None,
        }
    }

    /// The grants that were denied.
    pub fn denied(&self) -> impl Iterator<Item = &GrantObject> {
        self.grants.iter().filter(|grant| grant.status == DENIED)
    }
}

/// States of agents and grants as they are written on the wire.
pub(crate) const ACTIVE: &str = "active";
pub(crate) const PENDING: &str = "pending";
pub(crate) const REJECTED: &str = "rejected";
pub(crate) const DENIED: &str = "denied";
