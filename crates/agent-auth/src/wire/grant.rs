//! Grant objects (§3.3, §5.3): full when active, bare when pending, with a reason when denied.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::capability::Capability;
use crate::capability::CapabilityName;
use crate::constraint::Constraints;
use crate::grant::{Grant, GrantState, Uses};

/// A grant as everything but introspection shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GrantObject {
    /// What it is for.
    pub capability: CapabilityName,
    /// `active`, `pending` or `denied`; other servers may send more.
    pub status: String,
    /// The limits in force. The client keeps them as sent: it need not understand every operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constraints: Option<Value>,
    /// Who granted it: a user's identifier, `administrator` or `policy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted_by: Option<String>,
    /// Why it was granted or denied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it ends, if it ends before the agent does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// How often it may be used, if not without end. An extension of this server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses_allowed: Option<u32>,
    /// How often it still may be. Comes with `uses_allowed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses_left: Option<u32>,
    /// What the capability does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// JSON Schema of the arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
    /// JSON Schema of the result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
}

impl GrantObject {
    /// The wire form of a grant; `None` for one that was taken back. `capability` is what the server offers
    /// under the name today, if it still does.
    pub fn of(grant: &Grant, capability: Option<&Capability>) -> Option<Self> {
        let bare = Self {
            capability: grant.capability.clone(),
            status: grant.state.status().as_str().to_owned(),
            constraints: None,
            granted_by: None,
            reason: None,
            expires_at: None,
            uses_allowed: None,
            uses_left: None,
            description: None,
            input: None,
            output: None,
        };
        match &grant.state {
            GrantState::Pending { .. } => Some(bare),
            GrantState::Denied { .. } => Some(Self {
                reason: grant.reason.clone(),
                ..bare
            }),
            GrantState::Active { granted_by } => Some(Self {
                constraints: grant.constraints.as_ref().map(Constraints::to_value),
                granted_by: Some(granted_by.to_string()),
                reason: grant.reason.clone(),
                expires_at: grant.expires_at.map(|end| end.to_string()),
                uses_allowed: grant.uses.map(Uses::allowed),
                uses_left: grant.uses.map(Uses::left),
                description: capability.map(|it| it.description.clone()),
                input: capability.and_then(|it| it.input.clone()),
                output: capability.and_then(|it| it.output.clone()),
                ..bare
            }),
            GrantState::Withdrawn { .. } | GrantState::Revoked => None,
        }
    }
}

/// A grant as introspection shows it (§5.12).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompactGrant {
    /// What it is for.
    pub capability: CapabilityName,
    /// Always `active`.
    pub status: String,
}
