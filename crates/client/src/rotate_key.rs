//! Replacing keys: an agent's (§5.8), and the host's at every provider that knows it (§5.9, §8.7).
//!
//! One process at a time does so. Either can be cut off at any moment and called again. The new key is kept before a provider is told of it, and
//! every call signs with it, too, once the present one is refused.

#[cfg(test)]
mod tests;

use std::time::Duration;

use http::Method;
use procura_agent_auth::wire::lifecycle::{RotateHostKeyRequest, RotateKeyRequest};
use procura_keys::jwk::PublicJwk;
use procura_keys::key::PublicKey;
use procura_keys::thumbprint::Thumbprint;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::call::{Call, Signer};
use crate::client::Client;
use crate::error::ClientError;
use crate::profile::{Claim, Connection};
use crate::provider::{Endpoint, Provider};

/// An agent with a new key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RotatedAgent {
    /// The agent, under the same identifier as before.
    pub agent_id: String,
    /// The thumbprint of its new key.
    pub thumbprint: Thumbprint,
}

/// How far the host's new key has come.
#[derive(Debug)]
pub struct HostRotation {
    /// The issuers that know it.
    pub rotated: Vec<String>,
    /// The issuers that could not be told.
    pub remaining: Vec<NotRotated>,
    /// Whether the old key is gone. It is kept while an issuer with agents knows nothing else.
    pub is_complete: bool,
}

/// A provider that still knows the host by its old key.
#[derive(Debug)]
pub struct NotRotated {
    /// Its issuer.
    pub issuer: String,
    /// Why.
    pub error: ClientError,
}

impl Client {
    /// Replaces the key of an agent. Its identifier, grants and clocks stay.
    pub async fn rotate_agent_key(&self, agent: &str) -> Result<RotatedAgent, ClientError> {
        let _claim = self.claim_rotation().await?;
        let connection = self.profile.connection(agent)?;
        let provider = self.provider_of(&connection).await?;
        let entropy = &*self.parts.entropy;
        let (next, is_resumed) = self.profile.prepare_agent_key(&connection, entropy)?;
        let told = self.tell_agent_key(&provider, &connection, &next).await;
        let file = &connection.agent_key;
        match told {
            Ok(()) => self.profile.adopt_agent_key(file, &next, entropy)?,
            Err(ClientError::Refused(refused)) if refused.status < 500 => {
                // It may refuse because it knows the key: an earlier rotation whose answer was lost.
                if !is_resumed {
                    self.profile.drop_next_agent_key(file, &next, entropy)?;
                    return Err(ClientError::Refused(refused));
                }
                if !self.is_known_by(&provider, &connection, &next).await? {
                    return Err(ClientError::Refused(refused));
                }
            }
            Err(error) => return Err(error),
        }
        Ok(RotatedAgent {
            agent_id: connection.agent_id,
            thumbprint: Thumbprint::of(&next),
        })
    }

    /// Replaces the host's key at every provider met so far. Agents go on under it.
    ///
    /// A provider that cannot be reached keeps the old key, and is signed to with it, until this is called again.
    /// Not for a key that others may have: they could do the same (§8.8.1). See [`Client::revoke_host`].
    pub async fn rotate_host_key(&self) -> Result<HostRotation, ClientError> {
        let _claim = self.claim_rotation().await?;
        let entropy = &*self.parts.entropy;
        let next = self.profile.prepare_host_key(entropy)?;
        let with_agents = self.profile.issuers_of_agents()?;
        let mut issuers = with_agents.clone();
        issuers.extend(self.providers()?.iter().map(|it| it.issuer().to_owned()));
        let mut remaining = Vec::new();
        for issuer in issuers.difference(&self.profile.moved_issuers()?) {
            match self.rotate_at(issuer).await {
                Ok(()) => {}
                // A provider without agents may never have heard of this host.
                Err(ClientError::Refused(refused))
                    if !with_agents.contains(issuer) && refused.status < 429 => {}
                Err(error) => remaining.push(NotRotated {
                    issuer: issuer.clone(),
                    error,
                }),
            }
        }
        let rotated = self.profile.moved_issuers()?.into_iter().collect();
        Ok(HostRotation {
            rotated,
            remaining,
            is_complete: match next {
                Some(next) => self.profile.promote_host_key(&next, entropy)?,
                None => true,
            },
        })
    }

    /// Waits until no other process replaces keys.
    async fn claim_rotation(&self) -> Result<Claim, ClientError> {
        for _ in 0..MAX_LOOKS {
            if let Some(claim) = self.profile.claim_rotation()? {
                return Ok(claim);
            }
            self.parts.pause.pause(BETWEEN_LOOKS).await;
        }
        Err(self.profile.is_rotating().into())
    }

    async fn tell_agent_key(
        &self,
        provider: &Provider,
        connection: &Connection,
        next: &PublicKey,
    ) -> Result<(), ClientError> {
        let body = RotateKeyRequest {
            agent_id: connection.agent_id.clone(),
            public_key: jwk(next),
        };
        let signer = Signer::Host(None);
        let call = Call::new(provider, Method::POST, Endpoint::RotateKey, signer)?;
        let call = call.with_body(&body)?;
        let answer: Rotated = self.call(&call).await?;
        if answer.agent_id.as_ref() == Some(&connection.agent_id) {
            return Ok(());
        }
        let reason = "the rotation of another agent's key";
        Err(ClientError::bad_answer(call.url.as_str(), reason))
    }

    /// Whether the provider knows an agent by `key`: any call of the agent finds out.
    async fn is_known_by(
        &self,
        provider: &Provider,
        connection: &Connection,
        key: &PublicKey,
    ) -> Result<bool, ClientError> {
        match self.page(provider, None, Some(connection), None).await {
            Ok(_) | Err(ClientError::Refused(_)) => {}
            Err(error) => return Err(error),
        }
        let keys = self.profile.agent_keys(connection)?;
        Ok(keys.in_force.public() == key)
    }

    async fn rotate_at(&self, issuer: &str) -> Result<(), ClientError> {
        let record = self.profile.provider(issuer)?;
        let provider = self.current(issuer, record, Some(issuer)).await?;
        let Some(next) = self.host_keys(issuer)?.next else {
            return Ok(());
        };
        let body = RotateHostKeyRequest {
            public_key: jwk(next.public()),
        };
        let signer = Signer::Host(None);
        let call = Call::new(&provider, Method::POST, Endpoint::RotateHostKey, signer)?;
        match self.call::<Rotated>(&call.with_body(&body)?).await {
            Ok(_) => {
                let entropy = &*self.parts.entropy;
                self.profile.adopt_host_key(issuer, next.public(), entropy)
            }
            Err(error) => {
                // An earlier call, or another process, had reached it: the exchange found out with the new key.
                let in_force = self.host_keys(issuer)?.in_force;
                let is_known = in_force.public() == next.public();
                if is_known { Ok(()) } else { Err(error) }
            }
        }
    }
}

/// The answer to either rotation, as far as it matters.
#[derive(Deserialize)]
struct Rotated {
    agent_id: Option<String>,
    #[serde(rename = "status")]
    _status: String,
}

/// How often to look whether another process is done, and how many times: two minutes.
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);
const MAX_LOOKS: u32 = 1200;

fn jwk(key: &PublicKey) -> Value {
    PublicJwk::named_by_thumbprint(key).to_value()
}
