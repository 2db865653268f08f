//! Request bodies: read strictly, then as each operation reads them.

use procura_agent_auth::wire::execute::{BatchRequest, ExecuteRequest};
use procura_agent_auth::wire::introspect::IntrospectRequest;
use procura_agent_auth::wire::lifecycle::{AgentRequest, RotateHostKeyRequest, RotateKeyRequest};
use procura_agent_auth::wire::register::{CapabilityRequest, RegisterRequest, asks, display_name};
use procura_keys::json::parse_strict;
use serde_json::Value;

/// What is read strictly is what everybody else reads, and prints as a text that is read again.
pub(crate) fn judge(bytes: &[u8]) {
    let Ok(value) = parse_strict(bytes) else {
        return;
    };
    assert_eq!(
        serde_json::from_slice::<Value>(bytes).ok(),
        Some(value.clone())
    );
    if let Ok(body) = serde_json::from_value::<RegisterRequest>(value.clone()) {
        if let Ok(name) = display_name("name", &body.name) {
            assert_eq!(display_name("name", &name), Ok(name));
        }
        if let Ok(hints) = body.hints.clone().cleaned() {
            assert_eq!(hints.clone().cleaned(), Ok(hints));
        }
        let printed = serde_json::to_value(&body).unwrap_or_default();
        assert_eq!(
            serde_json::from_value::<RegisterRequest>(printed).ok(),
            Some(body.clone())
        );
        let _ = body.capabilities.map(asks);
    }
    if let Ok(body) = serde_json::from_value::<CapabilityRequest>(value.clone()) {
        let _ = asks(body.capabilities);
    }
    let _ = serde_json::from_value::<ExecuteRequest>(value.clone());
    let _ = serde_json::from_value::<BatchRequest>(value.clone());
    let _ = serde_json::from_value::<IntrospectRequest>(value.clone());
    let _ = serde_json::from_value::<AgentRequest>(value.clone());
    let _ = serde_json::from_value::<RotateKeyRequest>(value.clone());
    let _ = serde_json::from_value::<RotateHostKeyRequest>(value);
}
