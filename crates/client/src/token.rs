//! Signing host JWTs (§4.2) and agent JWTs (§4.3): one for each request, never used twice.

use std::time::Duration;

use procura_agent_auth::token::{FORM, agent, host};
use procura_keys::clock::Timestamp;
use procura_keys::digest::to_base64url;
use procura_keys::entropy::{self, Entropy};
use procura_keys::jwk::PublicJwk;
use procura_keys::jwt::{Header, sign};
use procura_keys::key::{PublicKey, SigningKey};
use procura_keys::thumbprint::Thumbprint;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// What makes a token unique: when, and under which name.
pub(crate) struct Stamp {
    issued_at: i64,
    jti: String,
}

impl Stamp {
    /// `now` is the server's time as far as it is known.
    pub(crate) fn new(now: Timestamp, entropy: &dyn Entropy) -> Self {
        Self {
            issued_at: now.minus(BACKDATED).as_seconds(),
            jti: to_base64url(&entropy::bytes::<16>(entropy)),
        }
    }

    /// When, in seconds since 1970, and the name.
    pub(crate) fn into_parts(self) -> (i64, String) {
        (self.issued_at, self.jti)
    }

    fn claims(self, iss: Option<&Thumbprint>, aud: &str) -> Map<String, Value> {
        let expires_at = self.issued_at.saturating_add(LIFETIME_SECONDS);
        let mut claims = Map::new();
        if let Some(iss) = iss {
            claims.insert("iss".into(), json!(iss));
        }
        claims.insert("aud".into(), aud.into());
        claims.insert("iat".into(), self.issued_at.into());
        claims.insert("exp".into(), expires_at.into());
        claims.insert("jti".into(), self.jti.into());
        claims
    }
}

/// A host JWT. With `agent` it registers that key; with `bound_to` only the holder of that key may use it.
pub(crate) fn host_token(
    key: &SigningKey,
    aud: &str,
    agent: Option<&PublicKey>,
    bound_to: Option<&Thumbprint>,
    stamp: Stamp,
) -> serde_json::Result<String> {
    let mut claims = stamp.claims(Some(&Thumbprint::of(key.public())), aud);
    claims.insert("host_public_key".into(), jwk(key.public()));
    if let Some(agent) = agent {
        claims.insert("agent_public_key".into(), jwk(agent));
    }
    if let Some(key) = bound_to {
        claims.insert("cnf".into(), json!({ "jkt": key }));
    }
    signed(host::TYPE, key, &claims)
}

/// Whom an agent JWT is for.
pub(crate) struct AgentClaims<'a> {
    /// The host the agent belongs to, unless it is left out.
    pub(crate) host: Option<&'a Thumbprint>,
    /// The agent.
    pub(crate) agent_id: &'a str,
    /// The only recipient.
    pub(crate) aud: &'a str,
    /// The only capabilities it is good for, if it is limited.
    pub(crate) capabilities: Option<&'a [String]>,
    /// The key whose holder alone may use it, if it is bound to one.
    pub(crate) bound_to: Option<&'a Thumbprint>,
}

/// An agent JWT.
pub(crate) fn agent_token(
    key: &SigningKey,
    whom: &AgentClaims<'_>,
    stamp: Stamp,
) -> serde_json::Result<String> {
    let mut claims = stamp.claims(whom.host, whom.aud);
    claims.insert("sub".into(), whom.agent_id.into());
    if let Some(names) = whom.capabilities {
        claims.insert("capabilities".into(), names.into());
    }
    if let Some(key) = whom.bound_to {
        claims.insert("cnf".into(), json!({ "jkt": key }));
    }
    signed(agent::TYPE, key, &claims)
}

fn signed(typ: &str, key: &SigningKey, claims: &impl Serialize) -> serde_json::Result<String> {
    let kid = Thumbprint::of(key.public());
    let header = Header {
        algorithm: FORM.algorithm,
        typ,
        kid: Some(kid.as_str()),
    };
    sign(header, claims, key)
}

