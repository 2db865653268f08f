//! Agents and hosts that sign their tokens themselves, for whichever node.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use procura_keys::clock::Clock as _;
use procura_keys::digest::sha256;
use procura_keys::jwk::PublicJwk;
use procura_keys::jwt::{self, Header};
use procura_keys::key::SigningKey;
use procura_keys::thumbprint::Thumbprint;
use procura_service::system::SystemClock;
use serde_json::{Value, json};

use crate::wire::{self, Answer, request};

/// An agent with its host.
pub(crate) struct Agent {
    pub(crate) id: String,
    issuer: String,
    host: SigningKey,
    key: SigningKey,
}

impl Agent {
    /// Registers an agent of a new host at a node.
    pub(crate) async fn register(
        issuer: &str,
        node: &str,
        mode: &str,
        capabilities: Value,
    ) -> io::Result<(Self, Answer)> {
        let mut agent = Self {
            id: String::new(),
            issuer: issuer.to_owned(),
            host: new_key(),
            key: new_key(),
        };
        let mut claims = agent.host_claims();
        claims["agent_public_key"] = jwk(&agent.key);
        let token = sign("host+jwt", &claims, &agent.host);
        let body = json!({ "name": "Helper", "mode": mode, "capabilities": capabilities });
        let register = request("POST", "/agent/register", Some(&token), Some(&body));
        let answer = wire::send(node, &register).await?;
        answer.body["agent_id"]
            .as_str()
            .unwrap_or_default()
            .clone_into(&mut agent.id);
        Ok((agent, answer))
    }

    /// One that acts for nobody and may call what everybody may.
    pub(crate) async fn autonomous(issuer: &str, node: &str) -> Self {
        let asked = json!(["echo", "long_job", "long_watch"]);
        let registered = Self::register(issuer, node, "autonomous", asked).await;
        let (agent, answer) = registered.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        agent
    }

    /// A call with a token of its own, to be sent anywhere.
    pub(crate) fn execution(&self, capability: &str, arguments: &Value) -> String {
        let body = json!({ "capability": capability, "arguments": arguments });
        let token = self.token();
        request("POST", "/capability/execute", Some(&token), Some(&body))
    }

    pub(crate) fn echo(&self) -> String {
        self.execution("echo", &json!({ "message": "hello" }))
    }

    /// Asks how a job stands.
    pub(crate) fn question(&self, status_url: &str) -> String {
        let path = status_url.strip_prefix(&self.issuer).unwrap();
        request("GET", path, Some(&self.token()), None)
    }

    /// The host's request to revoke the agent.
    pub(crate) fn revocation(&self) -> String {
        let token = sign("host+jwt", &self.host_claims(), &self.host);
        let body = json!({ "agent_id": self.id });
        request("POST", "/agent/revoke", Some(&token), Some(&body))
    }

    fn token(&self) -> String {
        let now = now();
        let claims = json!({
            "iss": Thumbprint::of(self.host.public()).to_string(),
            "sub": self.id,
            "aud": format!("{}/capability/execute", self.issuer),
            "iat": now,
            "exp": now + LIFETIME,
            "jti": format!("jti-{}", next()),
        });
        sign("agent+jwt", &claims, &self.key)
    }

    fn host_claims(&self) -> Value {
        let now = now();
        json!({
            "iss": Thumbprint::of(self.host.public()).to_string(),
            "aud": self.issuer,
            "iat": now,
            "exp": now + LIFETIME,
            "jti": format!("jti-{}", next()),
            "host_public_key": jwk(&self.host),
        })
    }
}

fn sign(typ: &str, claims: &Value, key: &SigningKey) -> String {
    let header = Header {
        algorithm: "EdDSA",
        typ,
        kid: None,
    };
    jwt::sign(header, claims, key).unwrap()
}

fn jwk(key: &SigningKey) -> Value {
    PublicJwk {
        key: key.public().clone(),
        kid: None,
    }
    .to_value()
}

fn new_key() -> SigningKey {
    SigningKey::from_seed(&sha256(format!("key {}", next()).as_bytes())).unwrap()
}

fn next() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::SeqCst)
}

fn now() -> i64 {
    SystemClock.now().as_seconds()
}

/// How long tokens are good, in seconds.
pub(crate) const LIFETIME: i64 = 60;
