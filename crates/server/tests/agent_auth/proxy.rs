//! Trusted proxies: whose word about addresses and certificates counts (§4.4, §8.13, §8.14).

use procura_keys::thumbprint::Thumbprint;
use serde_json::{Value, json};

use crate::support::flows::wish;
use crate::support::http::Answer;
use crate::support::signers::{TestAgent, TestHost};
use crate::support::{Bank, extended};

/// Tests connect from this address.
const LOOPBACK: &str = "127.0.0.1";
/// DER of nothing, which a thumbprint can be taken of like of any certificate.
const DER: [u8; 5] = [0x30, 3, 2, 1, 5];
/// The same as RFC 9440 writes it.
const CLIENT_CERT: &str = ":MAMCAQU=:";

async fn limited(trusted: &str, header: &str) -> Bank {
    let config = format!(
        "[proxy]\ntrusted = [{trusted:?}]\nclient_address = {header:?}\n[limits]\nunknown_host = \"1/1h\""
    );
    Bank::start_limited(&extended(&config)).await
}

/// Registers an agent of a new host with this header beside the token. Returns the status.
async fn register_from(bank: &Bank, header: &'static str, value: &str) -> u16 {
    let host = TestHost::new();
    let token = host.registration_token(bank, &host.new_agent());
    let headers = [
        ("authorization", format!("Bearer {token}")),
        ("content-type", "application/json".to_owned()),
        (header, value.to_owned()),
    ];
    let body = wish(json!([])).to_string().into_bytes();
    let answer = bank
        .raw("POST", "/agent/register", &headers, Some(body))
        .await;
    answer.status
}

// AA-8.13-07
#[tokio::test]
async fn behind_a_trusted_proxy_each_client_has_a_budget_of_its_own() {
    for (header, first, second, first_again) in [
        (
            "x-forwarded-for",
            "198.51.100.1",
            "198.51.100.2",
            // Whatever a client claims itself stands left of what the proxy adds.
            "203.0.113.77, 198.51.100.1",
        ),
        (
            "forwarded",
            "for=198.51.100.1",
            "for=\"198.51.100.2:80\";proto=https",
            "for=203.0.113.77, for=198.51.100.1",
        ),
    ] {
        let bank = limited(LOOPBACK, header).await;
        assert_eq!(register_from(&bank, header, first).await, 200);
        assert_eq!(register_from(&bank, header, second).await, 200);
        assert_eq!(
            register_from(&bank, header, first_again).await,
            429,
            "{header}"
        );
    }
}

// AA-8.13-07
#[tokio::test]
async fn a_header_from_somebody_who_is_no_trusted_proxy_changes_nothing() {
    let bank = limited("192.0.2.0/24", "x-forwarded-for").await;
    assert_eq!(
        register_from(&bank, "x-forwarded-for", "198.51.100.1").await,
        200
    );
    assert_eq!(
        register_from(&bank, "x-forwarded-for", "198.51.100.2").await,
        429
    );
    // Nor does it without any configured proxy, or in a header that is not the configured one.
    let config = extended("[limits]\nunknown_host = \"1/1h\"");
    let bank = Bank::start_limited(&config).await;
    assert_eq!(
        register_from(&bank, "x-forwarded-for", "198.51.100.1").await,
        200
    );
    assert_eq!(
        register_from(&bank, "x-forwarded-for", "198.51.100.2").await,
        429
    );
    let bank = limited(LOOPBACK, "forwarded").await;
    assert_eq!(
        register_from(&bank, "x-forwarded-for", "198.51.100.1").await,
        200
    );
    assert_eq!(
        register_from(&bank, "x-forwarded-for", "198.51.100.2").await,
        429
    );
}

// AA-8.18-01
#[tokio::test]
async fn no_header_changes_who_the_server_is() {
    let config = format!("[proxy]\ntrusted = [{LOOPBACK:?}]\nclient_address = \"forwarded\"");
    let bank = Bank::start_with(&extended(&config)).await;
    let (_, agent) = bank.approved_agent(json!(["echo"])).await;
    let evil = "https://evil.example";
    for (audience, expected) in [(evil, 401), (bank.issuer.as_str(), 200)] {
        let token = agent.token(&bank, audience);
        let headers = [
            ("authorization", format!("Bearer {token}")),
            ("content-type", "application/json".to_owned()),
            ("host", "evil.example".to_owned()),
            ("x-forwarded-host", "evil.example".to_owned()),
            ("x-forwarded-proto", "https".to_owned()),
            (
                "forwarded",
                "for=198.51.100.1;host=evil.example;proto=https".to_owned(),
            ),
        ];
        let body = json!({ "capability": "echo" }).to_string().into_bytes();
        let answer = bank
            .raw("POST", "/capability/execute", &headers, Some(body))
            .await;
        assert_eq!(answer.status, expected, "{audience}");
    }
    let headers = [("x-forwarded-host", "evil.example".to_owned())];
    let path = "/.well-known/agent-configuration";
    let document = bank.raw("GET", path, &headers, None).await;
    assert_eq!(document.body["issuer"], bank.issuer);
    assert!(!document.text.contains("evil"));
}

