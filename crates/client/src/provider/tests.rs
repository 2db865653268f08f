use serde_json::{Value, json};

use super::*;
use crate::fake::bank;

fn parse(document: &Value) -> Result<Provider, ProviderDefect> {
    Provider::parse(document.to_string().as_bytes(), &FetchPolicy::client())
}

fn bank_with(member: &str, value: Value) -> Value {
    let mut document = bank();
    document[member] = value;
    document
}

// AA-5.1.1-02, AA-5.1.1-03
#[test]
fn the_version_decides_before_anything_else() {
    for version in ["1.0-draft", "1.0", "1.7"] {
        assert!(
            parse(&bank_with("version", json!(version))).is_ok(),
            "{version}"
        );
    }
    for version in ["2.0", "0.9-draft", "10.0"] {
        let error = parse(&json!({ "version": version, "shape": "unknown" })).unwrap_err();
        assert_eq!(
            error,
            ProviderDefect::UnsupportedVersion(version.to_owned())
        );
        assert!(error.to_string().contains(version));
    }
    for version in [
        json!("1"),
        json!("one.zero"),
        json!("1.0-beta"),
        json!("1."),
        json!(1.0),
        json!(null),
    ] {
        let error = parse(&bank_with("version", version.clone()));
        assert_eq!(error, Err(ProviderDefect::NoVersion), "{version}");
    }
}

// AA-5.1-09, AA-5.1.1-04
#[test]
fn unknown_members_and_approval_methods_are_ignored() {
    let mut document = bank_with("approval_methods", json!(["carrier_pigeon", "ciba"]));
    document["jwks_uri"] = json!("https://bank.example/jwks");
    document["endpoints"]["teleport"] = json!("/teleport");
    assert!(parse(&document).is_ok());
}

// AA-5-01, AA-5.1-11
#[test]
fn endpoints_hang_off_the_issuer_and_have_default_paths() {
    let mut document = bank_with("issuer", json!("https://bank.example/auth/"));
    document["endpoints"] = json!({ "register": "/v2/register", "status": "v2/status" });
    let provider = parse(&document).unwrap();
    let url = |endpoint| provider.endpoint(endpoint).unwrap().to_string();
    assert_eq!(
        url(Endpoint::Register),
        "https://bank.example/auth/v2/register"
    );
    assert_eq!(url(Endpoint::Status), "https://bank.example/auth/v2/status");
    assert_eq!(
        url(Endpoint::Revoke),
        "https://bank.example/auth/agent/revoke"
    );
    let paths = Endpoint::ALL.map(Endpoint::default_path);
    assert_eq!(
        paths,
        [
            "/agent/register",
            "/capability/list",
            "/capability/describe",
            "/capability/execute",
            "/capability/batch-execute",
            "/agent/request-capability",
            "/agent/status",
            "/agent/reactivate",
            "/agent/revoke",
            "/host/revoke",
            "/agent/rotate-key",
            "/host/rotate-key",
        ]
    );
}

#[test]
fn absolute_endpoints_are_accepted_on_the_issuer_s_origin_only() {
    let with = |value: &str| {
        let mut document = bank();
        document["endpoints"] = json!({ "register": value });
        parse(&document)
    };
    let provider = with("https://bank.example/api/register").unwrap();
    let url = provider.endpoint(Endpoint::Register).unwrap();
    assert_eq!(url.as_str(), "https://bank.example/api/register");
    for value in [
        "https://evil.example/register",
        "http://bank.example/register",
        "https://bank.example:8443/register",
        "https://a@bank.example/register",
        "javascript://bank.example/",
    ] {
        let defect = ProviderDefect::BadEndpoint {
            name: "register",
            value: value.to_owned(),
        };
        assert_eq!(with(value), Err(defect), "{value}");
    }
    // Concatenation alone must not turn the issuer into user information of another host.
    let mut document = bank_with("issuer", json!("https://bank.example"));
    document["endpoints"] = json!({ "register": "@evil.example/" });
    let url = parse(&document)
        .unwrap()
        .endpoint(Endpoint::Register)
        .unwrap();
    assert_eq!(url.host_str(), Some("bank.example"));
}

// AA-5.1-06
#[test]
fn a_missing_default_location_is_built_from_the_execute_endpoint() {
    let mut document = bank();
    document.as_object_mut().unwrap().remove("default_location");
    document["endpoints"] = json!({ "execute": "/run" });
    let location = parse(&document).unwrap().default_location().unwrap();
    assert_eq!(location, "https://bank.example/run");
}

#[test]
fn an_issuer_is_an_https_base_url() {
    for issuer in [
        "http://bank.example",
        "bank.example",
        "https://bank.example?x=1",
        "https://bank.example#x",
        "https://amy:secret@bank.example",
    ] {
        let error = parse(&bank_with("issuer", json!(issuer))).unwrap_err();
        assert!(
            matches!(error, ProviderDefect::BadIssuer { .. }),
            "{issuer}: {error}"
        );
    }
}

#[test]
fn an_https_provider_cannot_send_executions_to_plain_http_on_this_machine() {
    let policy = FetchPolicy {
        allow_loopback_http: true,
        ..FetchPolicy::client()
    };
    let provider = parse(&bank()).unwrap();
    let local = "http://127.0.0.1:9000/";
    assert!(matches!(
        provider.execution_url(local, &policy),
        Err(ProviderDefect::BadLocation { .. })
    ));
    let mut document = bank_with("issuer", json!("http://127.0.0.1:8000"));
    document["default_location"] = json!(local);
    assert!(Provider::parse(document.to_string().as_bytes(), &policy).is_ok());
}

// AA-4.1-06
#[test]
fn a_provider_without_ed25519_is_no_place_to_register() {
    let provider = parse(&bank_with("algorithms", json!(["Ed448"]))).unwrap();
    let defect = ProviderDefect::NoEd25519(vec!["Ed448".to_owned()]);
    assert_eq!(provider.require_ed25519(), Err(defect));
    assert_eq!(parse(&bank()).unwrap().require_ed25519(), Ok(()));
}
