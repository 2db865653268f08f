//! Request bodies: JSON, forms, parts, text and bytes.

use base64::Engine as _;
use bytes::Bytes;
use http::HeaderValue;
use procura_keys::digest::{sha256, to_base64url};
use serde_json::{Map, Value};

use super::encode::component;
use crate::BackendError;
use crate::template::plain;

/// A body and its type.
pub type Body = (HeaderValue, Bytes);

/// A value as JSON. `content_type` is `application/json` or another JSON type.
pub fn json(content_type: &HeaderValue, value: &Value) -> Body {
    (content_type.clone(), value.to_string().into())
}

/// Pairs as a form; each is encoded already.
pub fn form(pairs: &[String]) -> Body {
    let content_type = HeaderValue::from_static("application/x-www-form-urlencoded");
    (content_type, pairs.join("&").into())
}

/// The members of an object as pairs of a form: lists repeat their name, what is deeper is JSON.
pub(crate) fn form_pairs(members: &Map<String, Value>) -> Vec<String> {
    let mut pairs = Vec::new();
    for (name, value) in members {
        let values = match value {
            Value::Array(items) => items.as_slice(),
            other => std::slice::from_ref(other),
        };
        let each = values
            .iter()
            .map(|value| format!("{}={}", component(name), component(&plain(value))));
        pairs.extend(each);
    }
    pairs
}

/// One part of a multipart body.
pub struct Part {
    /// The name of its field.
    pub name: String,
    /// What it holds.
    pub content: Vec<u8>,
    /// Its type; none for plain text.
    pub content_type: Option<String>,
    /// Whether it is a file.
    pub is_file: bool,
}

/// Parts as one body (RFC 7578).
pub fn multipart(parts: &[Part]) -> Result<Body, BackendError> {
    let boundary = boundary(parts);
    let mut bytes = Vec::new();
    for part in parts {
        let name = quoted(&part.name);
        let filename = if part.is_file {
            format!("; filename=\"{name}\"")
        } else {
            String::new()
        };
        let content_type = part.content_type.as_ref();
        let content_type = content_type.map(|told| format!("\r\nContent-Type: {told}"));
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"{filename}{}",
            content_type.unwrap_or_default()
        );
        bytes.extend_from_slice(head.as_bytes());
        bytes.extend_from_slice(b"\r\n\r\n");
        bytes.extend_from_slice(&part.content);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    let content_type = HeaderValue::from_str(&format!("multipart/form-data; boundary={boundary}"));
    let content_type = content_type.map_err(|error| BackendError::Failed(error.to_string()))?;
    Ok((content_type, bytes.into()))
}

/// The members of an object as parts: texts plain, everything else JSON.
pub(crate) fn plain_parts(members: &Map<String, Value>) -> Vec<Part> {
    let part = |(name, value): (&String, &Value)| Part {
        name: name.clone(),
        content: plain(value).into_bytes(),
        content_type: match value {
            Value::Array(_) | Value::Object(_) => Some("application/json".to_owned()),
            _ => None,
        },
        is_file: false,
    };
    members.iter().map(part).collect()
}

/// The bytes behind an argument that is base64 text.
pub(crate) fn bytes_of(name: &str, value: &Value) -> Result<Vec<u8>, BackendError> {
    let text = value.as_str().unwrap_or("");
    let decoded = base64::engine::general_purpose::STANDARD.decode(text.trim());
    decoded.map_err(|_| {
        BackendError::Arguments(format!("The argument {name:?} has to be bytes in base64."))
    })
}

/// A line that occurs in no part. It depends on all of them, so that none can be made to hold it.
fn boundary(parts: &[Part]) -> String {
    let mut seen = Vec::new();
    for part in parts {
        seen.extend_from_slice(&sha256(part.name.as_bytes()));
        seen.extend_from_slice(&sha256(&part.content));
    }
    let digest = to_base64url(&sha256(&seen));
    format!("procura-{}", digest.replace(['-', '_'], "0"))
}

/// A field name within quotation marks (RFC 7578 §4.2, as browsers write it).
fn quoted(name: &str) -> String {
    name.replace('"', "%22")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}
