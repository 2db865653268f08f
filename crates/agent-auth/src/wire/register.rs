//! `POST /agent/register` (§5.3) and `POST /agent/request-capability` (§5.4).

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::approval::ApprovalObject;
use super::grant::GrantObject;
use crate::agent::Mode;
use crate::capability::CapabilityName;
use crate::constraint::Constraints;
use crate::id::{AgentId, HostId};
use crate::refusal::Refusal;
use crate::request::Ask;
use crate::text::{MAX_NAME, MAX_REMARK, clean};

/// The most capabilities one request may name.
pub const MAX_CAPABILITIES: usize = 100;

/// The body of a registration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegisterRequest {
    /// The agent's display name.
    pub name: String,
    /// The host's display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_name: Option<String>,
    /// What the agent wants to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<RequestedCapability>>,
    /// How it is to act; delegated when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// What goes with the request for approval.
    #[serde(flatten)]
    pub hints: ApprovalHints,
}

/// The body of a request for more capabilities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CapabilityRequest {
    /// What the agent wants to do.
    pub capabilities: Vec<RequestedCapability>,
    /// What goes with the request for approval.
    #[serde(flatten)]
    pub hints: ApprovalHints,
}

/// Words for whoever approves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalHints {
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// A method the client would like; the server decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preferred_method: Option<String>,
    /// Who the client expects to approve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_hint: Option<String>,
    /// A short message for the approver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding_message: Option<String>,
}

impl ApprovalHints {
    /// The same hints, fit to be stored and shown. A preferred method is a hint and needs no cleaning.
    pub fn cleaned(self) -> Result<Self, Refusal> {
        Ok(Self {
            reason: remark("reason", self.reason)?,
            preferred_method: self.preferred_method,
            login_hint: remark("login_hint", self.login_hint)?,
            binding_message: remark("binding_message", self.binding_message)?,
        })
    }
}

/// One requested capability: a name, or a name with limits.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum RequestedCapability {
    /// Without limits.
    Name(String),
    /// With the limits the agent proposes.
    Scoped {
        /// The capability.
        name: String,
        /// The limits (§2.13).
        #[serde(skip_serializing_if = "Option::is_none")]
        constraints: Option<Value>,
    },
}

/// Written by hand, since a derived form would take a list of the members' values for the object.
impl<'de> Deserialize<'de> for RequestedCapability {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let neither = "each capability has to be a name or an object {name, constraints?}";
        match Value::deserialize(deserializer)? {
            Value::String(name) => Ok(Self::Name(name)),
            Value::Object(mut members) => match members.remove("name") {
                Some(Value::String(name)) => Ok(Self::Scoped {
                    name,
                    constraints: members.remove("constraints").filter(|it| !it.is_null()),
                }),
                _ => Err(D::Error::custom(neither)),
            },
            _ => Err(D::Error::custom(neither)),
        }
    }
}

/// Reads requested capabilities into the form the rules work with.
pub fn asks(requested: Vec<RequestedCapability>) -> Result<Vec<Ask>, Refusal> {
    if requested.len() > MAX_CAPABILITIES {
        let message = format!("A request names at most {MAX_CAPABILITIES} capabilities.");
        return Err(Refusal::invalid(message));
    }
    let ask = |one| {
        let (name, constraints) = match one {
            RequestedCapability::Name(name) => (name, None),
            RequestedCapability::Scoped { name, constraints } => (name, constraints),
        };
        let name = CapabilityName::try_from(name)
            .map_err(|error| Refusal::invalid(format!("{error}.")))?;
        let constraints = constraints
            .as_ref()
            .map(Constraints::parse)
            .transpose()?
            .flatten();
        Ok(Ask { name, constraints })
    };
    requested.into_iter().map(ask).collect()
}

/// A display name fit to be stored and shown.
pub fn display_name(member: &'static str, name: &str) -> Result<String, Refusal> {
    clean(name, MAX_NAME).ok_or_else(|| {
        Refusal::invalid(format!(
            "{member} has to have 1 to {MAX_NAME} visible characters."
        ))
    })
}

/// A remark fit to be stored and shown; one without visible characters is none.
fn remark(member: &'static str, text: Option<String>) -> Result<Option<String>, Refusal> {
    let Some(text) = text else { return Ok(None) };
    match clean(&text, MAX_REMARK) {
        Some(text) => Ok(Some(text)),
        None if clean(&text, usize::MAX).is_none() => Ok(None),
        None => Err(Refusal::invalid(format!(
            "{member} has to have at most {MAX_REMARK} characters."
        ))),
    }
}

/// The answer to a registration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegisterResponse {
    /// The agent.
    pub agent_id: AgentId,
    /// Its host.
    pub host_id: HostId,
    /// Its display name.
    pub name: String,
    /// How it acts.
    pub mode: Mode,
    /// `active` or `pending`.
    pub status: String,
    /// One grant for each requested capability.
    pub agent_capability_grants: Vec<GrantObject>,
    /// Present exactly when `status` is `pending`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalObject>,
}

/// The answer to a request for more capabilities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CapabilityResponse {
    /// The agent.
    pub agent_id: AgentId,
    /// `pending` while anything waits for approval, else `active`: deployed clients look for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The grants of this request only.
    pub agent_capability_grants: Vec<GrantObject>,
    /// Present when a grant is pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalObject>,
}
