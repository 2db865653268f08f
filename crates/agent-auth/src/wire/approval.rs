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
    /// Where to listen instead of asking again and again, as server-sent events (§10.10.2). A secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notification_url: Option<String>,
    /// What to tell the person. Methods of the server's own only (§10.10.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// Where the person turns. Methods of the server's own only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Seconds until it is too late.
    pub expires_in: u64,
    /// Least seconds between two looks at `GET /agent/status`.
    pub interval: u64,
}

/// `method` of device authorization (§7.1).
pub const DEVICE_AUTHORIZATION: &str = "device_authorization";
