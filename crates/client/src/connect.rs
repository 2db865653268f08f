//! Connecting an agent: `connect_agent` (§6.4).

use http::Method;
use procura_agent_auth::agent::Mode;
use procura_agent_auth::wire::register::{ApprovalHints, RegisterRequest, RequestedCapability};
use procura_keys::key::{PublicKey, SigningKey};
use procura_keys::thumbprint::Thumbprint;
use serde_json::Value;

use crate::answer::{AgentAnswer, AgentStanding, PENDING};
use crate::approval::{Awaited, Pending, require_known_method};
use crate::call::{Call, Signer};
use crate::client::{Client, Notice};
use crate::error::{ClientError, Refused};
use crate::profile::{Connection, Intent};
use crate::provider::{Endpoint, Provider};

/// What to connect. The server shows most of it to the person who approves.
#[derive(Clone, Debug, PartialEq)]
pub struct Connect {
    /// The agent's display name.
    pub name: String,
    /// What it wants to do.
    pub capabilities: Vec<RequestedCapability>,
    /// How it is to act.
    pub mode: Mode,
    /// Why, how and by whom it should be approved.
    pub hints: ApprovalHints,
}

impl Connect {
    /// A delegated agent that asks for nothing yet.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            capabilities: Vec::new(),
            mode: Mode::Delegated,
            hints: ApprovalHints::default(),
        }
    }

    /// Also asks for a capability, within limits if there are any (§2.13).
    #[must_use]
    pub fn with_capability(mut self, name: impl Into<String>, limits: Option<Value>) -> Self {
        self.capabilities.push(requested(name.into(), limits));
        self
    }
}

/// A capability asked for, in its shortest form.
pub(crate) fn requested(name: String, constraints: Option<Value>) -> RequestedCapability {
    match constraints {
        None => RequestedCapability::Name(name),
        constraints => RequestedCapability::Scoped { name, constraints },
    }
}

/// What became of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Connected {
    /// The agent may act. Some of its capabilities may have been denied.
    Active(AgentStanding),
    /// Somebody has to approve it first.
    Pending(Pending),
}

impl Client {
    /// Registers an agent with a new key pair and keeps the connection, whether it is active at once or waits
    /// for approval. `provider` is a URL or the name of a known provider.
    ///
    /// When an earlier call with the same request ended without learning the answer, because the process or the
    /// network broke down, this takes it up again with the same key: a provider that registered the agent then and
    /// waits for approval answers with the same agent.
    pub async fn connect(
        &self,
        provider: &str,
        request: Connect,
    ) -> Result<Connected, ClientError> {
        let provider = self.provider(provider).await?;
        let supported = provider.require_ed25519();
        supported.map_err(|defect| ClientError::bad_provider(provider.issuer(), defect))?;
        let body = RegisterRequest {
            name: request.name.clone(),
            host_name: self.options.host_name.clone(),
            capabilities: Some(request.capabilities.clone()).filter(|it| !it.is_empty()),
            mode: Some(request.mode),
            hints: request.hints.clone(),
        };
        loop {
            // The key is kept before anybody hears of it, so that this can be taken up again after a crash.
            let (entropy, now) = (&*self.parts.entropy, self.now());
            let intent = self.profile.begin(provider.issuer(), &body, entropy, now)?;
            if let Some(kept) = self.profile.outcome_of(&intent)? {
                self.profile.settle(&intent)?;
                return outcome(&provider, kept);
            }
            match self.register(&provider, &body, intent.key.public()).await {
                Ok(answer) => {
                    let connected = self.keep(&provider, request, &intent.key, answer);
                    if connected.is_ok() {
                        self.profile.settle(&intent)?;
                    }
                    return connected;
                }
                Err(error) => self.failed(&provider, &intent, error).await?,
            }
        }
    }

    /// What is left of a registration that failed. Returns if it is worth another try with another key.
    async fn failed(
        &self,
        provider: &Provider,
        intent: &Intent,
        error: ClientError,
    ) -> Result<(), ClientError> {
        let refused = match error {
            // Troubled servers may have done it all the same.
            ClientError::Refused(refused) if refused.status < 500 => refused,
            other => return Err(other),
        };
        self.profile.settle(intent)?;
        if refused.is("agent_exists") && intent.is_resumed {
            let issuer = provider.issuer().to_owned();
            self.notify(&Notice::AgentLost { issuer });
            return Ok(());
        }
        if names_are_wrong(&refused) {
            return Err(self.with_available(provider, None, *refused).await.into());
        }
        Err(ClientError::Refused(refused))
    }

    async fn register(
        &self,
        provider: &Provider,
        body: &RegisterRequest,
        key: &PublicKey,
    ) -> Result<AgentAnswer, ClientError> {
        let signer = Signer::Host(Some(key));
        let call = Call::new(provider, Method::POST, Endpoint::Register, signer)?;
        self.call(&call.with_body(body)?).await
    }

    fn keep(
        &self,
        provider: &Provider,
        request: Connect,
        key: &SigningKey,
        answer: AgentAnswer,
    ) -> Result<Connected, ClientError> {
        let approval = answer
            .approval
            .map(|object| self.approval(provider, object, Awaited::Agent))
            .transpose()?;
        let status = answer.status.unwrap_or_else(|| PENDING.to_owned());
        let connection = Connection {
            agent_id: answer.agent_id,
            issuer: provider.issuer().to_owned(),
            provider: provider.name().to_owned(),
            name: answer.name.unwrap_or(request.name),
            mode: answer.mode.unwrap_or(request.mode),
            status,
            grants: answer.agent_capability_grants,
            asked: request.capabilities,
            agent_key: Thumbprint::of(key.public()),
            created_at: self.now(),
            approval,
            locations: std::collections::BTreeMap::new(),
        };
        // The key is kept even while nothing is decided: the approval may come when this process is gone.
        let entropy = &*self.parts.entropy;
        self.profile.insert(connection.clone(), key, entropy)?;
        outcome(provider, connection)
    }
}

fn outcome(provider: &Provider, connection: Connection) -> Result<Connected, ClientError> {
    if connection.status != PENDING {
        let grants = connection.grants.clone();
        let asked = connection.asked.clone();
        let standing = AgentStanding::new(connection, grants, &asked);
        return Ok(Connected::Active(standing));
    }
    let Some(approval) = connection.approval else {
        let reason = "a pending agent without an approval object";
        return Err(ClientError::bad_answer(provider.issuer(), reason));
    };
    require_known_method(&approval)?;
    Ok(Connected::Pending(Pending {
        agent_id: connection.agent_id,
        approval,
        awaited: Awaited::Agent,
    }))
}

/// Whether a refusal is about the names of capabilities.
pub(crate) fn names_are_wrong(refused: &Refused) -> bool {
    refused.is("invalid_capabilities")
}

#[cfg(test)]
mod tests;
