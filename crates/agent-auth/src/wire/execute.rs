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

/// The most calls one batch may hold.
pub const MAX_BATCH: usize = 50;

/// The body of a batch: several calls under one token. An extension of deployed servers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchRequest {
    /// The calls, 1 to [`MAX_BATCH`].
    pub requests: Vec<BatchCall>,
}

/// One call of a batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchCall {
    /// What the client calls it; its place in the batch, from 0, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The call itself.
    #[serde(flatten)]
    pub call: ExecuteRequest,
}

/// The answer to a batch, in the order of the calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchResponse {
    /// One outcome for each call.
    pub responses: Vec<BatchOutcome>,
}

/// How one call of a batch went, apart from all others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchOutcome {
    /// Which call.
    pub id: String,
    /// `completed` or `failed`.
    pub status: JobStatus,
    /// The result; present once completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// What went wrong, as an error body; its code also stands under `code`, where deployed clients look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Value>,
}
