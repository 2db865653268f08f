//! Ending an agent: `disconnect_agent` (§6.7).

use http::Method;
use procura_agent_auth::wire::lifecycle::AgentRequest;

use crate::answer::RevokeAnswer;
use crate::call::{Call, Signer};
use crate::client::Client;
use crate::error::{ClientError, Refused};
use crate::profile::Connection;
use crate::provider::Endpoint;

impl Client {
    /// Revokes an agent at its provider, then forgets it and its key here. Both are for good. When the
    /// provider cannot be reached nothing is forgotten, so that it can be tried again.
    pub async fn disconnect(&self, agent: &str) -> Result<Connection, ClientError> {
        let connection = self.profile.connection(agent)?;
        match self.revoke(&connection).await {
            Ok(()) => {}
            // It ended already, which is what was wanted.
            Err(ClientError::Refused(refused)) if has_ended(&refused) => {}
            Err(error) => return Err(error),
        }
        self.profile.remove(&connection.agent_key)?;
        Ok(connection)
    }

    /// Forgets an agent and its key here and tells nobody: for a provider that is gone for good. Where the
    /// provider still exists the agent stays registered there.
    pub fn forget(&self, agent: &str) -> Result<Connection, ClientError> {
        let connection = self.profile.connection(agent)?;
        self.profile.remove(&connection.agent_key)?;
        Ok(connection)
    }

    async fn revoke(&self, connection: &Connection) -> Result<(), ClientError> {
        let provider = self.provider_of(connection).await?;
        let body = AgentRequest {
            agent_id: connection.agent_id.clone(),
        };
        let call = Call::new(
            &provider,
            Method::POST,
            Endpoint::Revoke,
            Signer::Host(None),
        )?;
        let call = call.with_body(&body)?;
        let answer: RevokeAnswer = self.call(&call).await?;
        if answer.status == REVOKED {
            return Ok(());
        }
        let reason = format!("status {:?} after a revocation", answer.status);
        Err(ClientError::bad_answer(call.url.as_str(), reason))
    }
}

fn has_ended(refused: &Refused) -> bool {
    let codes = [
        "agent_not_found",
        "agent_revoked",
        "agent_rejected",
        "agent_claimed",
        "host_revoked",
    ];
    codes.iter().any(|code| refused.is(code))
}

const REVOKED: &str = "revoked";

#[cfg(test)]
mod tests;
