use procura_keys::digest::from_base64url;
use procura_keys::json::parse_strict;
use serde_json::Value;

use super::WebauthnError;

/// What the browser says about the question (WebAuthn §5.8.1).
#[derive(Debug)]
pub(super) struct ClientData {
    pub(super) kind: String,
    pub(super) challenge: [u8; 32],
    pub(super) origin: String,
    /// Whether the page was in a frame of another site.
    pub(super) is_cross_origin: bool,
}

impl ClientData {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, WebauthnError> {
        let value = parse_strict(bytes).map_err(|_| WebauthnError::Malformed)?;
        let text = |name: &str| value[name].as_str().ok_or(WebauthnError::Malformed);
        let challenge = from_base64url(text("challenge")?).and_then(|bytes| bytes.try_into().ok());
        let frame = &value["crossOrigin"];
        Ok(Self {
            kind: text("type")?.to_owned(),
            challenge: challenge.ok_or(WebauthnError::Malformed)?,
            origin: text("origin")?.to_owned(),
            is_cross_origin: !matches!(frame, Value::Null | Value::Bool(false))
                || !value["topOrigin"].is_null(),
        })
    }
}
