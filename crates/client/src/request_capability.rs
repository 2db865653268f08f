//! Asking for more: `request_capability` (§6.6).

use http::Method;
use procura_agent_auth::wire::grant::GrantObject;
use procura_agent_auth::wire::register::{ApprovalHints, CapabilityRequest, RequestedCapability};
use serde_json::Value;

use crate::answer::{ACTIVE, AgentAnswer, AgentStanding, PENDING};
use crate::approval::{Awaited, Pending, require_known_method};
use crate::call::{Call, Signer};
use crate::client::Client;
use crate::connect::{Connected, names_are_wrong, requested};
use crate::error::ClientError;
use crate::profile::Connection;
use crate::provider::{Endpoint, Provider};

/// What to ask for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CapabilityAsk {
    /// What the agent wants to do.
    pub capabilities: Vec<RequestedCapability>,
    /// Why, how and by whom it should be approved.
    pub hints: ApprovalHints,
}

impl CapabilityAsk {
    /// Also asks for a capability, within limits if there are any (§2.13).
    #[must_use]
    pub fn with_capability(mut self, name: impl Into<String>, limits: Option<Value>) -> Self {
        self.capabilities.push(requested(name.into(), limits));
        self
    }
}

impl Client {
    /// Asks for more capabilities for a connected agent. The outcome is about the grants of this request: an
    /// agent that is active all along may still wait for them.
    pub async fn request_capability(
        &self,
        agent: &str,
        ask: CapabilityAsk,
    ) -> Result<Connected, ClientError> {
        let connection = self.profile.connection(agent)?;
        let provider = self.provider_of(&connection).await?;
        let answer = self.ask_for(&provider, &connection, &ask).await?;
        self.keep_asked(&provider, connection, &ask, answer)
    }

    async fn ask_for(
        &self,
        provider: &Provider,
        connection: &Connection,
        ask: &CapabilityAsk,
    ) -> Result<AgentAnswer, ClientError> {
        let body = CapabilityRequest {
            capabilities: ask.capabilities.clone(),
            hints: ask.hints.clone(),
        };
        let signer = Signer::Agent {
            connection,
            capabilities: None,
        };
        let call = Call::new(provider, Method::POST, Endpoint::RequestCapability, signer)?;
        let answer = self.call(&call.with_body(&body)?).await;
        match answer {
            Err(ClientError::Refused(refused)) if names_are_wrong(&refused) => {
                let agent = Some(connection);
                Err(self.with_available(provider, agent, *refused).await.into())
            }
            other => other,
        }
    }

    fn keep_asked(
        &self,
        provider: &Provider,
        connection: Connection,
        ask: &CapabilityAsk,
        answer: AgentAnswer,
    ) -> Result<Connected, ClientError> {
        let grants = answer.agent_capability_grants;
        let waiting = grants.iter().filter(|grant| grant.status == PENDING);
        let waiting: Vec<_> = waiting.map(|it| it.capability.to_string()).collect();
        let awaited = Awaited::Grants(waiting.clone());
        let approval = answer
            .approval
            .map(|object| self.approval(provider, object, awaited.clone()))
            .transpose()?;
        let entropy = &*self.parts.entropy;
        self.profile.update(&connection.agent_key, entropy, |it| {
            it.asked.extend(ask.capabilities.clone());
            it.grants = merged(std::mem::take(&mut it.grants), &grants);
            it.approval.clone_from(&approval);
        })?;
        if waiting.is_empty() {
            let standing = AgentStanding::new(connection, grants, &ask.capabilities);
            return Ok(Connected::Active(standing));
        }
        let Some(approval) = approval else {
            let reason = "pending grants without an approval object";
            return Err(ClientError::bad_answer(provider.issuer(), reason));
        };
        require_known_method(&approval)?;
        Ok(Connected::Pending(Pending {
            agent_id: connection.agent_id,
            approval,
            awaited,
        }))
    }
}

/// The grants held before with those of this answer: what is decided or active stays unless it says otherwise.
fn merged(mut held: Vec<GrantObject>, answered: &[GrantObject]) -> Vec<GrantObject> {
    let is_answered = |name| answered.iter().any(|it| it.capability == name);
    held.retain(|it| it.status == ACTIVE || !is_answered(it.capability.clone()));
    for grant in answered {
        if !held.contains(grant) {
            held.push(grant.clone());
        }
    }
    held
}

#[cfg(test)]
mod tests;
