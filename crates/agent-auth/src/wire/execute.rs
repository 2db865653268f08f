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

/// The answer of a capability that finishes later, and to the question how it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobResponse {
    /// Where it stands.
    pub status: JobStatus,
    /// Where to ask again; present while pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_url: Option<String>,
    /// The result; present once completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// What went wrong, as an error body; present once failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Value>,
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// Not done yet.
    Pending,
    /// Done.
    Completed,
    /// It went wrong.
    Failed,
}
