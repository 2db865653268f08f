//! The approval object (§7): how the client gets a person to decide.

use serde::{Deserialize, Serialize};

/// Tells the client where to send a person, and how often to ask whether they have decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalObject {
    /// The method the server chose.
    pub method: String,
    /// Where the person goes. Device authorization only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification_uri: Option<String>,
    /// The same with the code filled in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification_uri_complete: Option<String>,
    /// What the person types there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_code: Option<String>,
    /// A message shown to the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding_message: Option<String>,
    /// Seconds until it is too late.
    pub expires_in: u64,
    /// Least seconds between two looks at `GET /agent/status`.
    pub interval: u64,
}

/// `method` of device authorization (§7.1).
pub const DEVICE_AUTHORIZATION: &str = "device_authorization";
