//! Tokens as strangers might send them: each a real signed token, with one thing wrong.

mod agent;
mod host;
mod jwks;
mod mutation;
mod vectors;
mod window;

use procura_keys::clock::Timestamp;
use procura_keys::digest::to_base64url;
use procura_keys::jwk::PublicJwk;
use procura_keys::jwk_set::JwkSetError;
use procura_keys::jwt::JwtError;
use procura_keys::key::SigningKey;
use procura_keys::thumbprint::Thumbprint;
use serde_json::{Value, json};

use super::agent::{Signer, UnverifiedAgentToken, VerifiedAgentToken};
use super::host::{Known, Standing, UnverifiedHostToken, VerifiedHostToken};
use super::{TokenDefect, Window};
use crate::agent::Agent;
use crate::fixtures::{self, LIFETIME, NOW, agent_key, host_key};
use crate::host::Host;
use crate::refusal::Refusal;

const ISSUER: &str = "https://bank.example";
const EXECUTE: &str = "https://bank.example/capability/execute";

/// A token in the making.
struct Draft {
    header: Value,
    claims: Value,
    key: SigningKey,
}

impl Draft {
    /// What the agent of the fixtures signs: good for a minute from now.
    fn agent() -> Self {
        Self {
            header: json!({"alg": "EdDSA", "typ": "agent+jwt"}),
            claims: json!({
                "iss": Thumbprint::of(host_key().public()),
                "sub": fixtures::agent().id,
                "aud": EXECUTE,
                "iat": NOW.as_seconds(),
                "exp": NOW.as_seconds() + 60,
                "jti": "a-1",
            }),
            key: agent_key(),
        }
    }

    /// What the host of the fixtures signs to register the agent of the fixtures.
    fn host() -> Self {
        Self {
            header: json!({"alg": "EdDSA", "typ": "host+jwt"}),
            claims: json!({
                "iss": Thumbprint::of(host_key().public()),
                "aud": ISSUER,
                "iat": NOW.as_seconds(),
                "exp": NOW.as_seconds() + 60,
                "jti": "h-1",
                "host_public_key": jwk(&host_key()),
                "agent_public_key": jwk(&agent_key()),
            }),
            key: host_key(),
        }
    }

    fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header[name] = value.into();
        self
    }

    fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims[name] = value.into();
        self
    }

    fn without_header(mut self, name: &str) -> Self {
        self.header.as_object_mut().unwrap().remove(name).unwrap();
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.claims.as_object_mut().unwrap().remove(name).unwrap();
        self
    }

    fn signed_by(mut self, key: SigningKey) -> Self {
        self.key = key;
        self
    }

    fn text(&self) -> String {
        let part = |value: &Value| to_base64url(value.to_string().as_bytes());
        let signed = format!("{}.{}", part(&self.header), part(&self.claims));
        let signature = to_base64url(&self.key.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    /// The token under this draft's signature with the claims of another.
    fn with_claims_swapped_for(&self, other: &Self) -> String {
        let (own, others) = (self.text(), other.text());
        let own: Vec<_> = own.split('.').collect();
        let others: Vec<_> = others.split('.').collect();
        format!("{}.{}.{}", own[0], others[1], own[2])
    }
}

/// What the server has on record, and its clock.
#[derive(Clone)]
struct Server {
    agent: Agent,
    host: Host,
    window: Window,
    now: Timestamp,
}

impl Server {
    fn new() -> Self {
        Self {
            agent: fixtures::agent(),
            host: fixtures::host(),
            window: Window::default(),
            now: NOW,
        }
    }

    fn at(now: Timestamp) -> Self {
        Self { now, ..Self::new() }
    }

    fn verify_agent(&self, token: &str) -> Result<VerifiedAgentToken, Refusal> {
        let issuer = self.host.thumbprint();
        let signer = Signer {
            agent: &self.agent,
            key: &self.agent.public_key,
            host: &self.host,
            issuer: issuer.as_str(),
            host_keys: None,
            lifetime: &LIFETIME,
        };
        UnverifiedAgentToken::parse(token, &[EXECUTE, ISSUER])?.verify(
            &signer,
            self.window,
            self.now,
        )
    }

    fn agent_refusal(&self, draft: &Draft) -> Option<Refusal> {
        self.verify_agent(&draft.text()).err()
    }

    fn verify_host(
        &self,
        token: &str,
        host: Option<&Host>,
        standing: Standing,
    ) -> Result<VerifiedHostToken, Refusal> {
        let known = Known {
            host,
            key_set: None,
        };
        UnverifiedHostToken::parse(token, ISSUER)?.verify(known, standing, self.window, self.now)
    }

    /// Why the token of a known host is refused at an endpoint for active ones.
    fn host_refusal(&self, draft: &Draft) -> Option<Refusal> {
        self.verify_host(&draft.text(), Some(&self.host), Standing::Active)
            .err()
    }

    /// Why the token of a host never seen before is refused.
    fn new_host_refusal(&self, draft: &Draft) -> Option<Refusal> {
        self.verify_host(&draft.text(), None, Standing::NotEnded)
            .err()
    }
}

/// A key that no record knows.
fn strange_key() -> SigningKey {
    SigningKey::from_seed(&[3; 32]).unwrap()
}

fn jwk(key: &SigningKey) -> Value {
    PublicJwk {
        key: key.public().clone(),
        kid: None,
    }
    .to_value()
}

/// The error of a refused agent or host JWT: always 401.
fn invalid(defect: TokenDefect) -> Refusal {
    Refusal::InvalidJwt(defect)
}

fn bad_claim(name: &'static str, expected: &'static str) -> Refusal {
    invalid(TokenDefect::BadClaim { name, expected })
}

fn malformed(error: JwtError) -> Refusal {
    invalid(TokenDefect::Malformed(error))
}

const NUMBER: &str = "a number of seconds since 1970";

// AA-5.13-06
#[test]
fn every_defect_is_answered_with_401_invalid_jwt() {
    let defects = [
        TokenDefect::Missing,
        TokenDefect::NotBearer,
        TokenDefect::Malformed(JwtError::NotCompact),
        TokenDefect::WrongType("agent+jwt"),
        TokenDefect::WrongAudience("x".into()),
        TokenDefect::NotVerified,
        TokenDefect::ThumbprintMismatch,
        TokenDefect::TwoKeys("a", "b"),
        TokenDefect::NoKid,
        TokenDefect::KidNotPublished("a"),
        TokenDefect::KeysNotTaken("a"),
        TokenDefect::KeySetUnavailable("a"),
        TokenDefect::BadKeySet("a", JwkSetError::Empty),
        TokenDefect::DeliveryFixed("a"),
        TokenDefect::Expired,
        TokenDefect::CertificateRequired,
        TokenDefect::OtherCertificate,
        TokenDefect::BindingNotChecked,
        TokenDefect::Replayed,
    ];
    for defect in defects {
        let refusal = Refusal::from(defect);
        assert_eq!(refusal.code_and_status(), ("invalid_jwt", 401), "{refusal}");
    }
}