fn jwk(key: &PublicKey) -> Value {
    PublicJwk::named_by_thumbprint(key).to_value()
}

/// `exp` minus `iat` of every token.
pub(crate) const LIFETIME_SECONDS: i64 = 60;
/// Deployed servers accept no token from the future, not even by a second.
const BACKDATED: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use procura_keys::jwt::Unverified;

    use super::*;

    struct Counting(std::sync::atomic::AtomicU8);

    impl Entropy for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        }
    }

    fn stamp() -> Stamp {
        let now = Timestamp::from_seconds(1_710_000_005);
        Stamp::new(now, &Counting(1.into()))
    }

    // The key identifier is there however the server gets the keys.
    // AA-4.1-02, AA-4.2-01, AA-4.2-02, AA-4.2-04, AA-4.2-05, AA-4.2-06, AA-4.2-07, AA-4.2-08
    #[test]
    fn a_registering_host_jwt_carries_both_keys_and_names_its_own() {
        let host = SigningKey::from_seed(&[1; 32]).unwrap();
        let agent = SigningKey::from_seed(&[2; 32]).unwrap();
        let token = host_token(
            &host,
            "https://bank.example",
            Some(agent.public()),
            None,
            stamp(),
        );
        let token = token.unwrap();
        let read = Unverified::parse(&token, FORM).unwrap();
        let thumbprint = Thumbprint::of(host.public());
        assert!(read.is_signed_by(host.public()));
        assert_eq!(read.typ.as_deref(), Some("host+jwt"));
        assert_eq!(read.kid.as_deref(), Some(thumbprint.as_str()));
        assert_eq!(
            Value::Object(read.claims),
            json!({
                "iss": thumbprint,
                "aud": "https://bank.example",
                "iat": 1_710_000_000,
                "exp": 1_710_000_060,
                "jti": "AQEBAQEBAQEBAQEBAQEBAQ",
                "host_public_key": jwk(host.public()),
                "agent_public_key": jwk(agent.public()),
            })
        );
    }

    // AA-4.3-01, AA-4.3-02, AA-4.3-03, AA-4.3-04, AA-4.3-08
    #[test]
    fn an_agent_jwt_names_host_agent_recipient_and_limits() {
        let host = SigningKey::from_seed(&[1; 32]).unwrap();
        let agent = SigningKey::from_seed(&[2; 32]).unwrap();
        let whom = AgentClaims {
            host: Some(&Thumbprint::of(host.public())),
            agent_id: "agt_k7x9m2",
            aud: "https://bank.example/capability/execute",
            capabilities: Some(&["check_balance".to_owned()]),
            bound_to: None,
        };
        let token = agent_token(&agent, &whom, stamp()).unwrap();
        let read = Unverified::parse(&token, FORM).unwrap();
        assert!(read.is_signed_by(agent.public()));
        assert_eq!(read.typ.as_deref(), Some("agent+jwt"));
        assert_eq!(
            Value::Object(read.claims),
            json!({
                "iss": Thumbprint::of(host.public()),
                "sub": "agt_k7x9m2",
                "aud": "https://bank.example/capability/execute",
                "iat": 1_710_000_000,
                "exp": 1_710_000_060,
                "jti": "AQEBAQEBAQEBAQEBAQEBAQ",
                "capabilities": ["check_balance"],
            })
        );
    }

    // AA-4.1-03, AA-8.1-01
    #[test]
    fn no_token_holds_a_private_key() {
        let host = SigningKey::from_seed(&[1; 32]).unwrap();
        let token = host_token(
            &host,
            "https://bank.example",
            Some(host.public()),
            None,
            stamp(),
        );
        let token = token.unwrap();
        let claims = Unverified::parse(&token, FORM).unwrap().claims;
        assert!(!Value::Object(claims).to_string().contains("\"d\""));
    }
}
