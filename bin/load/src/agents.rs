//! Autonomous agents, each of a host of its own, and the tokens they sign.

use std::cell::Cell;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use procura_keys::digest::{from_base64url, sha256, to_base64url};
use procura_keys::jwk::PublicJwk;
use procura_keys::jwt::{self, Header};
use procura_keys::key::SigningKey;
use procura_keys::thumbprint::Thumbprint;
use serde_json::{Value, json};

use crate::connection::{Connection, request};
use crate::server::Server;

/// Seconds a token is good for.
const LIFETIME: i64 = 60;

/// The agents that make calls, and what makes every token and key unlike the others.
pub(crate) struct Agents {
    pub(crate) registered: Vec<Agent>,
    number: Cell<u64>,
}

/// An agent with its host.
pub(crate) struct Agent {
    pub(crate) id: String,
    host_key: SigningKey,
    key: SigningKey,
}

impl Agents {
    pub(crate) fn register(server: &Server, count: u32) -> Result<Self> {
        let mut agents = Self {
            registered: Vec::new(),
            number: Cell::new(0),
        };
        for _ in 0..count {
            let agent = agents.registered_one(server)?;
            agents.registered.push(agent);
        }
        Ok(agents)
    }

    /// One more that the server knows, and that makes no calls unless told to.
    pub(crate) fn registered_one(&self, server: &Server) -> Result<Agent> {
        let mut agent = self.unregistered()?;
        let request = self.registration(&server.issuer, &agent)?;
        let mut connection = Connection::open(&server.address)?;
        let answer = connection.send(request.as_bytes())?;
        ensure!(
            answer.status == 200,
            "registration failed: {}",
            answer.body()
        );
        let body: Value = serde_json::from_str(&answer.body())?;
        agent.id = body["agent_id"].as_str().context("no agent_id")?.to_owned();
        Ok(agent)
    }

    pub(crate) fn unregistered(&self) -> Result<Agent> {
        Ok(Agent {
            id: String::new(),
            host_key: self.next_key()?,
            key: self.next_key()?,
        })
    }

    /// The request that registers an agent.
    pub(crate) fn registration(&self, issuer: &str, agent: &Agent) -> Result<String> {
        let mut claims = self.host_claims(issuer, agent)?;
        claims["agent_public_key"] = jwk(&agent.key);
        let token = sign("host+jwt", &claims, &agent.host_key)?;
        let body = json!({ "name": "Load", "mode": "autonomous", "capabilities": ["echo"] });
        Ok(request(
            "POST",
            "/agent/register",
            Some(&token),
            Some(&body),
        ))
    }

    /// A token of the host.
    pub(crate) fn host_token(&self, issuer: &str, agent: &Agent) -> Result<String> {
        let claims = self.host_claims(issuer, agent)?;
        sign("host+jwt", &claims, &agent.host_key)
    }

    /// A token of the caller with this place in the list.
    pub(crate) fn token(&self, index: usize, audience: &str) -> Result<String> {
        self.token_from(index, audience, now()?)
    }

    /// The same, out of date.
    pub(crate) fn expired_token(&self, index: usize, audience: &str) -> Result<String> {
        self.token_from(index, audience, now()? - 10 * LIFETIME)
    }

    fn token_from(&self, index: usize, audience: &str, issued: i64) -> Result<String> {
        let jti = self.next();
        let agent = &self.registered[index];
        let claims = json!({
            "iss": Thumbprint::of(agent.host_key.public()).to_string(),
            "sub": agent.id,
            "aud": audience,
            "iat": issued,
            "exp": issued + LIFETIME,
            "jti": format!("load-{jti}"),
        });
        sign("agent+jwt", &claims, &agent.key)
    }

    fn host_claims(&self, issuer: &str, agent: &Agent) -> Result<Value> {
        let now = now()?;
        Ok(json!({
            "iss": Thumbprint::of(agent.host_key.public()).to_string(),
            "aud": issuer,
            "iat": now,
            "exp": now + LIFETIME,
            "jti": format!("load-{}", self.next()),
            "host_public_key": jwk(&agent.host_key),
        }))
    }

    fn next_key(&self) -> Result<SigningKey> {
        let seed = sha256(format!("load {}", self.next()).as_bytes());
        Ok(SigningKey::from_seed(&seed)?)
    }

    fn next(&self) -> u64 {
        self.number.set(self.number.get() + 1);
        self.number.get()
    }
}

/// The token with one bit of its signature changed.
pub(crate) fn forged(token: &str) -> Result<String> {
    let (signed, signature) = token.rsplit_once('.').context("a token has three parts")?;
    let mut bytes = from_base64url(signature).context("a signature is base64url")?;
    bytes[10] ^= 1;
    Ok(format!("{signed}.{}", to_base64url(&bytes)))
}

fn sign(typ: &str, claims: &Value, key: &SigningKey) -> Result<String> {
    let header = Header {
        algorithm: "EdDSA",
        typ,
        kid: None,
    };
    Ok(jwt::sign(header, claims, key)?)
}

fn jwk(key: &SigningKey) -> Value {
    PublicJwk {
        key: key.public().clone(),
        kid: None,
    }
    .to_value()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the server reads the real time, so its clients have to"
)]
fn now() -> Result<i64> {
    Ok(i64::try_from(
        SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs(),
    )?)
}
