//! Hosts and agents that sign what they should, or whatever a test changes it to.

use std::sync::atomic::{AtomicU64, Ordering};

use procura_keys::digest::{sha256, to_base64url};
use procura_keys::jwk::PublicJwk;
use procura_keys::jwt::{self, Header};
use procura_keys::key::SigningKey;
use procura_keys::thumbprint::Thumbprint;
use serde_json::{Value, json};

use super::Bank;

/// A number that no other test value has.
fn next() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::SeqCst)
}

fn new_key() -> SigningKey {
    SigningKey::from_seed(&sha256(format!("key {}", next()).as_bytes())).unwrap()
}

/// A key that belongs to nobody.
pub fn stranger() -> SigningKey {
    new_key()
}

/// A token name that was not used before.
pub fn jti() -> String {
    format!("jti-{}", next())
}

/// A compact token over any claims and any `typ`.
pub fn sign(typ: &str, claims: &Value, key: &SigningKey) -> String {
    jwt::sign(Header { algorithm: "EdDSA", typ, kid: None }, claims, key).unwrap()
}

pub fn jwk(key: &SigningKey) -> Value {
    PublicJwk { key: key.public().clone(), kid: None }.to_value()
}

/// A host under test.
pub struct TestHost {
    pub key: SigningKey,
}

impl TestHost {
    pub fn new() -> Self {
        Self { key: new_key() }
    }

    pub fn thumbprint(&self) -> String {
        Thumbprint::of(self.key.public()).into()
    }

    /// The claims of a good host token, to be signed as they are or changed first.
    pub fn claims(&self, bank: &Bank) -> Value {
        let now = bank.now().as_seconds();
        json!({
            "iss": self.thumbprint(),
            "aud": bank.issuer,
            "iat": now,
            "exp": now + 60,
            "jti": jti(),
            "host_public_key": jwk(&self.key),
        })
    }

    pub fn token(&self, bank: &Bank) -> String {
        sign("host+jwt", &self.claims(bank), &self.key)
    }

    pub fn registration_token(&self, bank: &Bank, agent: &TestAgent) -> String {
        let mut claims = self.claims(bank);
        claims["agent_public_key"] = jwk(&agent.key);
        sign("host+jwt", &claims, &self.key)
    }

    pub fn new_agent(&self) -> TestAgent {
        TestAgent { id: String::new(), key: new_key(), issuer: self.thumbprint() }
    }
}

/// An agent under test.
pub struct TestAgent {
    pub id: String,
    pub key: SigningKey,
    pub issuer: String,
}

impl TestAgent {
    /// The claims of a good agent token, to be signed as they are or changed first.
    pub fn claims(&self, bank: &Bank, audience: &str) -> Value {
        let now = bank.now().as_seconds();
        json!({
            "iss": self.issuer,
            "sub": self.id,
            "aud": audience,
            "iat": now,
            "exp": now + 60,
            "jti": jti(),
        })
    }

    pub fn token(&self, bank: &Bank, audience: &str) -> String {
        sign("agent+jwt", &self.claims(bank, audience), &self.key)
    }

    /// A token that covers these capabilities only.
    pub fn token_for(&self, bank: &Bank, audience: &str, capabilities: &[&str]) -> String {
        let mut claims = self.claims(bank, audience);
        claims["capabilities"] = json!(capabilities);
        sign("agent+jwt", &claims, &self.key)
    }
}

/// A token with its last signature character changed.
pub fn tampered(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let mut bytes = procura_keys::digest::from_base64url(signature).unwrap();
    bytes[10] ^= 1;
    format!("{signed}.{}", to_base64url(&bytes))
}