/// A bank that demands certificates and takes them from proxies here.
async fn mtls(trusted: &str, more: &str) -> Bank {
    let config = format!(
        "[proxy]\ntrusted = [{trusted:?}]\nclient_certificate = \"client-cert\"\n{more}\n\
         [security]\nproof_of_possession = \"mtls\""
    );
    Bank::start_with(&extended(&config)).await
}

async fn echo(bank: &Bank, agent: &TestAgent, cnf: Value, headers: &[&str]) -> Answer {
    let token = agent.token_with(bank, &bank.execute_url(), |claims| {
        if !cnf.is_null() {
            claims["cnf"] = cnf;
        }
    });
    let mut lines = vec![
        ("authorization", format!("Bearer {token}")),
        ("content-type", "application/json".to_owned()),
    ];
    lines.extend(
        headers
            .iter()
            .map(|value| ("client-cert", (*value).to_owned())),
    );
    let body = json!({ "capability": "echo" }).to_string().into_bytes();
    bank.raw("POST", "/capability/execute", &lines, Some(body))
        .await
}

fn bound() -> Value {
    json!({ "x5t#S256": Thumbprint::of_certificate(&DER) })
}

const REFUSED: (u16, &str) = (401, "invalid_jwt");

// AA-4.4-04, AA-4.4-05, AA-4.5-10, AA-8.3-01, AA-8.14-01
#[tokio::test]
async fn where_certificates_are_demanded_only_the_bound_one_is_enough() {
    let bank = mtls(LOOPBACK, "").await;
    let (_, agent) = bank.approved_agent(json!(["echo"])).await;
    assert_eq!(
        echo(&bank, &agent, bound(), &[CLIENT_CERT]).await.status,
        200
    );
    let unbound = echo(&bank, &agent, Value::Null, &[CLIENT_CERT]).await;
    assert_eq!(unbound.refusal(), REFUSED);
    assert!(unbound.text_of("message").contains("x5t#S256"));
    for headers in [
        &[][..],
        &[":MAMCAQY=:"],
        &["nonsense"],
        &[CLIENT_CERT, CLIENT_CERT],
    ] {
        let answer = echo(&bank, &agent, bound(), headers).await;
        assert_eq!(answer.refusal(), REFUSED, "{headers:?}");
    }
    let document = bank
        .get("/.well-known/agent-configuration", None)
        .await
        .body;
    assert_eq!(document["tls_client_certificate_bound_access_tokens"], true);
}

// AA-4.4-04, AA-4.4-05
#[tokio::test]
async fn a_certificate_from_somebody_who_is_no_trusted_proxy_is_none() {
    let bank = mtls("192.0.2.1", "").await;
    let (_, agent) = bank.approved_agent(json!(["echo"])).await;
    assert_eq!(
        echo(&bank, &agent, bound(), &[CLIENT_CERT]).await.refusal(),
        REFUSED
    );
    // A bound token is held to its certificate where nothing is demanded, too.
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!(["echo"])).await;
    assert_eq!(
        echo(&bank, &agent, bound(), &[CLIENT_CERT]).await.refusal(),
        REFUSED
    );
}

// AA-4.4-04
#[tokio::test]
async fn a_certificate_may_come_as_escaped_pem() {
    let bank = mtls(LOOPBACK, "client_certificate_format = \"pem\"").await;
    let (_, agent) = bank.approved_agent(json!(["echo"])).await;
    let pem = "-----BEGIN%20CERTIFICATE-----%0AMAMCAQU%3D%0A-----END%20CERTIFICATE-----%0A";
    assert_eq!(echo(&bank, &agent, bound(), &[pem]).await.status, 200);
    assert_eq!(
        echo(&bank, &agent, bound(), &[CLIENT_CERT]).await.refusal(),
        REFUSED
    );
}
