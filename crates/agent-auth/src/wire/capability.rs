//! Capability objects (§2.12) and their listing (§5.2, §5.2.1).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::capability::CapabilityName;

/// A capability in full, as `GET /capability/describe` shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Capability {
    /// Its name.
    pub name: CapabilityName,
    /// What it does, in words.
    pub description: String,
    /// Where it is executed, if not at the default location. An absolute URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// JSON Schema of the arguments. Absent means none are taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
    /// JSON Schema of the result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// Whether the asking agent holds it. Present for agents only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_status: Option<GrantStatus>,
}

impl Capability {
    /// The short form that listings use.
    pub fn summary(&self) -> CapabilitySummary {
        CapabilitySummary {
            name: self.name.clone(),
            description: self.description.clone(),
            location: self.location.clone(),
            grant_status: self.grant_status,
        }
    }
}

/// A capability in a listing. The location is included, since deployed clients learn it nowhere else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CapabilitySummary {
    /// Its name.
    pub name: CapabilityName,
    /// What it does, in words.
    pub description: String,
    /// Where it is executed, if not at the default location.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Whether the asking agent holds it. Present for agents only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_status: Option<GrantStatus>,
}

/// Whether an agent holds a capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantStatus {
    /// It does.
    Granted,
    /// It does not.
    NotGranted,
}

/// The query of `GET /capability/list`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListQuery {
    /// Words to look for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// The size of a page: 1 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// The answer to `GET /capability/list`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ListResponse {
    /// This page.
    pub capabilities: Vec<CapabilitySummary>,
    /// Where the next page starts; null on the last.
    #[serde(default)]
    pub next_cursor: Option<String>,
    /// Whether there is a next page.
    #[serde(default)]
    pub has_more: bool,
}

/// The query of `GET /capability/describe`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DescribeQuery {
    /// The capability.
    pub name: String,
}
