//! What each tool takes (§6).

use procura_agent_auth::agent::Mode;
use procura_agent_auth::wire::register::{ApprovalHints, RequestedCapability};
use procura_client::Challenge;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::CommandError;

/// Reads a tool's arguments. Unknown ones are refused: a model that misspells one has to learn it.
pub(super) fn read<T: DeserializeOwned>(arguments: Map<String, Value>) -> Result<T, CommandError> {
    serde_json::from_value(Value::Object(arguments))
        .map_err(|error| CommandError::Usage(format!("the arguments do not fit: {error}")))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    pub(super) intent: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Discover {
    pub(super) url: Option<String>,
    pub(super) www_authenticate: Option<String>,
}

impl Discover {
    /// The URL that is meant.
    pub(super) fn url(self) -> Result<String, CommandError> {
        let wrong = |message: &str| CommandError::Usage(message.to_owned());
        match (self.url, self.www_authenticate) {
            (Some(url), None) => Ok(url),
            (None, Some(header)) => Challenge::parse(&header)
                .map(|challenge| challenge.discovery().to_string())
                .ok_or_else(|| {
                    wrong("the header has no usable AgentAuth challenge; ask for the URL")
                }),
            _ => Err(wrong("give either url or www_authenticate")),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListCapabilities {
    pub(super) provider: Option<String>,
    pub(super) query: Option<String>,
    pub(super) agent_id: Option<String>,
    pub(super) cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Describe {
    pub(super) provider: Option<String>,
    pub(super) name: String,
    pub(super) agent_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConnectAgent {
    pub(super) provider: String,
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) capabilities: Vec<RequestedCapability>,
    pub(super) mode: Option<Mode>,
    pub(super) reason: Option<String>,
    pub(super) preferred_method: Option<String>,
    pub(super) login_hint: Option<String>,
    pub(super) binding_message: Option<String>,
}

impl ConnectAgent {
    pub(super) fn hints(&self) -> ApprovalHints {
        ApprovalHints {
            reason: self.reason.clone(),
            preferred_method: self.preferred_method.clone(),
            login_hint: self.login_hint.clone(),
            binding_message: self.binding_message.clone(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RequestCapability {
    pub(super) agent_id: String,
    pub(super) capabilities: Vec<RequestedCapability>,
    pub(super) reason: Option<String>,
    pub(super) preferred_method: Option<String>,
    pub(super) login_hint: Option<String>,
    pub(super) binding_message: Option<String>,
}

impl RequestCapability {
    pub(super) fn hints(&self) -> ApprovalHints {
        ApprovalHints {
            reason: self.reason.clone(),
            preferred_method: self.preferred_method.clone(),
            login_hint: self.login_hint.clone(),
            binding_message: self.binding_message.clone(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignJwt {
    pub(super) agent_id: String,
    /// `audience` is what deployed clients call it.
    #[serde(alias = "audience")]
    pub(super) aud: Option<String>,
    pub(super) capabilities: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OneAgent {
    pub(super) agent_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Status {
    pub(super) agent_id: String,
    #[serde(default)]
    pub(super) wait_seconds: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Execute {
    pub(super) agent_id: String,
    pub(super) capability: String,
    pub(super) arguments: Option<Map<String, Value>>,
}
