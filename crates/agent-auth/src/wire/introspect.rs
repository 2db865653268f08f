//! `POST /agent/introspect` (§5.12).

use procura_keys::clock::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{Map, Value};

use super::grant::CompactGrant;
use crate::agent::Mode;
use crate::capability::CapabilityName;
use crate::id::{AgentId, HostId, UserId};
use crate::token::possession::Confirmation;

/// The body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IntrospectRequest {
    /// An agent JWT.
    pub token: String,
    /// A capability the bearer wants to run at the asking service. An extension: the service gets a verdict
    /// that knows the grant's limits, which introspection does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capability: Option<CapabilityName>,
    /// With what. Absent means no arguments; looked at together with `capability` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Map<String, Value>>,
}

/// The answer: about a valid token, or `{"active": false}` for every other, whatever is wrong with it.
#[derive(Clone, Debug, PartialEq, Serialize)]
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

/// An active answer has to say about whom: one that lacks a member or garbles it is an error, not an answer
/// about nobody.
impl<'de> Deserialize<'de> for IntrospectResponse {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Answer {
            active: bool,
            #[serde(flatten)]
            about: Map<String, Value>,
        }
        let Answer { active, about } = Answer::deserialize(deserializer)?;
        if !active {
            return Ok(Self::INACTIVE);
        }
        let agent = IntrospectedAgent::deserialize(Value::Object(about));
        agent.map_err(D::Error::custom).map(|agent| Self {
            active,
            agent: Some(agent),
        })
    }
}

/// The agent behind a valid token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// What the token is bound to (RFC 9449 §6.2, RFC 8705 §3.2). The service that asks has to hold whoever sent
    /// it to that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
    /// Whether the call that was asked about is permitted. Present when one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
}

/// Whether a call is permitted: by the token's claim, a grant, the grant's limits and the input schema.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Whether it is.
    pub permitted: bool,
    /// Why not, as the execute endpoint would have answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Value>,
}
