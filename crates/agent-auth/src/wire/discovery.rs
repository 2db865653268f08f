//! `GET /.well-known/agent-configuration` (§5.1).

use serde::{Deserialize, Serialize};

use crate::agent::Mode;

/// The protocol version this crate implements.
pub const VERSION: &str = "1.0-draft";
/// The path of the document, relative to the issuer.
pub const PATH: &str = "/.well-known/agent-configuration";

/// The discovery document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discovery {
    /// The draft implemented, `MAJOR.MINOR` with an optional `-draft`.
    pub version: String,
    /// The provider's unique name.
    pub provider_name: String,
    /// What the service is, in words.
    pub description: String,
    /// The base URL, and the `aud` of everything but execution.
    pub issuer: String,
    /// Where capabilities without a location of their own are executed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_location: Option<String>,
    /// Key types accepted for registration.
    pub algorithms: Vec<String>,
    /// Modes accepted for registration.
    pub modes: Vec<Mode>,
    /// Ways of approval in use.
    pub approval_methods: Vec<String>,
    /// Paths relative to the issuer.
    pub endpoints: Endpoints,
}

/// The endpoints, by the names of §5.1. A server leaves out what it does not serve.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "each member is the endpoint of its own name")]
pub struct Endpoints {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub register: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub describe_capability: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execute: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_execute: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_capability: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reactivate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoke: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoke_host: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotate_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotate_host_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub introspect: Option<String>,
}
