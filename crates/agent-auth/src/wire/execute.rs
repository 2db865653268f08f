//! `POST /capability/execute` (§5.11).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The body of a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExecuteRequest {
    /// What to run.
    pub capability: String,
    /// With what. Absent and null mean no arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Map<String, Value>>,
}

/// The answer of a capability that finishes at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExecuteResponse {
    /// The result.
    pub data: Value,
}
