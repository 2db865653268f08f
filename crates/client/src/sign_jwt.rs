//! Tokens for use elsewhere: `sign_jwt` (§6.5).

use http::Method;
use procura_keys::thumbprint::Thumbprint;
use serde::Serialize;
use url::Url;

use crate::answer::ACTIVE;
use crate::binding::Binding;
use crate::client::Client;
use crate::error::{CallerError, ClientError};
use crate::profile::Connection;
use crate::token::{AgentClaims, LIFETIME_SECONDS, agent_token};

/// A signed agent JWT, good for one request.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct SignedJwt {
    /// The token. Whoever holds it can make one request in the agent's name.
    pub token: String,
    /// Seconds it is good for.
    pub expires_in: i64,
}

/// A signed agent JWT that only works together with its proof.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct BoundJwt {
    /// The token, for `Authorization: DPoP`.
    pub token: String,
    /// The proof, for the header `DPoP`. Good for the one request.
    #[serde(rename = "dpop")]
    pub proof: String,
    /// Seconds they are good for.
    pub expires_in: i64,
}

impl Client {
    /// Signs an agent JWT for `aud`, the issuer unless given. With `capabilities` it is good for those only,
    /// and the agent has to hold them all.
    pub fn sign_jwt(
        &self,
        agent: &str,
        aud: Option<&str>,
        capabilities: Option<&[String]>,
    ) -> Result<SignedJwt, ClientError> {
        let token = self.token_for(agent, aud, capabilities, None)?;
        Ok(SignedJwt {
            token,
            expires_in: LIFETIME_SECONDS,
        })
    }

    /// The same for one request with this method to this URL, bound to a key that is made for it and kept nowhere
    /// (RFC 9449): whoever takes the token from a log can do nothing with it. For services that demand DPoP.
    pub fn sign_bound_jwt(
        &self,
        agent: &str,
        aud: Option<&str>,
        capabilities: Option<&[String]>,
        method: &Method,
        url: &Url,
    ) -> Result<BoundJwt, ClientError> {
        let binding = Binding::new(&*self.parts.entropy)?;
        let token = self.token_for(agent, aud, capabilities, Some(binding.thumbprint()))?;
        let issuer = self.profile.connection(agent)?.issuer;
        let proof = binding.proof(&token, method, url, self.stamp(&issuer)?)?;
        Ok(BoundJwt {
            token,
            proof,
            expires_in: LIFETIME_SECONDS,
        })
    }

    fn token_for(
        &self,
        agent: &str,
        aud: Option<&str>,
        capabilities: Option<&[String]>,
        bound_to: Option<&Thumbprint>,
    ) -> Result<String, ClientError> {
        let connection = self.profile.connection(agent)?;
        if connection.status != ACTIVE {
            return Err(CallerError::NotActive(connection.status).into());
        }
        require_held(&connection, capabilities.unwrap_or_default())?;
        Self::require_as_asked(&connection, capabilities)?;
        let stamp = self.stamp(&connection.issuer)?;
        let host_key = self.host_keys(&connection.issuer)?.in_force;
        let host = self.naming(&connection.issuer)?.issuer(&host_key);
        let claims = AgentClaims {
            host: host.as_ref(),
            agent_id: &connection.agent_id,
            aud: aud.unwrap_or(&connection.issuer),
            capabilities,
            bound_to,
        };
        let key = self.profile.agent_keys(&connection)?.in_force;
        Ok(agent_token(&key, &claims, stamp)?)
    }
}

fn require_held(connection: &Connection, names: &[String]) -> Result<(), CallerError> {
    let holds = |name: &String| {
        let mut active = connection.grants.iter().filter(|it| it.status == ACTIVE);
        active.any(|grant| grant.capability.as_str() == name)
    };
    let missing: Vec<_> = names.iter().filter(|name| !holds(name)).cloned().collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(CallerError::NotHeld(missing))
    }
}

#[cfg(test)]
mod tests;
