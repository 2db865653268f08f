//! Who acts, told to an upstream in a header that it can verify.
//!
//! `Procura-Actor` is a compact JWT for one request: it names the upstream it is for, the person, host and agent, the
//! capability and the call, and is bound to the request by a digest. It is good for a minute, and its `jti` is used once.
//! Arguments cannot set it: the header is reserved, and it is put in last.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use procura_keys::clock::Timestamp;
use procura_keys::digest::{sha256, to_base64url};
use procura_keys::entropy::{self, Entropy};
use procura_keys::jwk::PublicJwk;
use procura_keys::jwt::{self, Header};
use procura_keys::key::{KeyError, SigningKey};
use procura_keys::thumbprint::Thumbprint;
use serde_json::{Map, Value, json};
use url::Url;

use super::outgoing::Outgoing;
use crate::Call;

/// The header.
pub const NAME: HeaderName = HeaderName::from_static("procura-actor");

/// The `typ` of the token.
pub const TYP: &str = "procura-actor+jwt";

/// How long a token is good.
pub const LIFETIME: Duration = Duration::from_mins(1);

/// The keys that sign, and who signs with them.
pub struct ActorKeys {
    issuer: String,
    keys: Vec<SigningKey>,
    entropy: Arc<dyn Entropy>,
}

impl fmt::Debug for ActorKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ActorKeys({})", self.issuer)
    }
}

/// Who acts in a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    user_id: Option<String>,
    host_id: String,
    agent_id: String,
    capability: String,
    call_id: String,
}

impl From<Call<'_>> for Actor {
    fn from(call: Call<'_>) -> Self {
        Self {
            user_id: call.user_id.map(str::to_owned),
            host_id: call.host_id.to_owned(),
            agent_id: call.agent_id.to_owned(),
            capability: call.capability.to_owned(),
            call_id: call.call_id.to_owned(),
        }
    }
}

impl ActorKeys {
    /// Keys of these seeds: the first signs, all are published. `issuer` is the server's.
    pub fn new<'s>(
        issuer: String,
        seeds: impl IntoIterator<Item = &'s [u8]>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, KeyError> {
        let keys = seeds.into_iter().map(SigningKey::from_seed);
        Ok(Self {
            issuer,
            keys: keys.collect::<Result<_, _>>()?,
            entropy,
        })
    }

    /// What is published for upstreams to verify with (RFC 7517 §5).
    pub fn to_jwks(&self) -> Value {
        let jwk = |key: &SigningKey| {
            let kid = Thumbprint::of(key.public()).as_str().to_owned();
            let mut jwk = PublicJwk {
                key: key.public().clone(),
                kid: Some(kid),
            }
            .to_value();
            jwk["use"] = json!("sig");
            jwk["alg"] = json!(ALGORITHM);
            jwk
        };
        json!({ "keys": self.keys.iter().map(jwk).collect::<Vec<_>>() })
    }

    /// The header's value for one request to `url`, which does not hold a credential yet.
    pub(super) fn sign(
        &self,
        actor: &Actor,
        outgoing: &Outgoing,
        url: &Url,
        now: Timestamp,
    ) -> Option<HeaderValue> {
        let key = self.keys.first()?;
        let kid = Thumbprint::of(key.public());
        let header = Header {
            algorithm: ALGORITHM,
            typ: TYP,
            kid: Some(kid.as_str()),
        };
        let claims = self.claims(actor, outgoing, url, now);
        let token = jwt::sign(header, &claims, key).ok()?;
        let mut value = HeaderValue::try_from(token).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    fn claims(
        &self,
        actor: &Actor,
        outgoing: &Outgoing,
        url: &Url,
        now: Timestamp,
    ) -> Map<String, Value> {
        let jti: [u8; 16] = entropy::bytes(self.entropy.as_ref());
        let subject = actor.user_id.as_ref().unwrap_or(&actor.agent_id);
        let claims = json!({
            "iss": self.issuer,
            "aud": url.origin().ascii_serialization(),
            "iat": now.as_seconds(),
            "exp": now.plus(LIFETIME).as_seconds(),
            "jti": to_base64url(&jti),
            "sub": subject,
            "user_id": actor.user_id,
            "host_id": actor.host_id,
            "agent_id": actor.agent_id,
            "capability": actor.capability,
            "call_id": actor.call_id,
            "request_sha256": request_digest(outgoing, url),
        });
        match claims {
            Value::Object(claims) => claims
                .into_iter()
                .filter(|(_, value)| !value.is_null())
                .collect(),
            _ => Map::new(),
        }
    }
}

/// Method, blank, path with query, line feed, body: the SHA-256 of it in base64url.
fn request_digest(outgoing: &Outgoing, url: &Url) -> String {
    let mut text = format!("{} {}", outgoing.method, url.path());
    if let Some(query) = url.query() {
        text.push('?');
        text.push_str(query);
    }
    text.push('\n');
    let mut bytes = text.into_bytes();
    if let Some((_, body)) = &outgoing.body {
        bytes.extend_from_slice(body);
    }
    to_base64url(&sha256(&bytes))
}

const ALGORITHM: &str = "EdDSA";
