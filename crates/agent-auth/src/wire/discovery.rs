//! `GET /.well-known/agent-configuration` (§5.1).

use serde::{Deserialize, Serialize};
use url::Url;

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
    /// The algorithms of DPoP proofs (RFC 9449 §5.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpop_signing_alg_values_supported: Option<Vec<String>>,
    /// Whether every agent JWT has to be bound to a DPoP key (RFC 9728 §2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpop_bound_access_tokens_required: Option<bool>,
    /// Whether agent JWTs may be bound to a TLS client certificate (RFC 8705 §3.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_client_certificate_bound_access_tokens: Option<bool>,
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

/// Where an endpoint is: a relative path hangs off the issuer, which may have a path of its own; an absolute URL
/// has to stay on the issuer's origin. `None` for every other.
pub fn endpoint_url(issuer: &str, path: &str) -> Option<Url> {
    let text = if path.contains("://") && !path.starts_with('/') {
        path.to_owned()
    } else {
        let path = path.trim_start_matches('/');
        format!("{}/{path}", issuer.trim_end_matches('/'))
    };
    let url = Url::parse(&text).ok()?;
    // A path such as "@elsewhere/" or a host hidden in user information would change the origin.
    let at_home = url.origin() == Url::parse(issuer).ok()?.origin() && url.username().is_empty();
    at_home.then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_stay_with_their_issuer() {
        let issuer = "https://bank.example/tenant";
        let found = |path| endpoint_url(issuer, path).map(|url| url.to_string());
        let register = Some("https://bank.example/tenant/agent/register".to_owned());
        assert_eq!(found("/agent/register"), register);
        assert_eq!(found("agent/register"), register);
        assert_eq!(
            found("https://bank.example/tenant/agent/register"),
            register
        );
        for elsewhere in [
            "https://evil.example/agent/register",
            "http://bank.example/agent/register",
            "https://bank.example:444/",
            "https://user@bank.example/",
            "https://bank.example@evil.example/",
        ] {
            assert_eq!(found(elsewhere), None, "{elsewhere}");
        }
        assert_eq!(
            endpoint_url("https://bank.example", "@evil.example/").map(|it| it.to_string()),
            Some("https://bank.example/@evil.example/".to_owned())
        );
    }
}
