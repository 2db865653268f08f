//! Giving a host identity up: revoking it (§5.10), and starting over with another (§8.8.1).

#[cfg(test)]
mod tests;

use http::Method;
use procura_keys::jwk::PublicJwk;
use procura_keys::thumbprint::Thumbprint;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::call::{Call, Signer};
use crate::client::Client;
use crate::error::ClientError;
use crate::provider::Endpoint;

/// A provider at which this host has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RevokedHost {
    /// Its issuer.
    pub issuer: String,
    /// How many agents ended there, by its count.
    pub agents_revoked: u64,
    /// The agents that were forgotten here.
    pub forgotten: Vec<String>,
}

/// What a host is known by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HostIdentity {
    /// The thumbprint of its key: the `iss` of its tokens (§4.2).
    pub thumbprint: Thumbprint,
    /// The public half of its key, as a JWK.
    pub public_key: Value,
}

/// A host identity made from nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewHost {
    /// The thumbprint of its key; absent where each provider sees a key of its own.
    pub thumbprint: Option<Thumbprint>,
    /// The agents of the host before it, which cannot be used any more.
    pub forgotten: Vec<String>,
}

impl Client {
    /// Revokes this host at a provider, with all its agents there, and forgets those here. For good: the provider
    /// will not take the host's key again.
    pub async fn revoke_host(&self, provider: &str) -> Result<RevokedHost, ClientError> {
        let provider = self.provider(provider).await?;
        let signer = Signer::Host(None);
        let call = Call::new(&provider, Method::POST, Endpoint::RevokeHost, signer)?;
        let agents_revoked = match self.call::<Revoked>(&call).await {
            Ok(answer) => answer.agents_revoked,
            // It had ended already, or never begun, which is what was wanted.
            Err(ClientError::Refused(refused))
                if refused.is("host_revoked") || refused.is("host_not_found") =>
            {
                0
            }
            Err(error) => return Err(error),
        };
        let mut forgotten = Vec::new();
        for connection in self.profile.connections()? {
            if connection.issuer == provider.issuer() {
                self.profile.remove(&connection.agent_key)?;
                forgotten.push(connection.agent_id);
            }
        }
        Ok(RevokedHost {
            issuer: provider.issuer().to_owned(),
            agents_revoked,
            forgotten,
        })
    }

    /// Makes a new host key that has nothing to do with the one before, and forgets all agents, since they belong to
    /// the old one. With `per_server` every provider sees a key of its own, derived from one secret, so that providers
    /// cannot tell from their keys that two hosts are one (§9.1).
    ///
    /// This is the way out when the old key was stolen or revoked. It tells nobody: revoke the old host first, with
    /// [`Client::revoke_host`] or on the provider's own pages.
    pub fn new_host(&self, per_server: bool) -> Result<NewHost, ClientError> {
        let (entropy, now) = (&*self.parts.entropy, self.now());
        let forgotten = self.profile.renew_host(per_server, entropy, now)?;
        self.answers.forget();
        self.notify_of_host_key();
        Ok(NewHost {
            thumbprint: self.host_identity(None)?.map(|it| it.thumbprint),
            forgotten,
        })
    }

    /// What providers know this host by. Where each provider sees a key of its own it is that at `issuer`, and
    /// without one there is none. `None`, too, while no key has been made.
    pub fn host_identity(&self, issuer: Option<&str>) -> Result<Option<HostIdentity>, ClientError> {
        let issuer = match (self.profile.is_host_per_server()?, issuer) {
            (None, _) | (Some(true), None) => return Ok(None),
            (Some(_), issuer) => issuer.unwrap_or_default(),
        };
        let key = self.host_keys(issuer)?.in_force;
        Ok(Some(HostIdentity {
            thumbprint: Thumbprint::of(key.public()),
            public_key: PublicJwk::named_by_thumbprint(key.public()).to_value(),
        }))
    }
}

/// The answer to a revocation.
#[derive(Deserialize)]
struct Revoked {
    agents_revoked: u64,
}
