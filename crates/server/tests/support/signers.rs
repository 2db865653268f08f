//! Hosts and agents that sign what they should, or whatever a test changes it to.

use std::sync::atomic::{AtomicU64, Ordering};

use procura_keys::digest::{from_base64url, sha256, to_base64url};
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

/// A key that belongs to nobody yet.
pub(crate) fn new_key() -> SigningKey {
    SigningKey::from_seed(&sha256(format!("key {}", next()).as_bytes())).unwrap()
}

/// A token name that was not used before.
pub(crate) fn jti() -> String {
    format!("jti-{}", next())
}

/// A compact token over any claims and any `typ`.
pub(crate) fn sign(typ: &str, claims: &Value, key: &SigningKey) -> String {
    let header = Header {
        algorithm: "EdDSA",
        typ,
        kid: None,
    };
    jwt::sign(header, claims, key).unwrap()
}

/// A compact token over any header and any text as claims.
pub(crate) fn compact(header: &Value, claims: &str, key: &SigningKey) -> String {
    let part = |text: &str| to_base64url(text.as_bytes());
    let signed = format!("{}.{}", part(&header.to_string()), part(claims));
    let signature = key.sign(signed.as_bytes());
    format!("{signed}.{}", to_base64url(&signature))
}

pub(crate) fn jwk(key: &SigningKey) -> Value {
    PublicJwk {
        key: key.public().clone(),
        kid: None,
    }
    .to_value()
}

/// A token with one bit of its signature changed.
pub(crate) fn tampered(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let mut bytes = from_base64url(signature).unwrap();
    bytes[10] ^= 1;
    format!("{signed}.{}", to_base64url(&bytes))
}

/// A host under test.
pub(crate) struct TestHost {
    pub(crate) key: SigningKey,
}

impl TestHost {
    pub(crate) fn new() -> Self {
        Self { key: new_key() }
    }

    pub(crate) fn thumbprint(&self) -> String {
        Thumbprint::of(self.key.public()).into()
    }

    /// The claims of a good host token, to be signed as they are or changed first.
    pub(crate) fn claims(&self, bank: &Bank) -> Value {
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

    pub(crate) fn token(&self, bank: &Bank) -> String {
        sign("host+jwt", &self.claims(bank), &self.key)
    }

    /// A token with some claims changed.
    pub(crate) fn token_with(&self, bank: &Bank, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = self.claims(bank);
        change(&mut claims);
        sign("host+jwt", &claims, &self.key)
    }

    pub(crate) fn registration_token(&self, bank: &Bank, agent: &TestAgent) -> String {
        self.token_with(bank, |claims| claims["agent_public_key"] = jwk(&agent.key))
    }

    pub(crate) fn new_agent(&self) -> TestAgent {
        TestAgent {
            id: String::new(),
            key: new_key(),
            issuer: self.thumbprint(),
        }
    }
}

/// An agent under test.
pub(crate) struct TestAgent {
    pub(crate) id: String,
    pub(crate) key: SigningKey,
    pub(crate) issuer: String,
}

impl TestAgent {
    /// The claims of a good agent token, to be signed as they are or changed first.
    pub(crate) fn claims(&self, bank: &Bank, audience: &str) -> Value {
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

    pub(crate) fn token(&self, bank: &Bank, audience: &str) -> String {
        self.token_with(bank, audience, |_| ())
    }

    /// A token with some claims changed.
    pub(crate) fn token_with(
        &self,
        bank: &Bank,
        audience: &str,
        change: impl FnOnce(&mut Value),
    ) -> String {
        let mut claims = self.claims(bank, audience);
        change(&mut claims);
        sign("agent+jwt", &claims, &self.key)
    }

    /// A token that covers these capabilities only.
    pub(crate) fn token_for(&self, bank: &Bank, audience: &str, capabilities: &[&str]) -> String {
        self.token_with(bank, audience, |claims| {
            claims["capabilities"] = json!(capabilities);
        })
    }
}
