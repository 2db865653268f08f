//! TLS without a proxy in front, and tokens bound to client certificates over it (§4.4, §8.14).

use std::fs;
use std::path::Path;
use std::sync::Arc;

use procura_keys::thumbprint::Thumbprint;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::support::http::{Answer, send_over};
use crate::support::signers::{TestAgent, TestHost};
use crate::support::{Bank, changed};

/// A certificate for this name with its key.
struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    pem: (String, String),
}

impl Identity {
    fn new(name: &str) -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed([name.to_owned()]).unwrap();
        Self {
            certificate: cert.der().clone(),
            key: PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap(),
            pem: (cert.pem(), signing_key.serialize_pem()),
        }
    }

    fn write(&self, directory: &Path) {
        fs::write(directory.join("certificate.pem"), &self.pem.0).unwrap();
        fs::write(directory.join("key.pem"), &self.pem.1).unwrap();
    }

    fn thumbprint(&self) -> Thumbprint {
        Thumbprint::of_certificate(&self.certificate)
    }
}

/// A bank that serves TLS itself with the certificate in `directory`.
async fn bank(directory: &TempDir, more: &str) -> Bank {
    let path = directory.path().display();
    let config = changed("[provider]", "[provider]\nissuer = \"https://localhost\"");
    let tls = format!(
        "[tls]\ncertificate = '{path}/certificate.pem'\nkey = '{path}/key.pem'\n\
         client_certificates = true\n{more}"
    );
    Bank::start_with(&format!("{config}\n{tls}\n")).await
}

async fn connect(
    bank: &Bank,
    server: &Identity,
    client: Option<&Identity>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(server.certificate.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match client {
        None => config.with_no_client_auth(),
        Some(client) => config
            .with_client_auth_cert(vec![client.certificate.clone()], client.key.clone_key())
            .unwrap(),
    };
    let stream = TcpStream::connect(&bank.address).await?;
    let name = "localhost".try_into().unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

async fn post(stream: TlsStream<TcpStream>, path: &str, token: &str, body: &Value) -> Answer {
    let headers = [
        ("authorization", format!("Bearer {token}")),
        ("content-type", "application/json".to_owned()),
        // Nobody's proxy: not looked at.
        ("client-cert", ":MAMCAQU=:".to_owned()),
    ];
    let body = Some(body.to_string().into_bytes());
    send_over(stream, "localhost", "POST", path, &headers, body).await
}

async fn autonomous_agent(bank: &Bank, server: &Identity) -> TestAgent {
    let host = TestHost::new();
    let mut agent = host.new_agent();
    let token = host.registration_token(bank, &agent);
    let body = json!({ "name": "Worker", "mode": "autonomous", "capabilities": ["echo"] });
    let stream = connect(bank, server, None).await.unwrap();
    let answer = post(stream, "/agent/register", &token, &body).await;
    agent.id = answer.text_of("agent_id").to_owned();
    agent
}

// AA-4.4-04, AA-4.4-05, AA-4.5-10
#[tokio::test]
async fn a_token_bound_to_a_certificate_is_good_over_a_connection_with_it_only() {
    let directory = tempfile::tempdir().unwrap();
    let server = Identity::new("localhost");
    server.write(directory.path());
    let bank = bank(&directory, "[security]\nproof_of_possession = \"mtls\"").await;
    let agent = autonomous_agent(&bank, &server).await;
    let (own, thief) = (Identity::new("agent"), Identity::new("agent"));
    for (client, expected) in [(None, 401), (Some(&thief), 401), (Some(&own), 200)] {
        let token = agent.token_with(&bank, &bank.execute_url(), |claims| {
            claims["cnf"] = json!({ "x5t#S256": own.thumbprint() });
        });
        let stream = connect(&bank, &server, client).await.unwrap();
        let body = json!({ "capability": "echo" });
        let answer = post(stream, "/capability/execute", &token, &body).await;
        assert_eq!(answer.status, expected, "{answer:?}");
    }
}

#[tokio::test]
async fn a_client_that_does_not_hold_the_key_of_its_certificate_gets_no_connection() {
    let directory = tempfile::tempdir().unwrap();
    let server = Identity::new("localhost");
    server.write(directory.path());
    let bank = bank(&directory, "").await;
    let own = Identity::new("agent");
    let liar = Identity {
        certificate: own.certificate.clone(),
        ..Identity::new("agent")
    };
    // The client library itself refuses what does not fit, so the lie is told with a key it cannot compare.
    let mut roots = RootCertStore::empty();
    roots.add(server.certificate.clone()).unwrap();
    let provider = default_provider();
    let key = provider
        .key_provider
        .load_private_key(liar.key.clone_key())
        .unwrap();
    let unchecked = tokio_rustls::rustls::sign::CertifiedKey::new(vec![liar.certificate], key);
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_cert_resolver(Arc::new(
            tokio_rustls::rustls::sign::SingleCertAndKey::from(unchecked),
        ));
    let stream = TcpStream::connect(&bank.address).await.unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let connected = connector
        .connect("localhost".try_into().unwrap(), stream)
        .await;
    // With TLS 1.3 the client is done before the server has judged it, so it asks for something.
    let mut answer = Vec::new();
    if let Ok(mut stream) = connected {
        let _ = stream.write_all(PLAIN_REQUEST).await;
        let _ = stream.read_to_end(&mut answer).await;
    }
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
}

#[tokio::test]
async fn a_renewed_certificate_is_used_and_a_broken_one_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let (old, new) = (Identity::new("localhost"), Identity::new("localhost"));
    old.write(directory.path());
    let bank = bank(&directory, "").await;
    let tls = bank.tls.clone().unwrap();
    assert!(!tls.reload().unwrap());
    // A certificate without its key yet: the old one stays.
    fs::write(directory.path().join("certificate.pem"), &new.pem.0).unwrap();
    let why = format!("{:#}", tls.reload().unwrap_err());
    assert!(why.contains("key.pem does not fit"), "{why}");
    assert!(connect(&bank, &old, None).await.is_ok());
    new.write(directory.path());
    assert!(tls.reload().unwrap());
    assert!(connect(&bank, &new, None).await.is_ok());
    assert!(connect(&bank, &old, None).await.is_err());
}

#[tokio::test]
async fn whoever_shows_no_certificate_is_answered_all_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let server = Identity::new("localhost");
    server.write(directory.path());
    let bank = bank(&directory, "").await;
    let mut stream = connect(&bank, &server, None).await.unwrap();
    stream.write_all(PLAIN_REQUEST).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{answer:?}");
}

#[tokio::test]
async fn plain_http_is_not_answered_over_tls() {
    let directory = tempfile::tempdir().unwrap();
    let server = Identity::new("localhost");
    server.write(directory.path());
    let bank = bank(&directory, "").await;
    let mut stream = TcpStream::connect(&bank.address).await.unwrap();
    stream.write_all(PLAIN_REQUEST).await.unwrap();
    let mut answer = Vec::new();
    // Whatever comes is TLS's own word for "no", and then nothing more.
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
}

const PLAIN_REQUEST: &[u8] =
    b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
