//! Keys and what they sign.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use procura_keys::digest::sha256;
use procura_keys::jwk::PublicJwk;
use procura_keys::jwt::{self, Header};
use procura_keys::key::SigningKey;
use procura_keys::thumbprint::Thumbprint;
use serde_json::{Value, json};

use super::server::{EXECUTE_URL, ISSUER};
use crate::step::{Claim, KeyNumber};

/// The keys of one world. No other has the same.
pub(super) struct Keys {
    world: u64,
    made: HashMap<KeyNumber, SigningKey>,
}

/// What an agent's token is for.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Issuer,
    Execute,
}

impl Keys {
    pub(super) fn of_world(world: u64) -> Self {
        let made = HashMap::new();
        Self { world, made }
    }

    pub(super) fn world(&self) -> u64 {
        self.world
    }

    fn key(&mut self, number: KeyNumber) -> &SigningKey {
        let seed = format!("{} {number}", self.world);
        let made = self.made.entry(number);
        made.or_insert_with(|| SigningKey::from_seed(&sha256(seed.as_bytes())).unwrap())
    }

    pub(super) fn jwk(&mut self, number: KeyNumber) -> Value {
        let key = self.key(number).public().clone();
        PublicJwk { key, kid: None }.to_value()
    }

    fn thumbprint(&mut self, number: KeyNumber) -> String {
        Thumbprint::of(self.key(number).public()).into()
    }

    pub(super) fn host_token(
        &mut self,
        host: KeyNumber,
        agent_key: Option<Value>,
        now: i64,
    ) -> String {
        let mut claims = self.host_claims(host, now);
        if let Some(key) = agent_key {
            claims["agent_public_key"] = key;
        }
        sign("host+jwt", &claims, self.key(host))
    }

    /// The token of one host, signed by another.
    pub(super) fn forged_host_token(
        &mut self,
        host: KeyNumber,
        forger: KeyNumber,
        now: i64,
    ) -> String {
        let claims = self.host_claims(host, now);
        sign("host+jwt", &claims, self.key(forger))
    }

    fn host_claims(&mut self, host: KeyNumber, now: i64) -> Value {
        json!({
            "iss": self.thumbprint(host),
            "aud": ISSUER,
            "iat": now / 1000,
            "exp": now / 1000 + 60,
            "jti": jti(),
            "host_public_key": self.jwk(host),
        })
    }

    pub(super) fn agent_token(
        &mut self,
        agent: &str,
        issuer: KeyNumber,
        key: KeyNumber,
        purpose: Purpose,
        claim: Claim,
        now: i64,
    ) -> String {
        let mut claims = json!({
            "iss": self.thumbprint(issuer),
            "sub": agent,
            "aud": match purpose {
                Purpose::Issuer => ISSUER,
                Purpose::Execute => EXECUTE_URL,
            },
            "iat": now / 1000,
            "exp": now / 1000 + 60,
            "jti": jti(),
        });
        if let Some(names) = claim.names() {
            claims["capabilities"] = json!(names);
        }
        sign("agent+jwt", &claims, self.key(key))
    }
}

fn sign(typ: &str, claims: &Value, key: &SigningKey) -> String {
    let algorithm = "EdDSA";
    let header = Header {
        algorithm,
        typ,
        kid: None,
    };
    jwt::sign(header, claims, key).unwrap()
}

fn jti() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("jti-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}
