use procura_keys::json::parse_strict;
use serde_json::Value;
use url::Url;

/// What a provider says of itself (OpenID Connect Discovery §3), as far as signing in needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// Its name, which is the configured one.
    pub issuer: String,
    /// Where people are sent.
    pub authorization_endpoint: Url,
    /// Where a code is exchanged.
    pub token_endpoint: Url,
    /// Where its keys are.
    pub jwks_uri: Url,
    /// Where it says more of a person than its ID token does.
    pub userinfo_endpoint: Option<Url>,
    /// Whether every answer of its carries `iss` (RFC 9207).
    pub names_issuer: bool,
    /// Whether it takes a client's secret by HTTP Basic, which is the default, and otherwise in the body.
    pub takes_basic: bool,
}

impl Provider {
    /// Reads the document of `issuer`. Whether its addresses may be called is for whoever calls them to judge.
    pub fn parse(issuer: &str, document: &[u8]) -> Result<Self, BadProvider> {
        let document = parse_strict(document).map_err(|_| BadProvider::NotJson)?;
        if document.get("issuer").and_then(Value::as_str) != Some(issuer) {
            return Err(BadProvider::OtherIssuer);
        }
        let url = |name| {
            let text = document.get(name).and_then(Value::as_str);
            let url = text.and_then(|text| Url::parse(text).ok());
            url.filter(|url| matches!(url.scheme(), "https" | "http") && url.fragment().is_none())
                .ok_or(BadProvider::NoAddress(name))
        };
        let names_issuer = document.get("authorization_response_iss_parameter_supported");
        // A provider without a list may know PKCE all the same; one that ignores the challenge is still held by the nonce.
        let methods = document.get("code_challenge_methods_supported");
        if methods.is_some_and(|methods| !lists(methods, "S256")) {
            return Err(BadProvider::NoPkce);
        }
        let secrets = document.get("token_endpoint_auth_methods_supported");
        Ok(Self {
            takes_basic: secrets.is_none_or(|methods| lists(methods, "client_secret_basic")),
            userinfo_endpoint: url("userinfo_endpoint").ok(),
            issuer: issuer.to_owned(),
            authorization_endpoint: url("authorization_endpoint")?,
            token_endpoint: url("token_endpoint")?,
            jwks_uri: url("jwks_uri")?,
            names_issuer: names_issuer == Some(&Value::Bool(true)),
        })
    }
}

/// Where the document of `issuer` is: below its path, not below its host.
pub fn discovery_url(issuer: &str) -> Result<Url, BadProvider> {
    let base = issuer.strip_suffix('/').unwrap_or(issuer);
    let url = Url::parse(base).ok();
    let plain = url.filter(|url| url.query().is_none() && url.fragment().is_none());
    plain
        .and_then(|_| Url::parse(&format!("{base}/.well-known/openid-configuration")).ok())
        .ok_or(BadProvider::NoAddress("issuer"))
}

fn lists(values: &Value, wanted: &str) -> bool {
    let values = values.as_array();
    values.is_some_and(|values| values.iter().any(|value| value == wanted))
}

/// Why nobody can sign in at a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadProvider {
    /// Not JSON with distinct members.
    #[error("its document is not JSON with distinct members")]
    NotJson,
    /// It calls itself something else, or nothing.
    #[error("its document names another issuer")]
    OtherIssuer,
    /// An address is missing or is none.
    #[error("its {0} is not an address")]
    NoAddress(&'static str),
    /// It knows no code challenge of SHA-256.
    #[error("it does not support PKCE with S256")]
    NoPkce,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ISSUER: &str = "https://id.example.com/realm";

    fn parse(name: &str, value: Value) -> Result<Provider, BadProvider> {
        let mut document = json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://id.example.com/authorize",
            "token_endpoint": "https://id.example.com/token",
            "jwks_uri": "https://id.example.com/keys",
            "code_challenge_methods_supported": ["plain", "S256"],
        });
        document[name] = value;
        Provider::parse(ISSUER, document.to_string().as_bytes())
    }

    #[test]
    fn the_document_is_below_the_issuers_path() {
        let url = |issuer: &str| discovery_url(issuer).map(String::from);
        let expected = "https://id.example.com/realm/.well-known/openid-configuration";
        assert_eq!(url(ISSUER).as_deref(), Ok(expected));
        assert_eq!(url(&format!("{ISSUER}/")).as_deref(), Ok(expected));
        for bad in [
            "",
            "id.example.com",
            "https://a.example/?x=1",
            "https://a.example/#x",
        ] {
            assert_eq!(url(bad), Err(BadProvider::NoAddress("issuer")), "{bad}");
        }
    }

    #[test]
    fn a_document_is_taken_only_from_the_issuer_that_was_asked_and_only_whole() {
        let names = "authorization_response_iss_parameter_supported";
        assert!(parse(names, json!(true)).unwrap().names_issuer);
        assert!(!parse(names, json!("true")).unwrap().names_issuer);
        let secrets = "token_endpoint_auth_methods_supported";
        for (methods, basic) in [
            (json!(["client_secret_post", "client_secret_basic"]), true),
            (json!(["client_secret_post"]), false),
        ] {
            assert_eq!(parse(secrets, methods).unwrap().takes_basic, basic);
        }
        assert!(parse(names, json!(true)).unwrap().takes_basic);
        let cases = [
            (
                "issuer",
                json!("https://id.example.com"),
                BadProvider::OtherIssuer,
            ),
            ("issuer", json!(null), BadProvider::OtherIssuer),
            (
                "token_endpoint",
                json!("/token"),
                BadProvider::NoAddress("token_endpoint"),
            ),
            ("jwks_uri", json!(null), BadProvider::NoAddress("jwks_uri")),
            (
                "authorization_endpoint",
                json!("javascript:alert(1)"),
                BadProvider::NoAddress("authorization_endpoint"),
            ),
            (
                "code_challenge_methods_supported",
                json!(["plain"]),
                BadProvider::NoPkce,
            ),
        ];
        for (name, value, error) in cases {
            assert_eq!(parse(name, value), Err(error), "{name}");
        }
        let twice = format!(r#"{{"issuer":"{ISSUER}","issuer":"x"}}"#);
        let refused = Provider::parse(ISSUER, twice.as_bytes());
        assert_eq!(refused, Err(BadProvider::NotJson));
    }
}
