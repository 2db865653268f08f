//! What the files hold.

use std::collections::{BTreeMap, BTreeSet};

use procura_agent_auth::agent::Mode;
use procura_agent_auth::compat::Compat;
use procura_agent_auth::wire::grant::GrantObject;
use procura_agent_auth::wire::register::RequestedCapability;
use procura_keys::clock::Timestamp;
use procura_keys::digest::{from_base64url, to_base64url};
use procura_keys::jwk::PublicJwk;
use procura_keys::key::{KeyError, SigningKey};
use procura_keys::thumbprint::Thumbprint;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::approval::Approval;
use crate::provider::Provider;

/// A connected agent: everything about it except its key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Connection {
    /// The agent's identifier at its provider. Opaque.
    pub agent_id: String,
    /// The provider's issuer.
    pub issuer: String,
    /// The provider's name for itself.
    pub provider: String,
    /// The agent's display name.
    pub name: String,
    /// How it was registered.
    pub mode: Mode,
    /// Where it stood when the provider was last asked.
    pub status: String,
    /// Its grants when the provider was last asked.
    pub grants: Vec<GrantObject>,
    /// What was asked for, to compare grants with.
    #[serde(default)]
    pub asked: Vec<RequestedCapability>,
    /// The thumbprint of its key.
    pub agent_key: Thumbprint,
    /// When it was registered.
    pub created_at: Timestamp,
    /// What it waits for, while it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    /// The locations looked up so far.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) locations: BTreeMap<String, KeptLocation>,
}

/// Where a capability is executed, as the provider last said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptLocation {
    /// Absent for the default location.
    pub(crate) location: Option<String>,
    /// From when on it has to be looked up again.
    pub(crate) until: Timestamp,
}

/// A provider met before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ProviderRecord {
    /// What it publishes.
    pub(crate) provider: Provider,
    /// Other base URLs that led to it.
    #[serde(default)]
    pub(crate) known_as: Vec<String>,
    /// From when on it has to be fetched again.
    pub(crate) fresh_until: Timestamp,
    /// The server's clock minus ours, in milliseconds, once a token was refused.
    #[serde(default)]
    pub(crate) clock_offset: i64,
    /// Whose deviations from the specification it shares, if somebody who uses it said so.
    #[serde(default)]
    pub(crate) compat: Option<Compat>,
    /// Whether it was found to want no `iss` in the tokens of agents.
    #[serde(default)]
    pub(crate) refuses_issuer: bool,
}

/// `host.json`.
#[derive(Serialize, Deserialize)]
pub(super) struct HostFile {
    pub(super) key: KeptKey,
    created_at: Timestamp,
    /// The key that is to follow, from before the first provider is told of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<KeptKey>,
    /// The issuers at which it has followed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) moved: BTreeSet<String>,
    /// Whether each provider sees a key of its own, derived from these (§9.1).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) per_server: bool,
}

impl HostFile {
    pub(super) fn new(key: SigningKey, per_server: bool, created_at: Timestamp) -> Self {
        Self {
            key: KeptKey(key),
            created_at,
            next: None,
            moved: BTreeSet::new(),
            per_server,
        }
    }
}

/// `agents/<thumbprint>.json`.
#[derive(Serialize, Deserialize)]
pub(super) struct AgentFile {
    #[serde(flatten)]
    pub(super) connection: Connection,
    pub(super) key: KeptKey,
    /// The key that is to follow, from before the provider is told of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<KeptKey>,
}

impl AgentFile {
    pub(super) fn new(connection: Connection, key: &SigningKey) -> Result<Self, KeyError> {
        Ok(Self {
            connection,
            key: KeptKey::of(key)?,
            next: None,
        })
    }
}

/// `intents/<thumbprint>.json`: a registration from before it is sent until its answer is kept.
#[derive(Serialize, Deserialize)]
pub(super) struct IntentFile {
    pub(super) issuer: String,
    pub(super) request: Value,
    pub(super) key: KeptKey,
    pub(super) created_at: Timestamp,
}

/// A key pair, kept as a private JWK (RFC 8037). Reading one checks that its halves belong together, so that a
/// damaged key is noticed before anything is signed with it.
pub(super) struct KeptKey(SigningKey);

impl KeptKey {
    pub(super) fn of(key: &SigningKey) -> Result<Self, KeyError> {
        SigningKey::from_seed(key.expose_seed()).map(Self)
    }

    pub(super) fn as_inner(&self) -> &SigningKey {
        &self.0
    }

    pub(super) fn into_inner(self) -> SigningKey {
        self.0
    }
}

impl Serialize for KeptKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut jwk = PublicJwk::named_by_thumbprint(self.0.public()).to_value();
        jwk["d"] = to_base64url(self.0.expose_seed()).into();
        jwk.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for KeptKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let jwk = PrivateJwk::deserialize(deserializer)?;
        let seed = from_base64url(&jwk.d).ok_or_else(|| D::Error::custom("d is not base64url"))?;
        let key = SigningKey::from_seed(&seed).map_err(D::Error::custom)?;
        if jwk.x != to_base64url(key.public().as_bytes()) {
            return Err(D::Error::custom(
                "the two halves of the key do not belong together",
            ));
        }
        Ok(Self(key))
    }
}

#[derive(Deserialize)]
struct PrivateJwk {
    x: String,
    d: String,
}
