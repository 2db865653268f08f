//! Where an agent stands: `agent_status` (§6.9).

use http::Method;

use crate::answer::{AgentStanding, PENDING, StatusAnswer};
use crate::call::{Call, Signer};
use crate::client::Client;
use crate::error::ClientError;
use crate::profile::Connection;
use crate::provider::{Endpoint, Provider};

impl Client {
    /// Asks the provider where an agent stands. `agent` is an identifier or an unambiguous beginning of one.
    pub async fn status(&self, agent: &str) -> Result<AgentStanding, ClientError> {
        let connection = self.profile.connection(agent)?;
        let provider = self.provider_of(&connection).await?;
        let answer = self.ask_status(&provider, &connection).await?;
        self.keep_status(&connection, answer)
    }

    pub(crate) async fn ask_status(
        &self,
        provider: &Provider,
        connection: &Connection,
    ) -> Result<StatusAnswer, ClientError> {
        let call = Call::new(provider, Method::GET, Endpoint::Status, Signer::Host(None))?;
        let call = call.with_query("agent_id", &connection.agent_id);
        self.call_about(&call, connection).await
    }

    /// Sends a call whose answer is the state of `connection`.
    pub(crate) async fn call_about(
        &self,
        call: &Call<'_>,
        connection: &Connection,
    ) -> Result<StatusAnswer, ClientError> {
        let answer: StatusAnswer = self.call(call).await?;
        if answer.agent_id != connection.agent_id {
            return Err(ClientError::bad_answer(
                call.url.as_str(),
                "the status of another agent",
            ));
        }
        Ok(answer)
    }

    /// Keeps what the provider said about an agent.
    pub(crate) fn keep_status(
        &self,
        connection: &Connection,
        answer: StatusAnswer,
    ) -> Result<AgentStanding, ClientError> {
        let StatusAnswer {
            status,
            agent_capability_grants: grants,
            user_id,
            expires_at,
            ..
        } = answer;
        let waits = status == PENDING || grants.iter().any(|it| it.status == PENDING);
        let entropy = &*self.parts.entropy;
        self.profile.update(&connection.agent_key, entropy, |it| {
            it.status.clone_from(&status);
            it.grants.clone_from(&grants);
            if !waits {
                it.approval = None;
            }
        })?;
        Ok(AgentStanding {
            status,
            user_id,
            expires_at,
            ..AgentStanding::new(connection.clone(), grants, &connection.asked)
        })
    }
}
