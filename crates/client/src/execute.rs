//! Executing capabilities: `execute_capability` (§6.10, §2.15), at once, later or as a stream.

mod batch;
mod job;
mod location;
mod shape;
mod stream;
#[cfg(test)]
mod tests;

use http::Method;
use procura_agent_auth::wire::execute::ExecuteRequest;
use procura_fetch::Response;
use serde_json::{Map, Value};

pub use self::batch::BatchItem;
use self::shape::Shape;
use crate::answer::ACTIVE;
use crate::call::{Answer, Call, Delivery, Signer, is_event_stream};
use crate::client::Client;
use crate::error::{ClientError, Hint, Refused};
use crate::profile::Connection;
use crate::provider::Provider;

/// What an execution brought.
#[derive(Clone, Debug, PartialEq)]
pub enum Executed {
    /// A result.
    Result(Value),
    /// A stream that came to its end.
    Stream {
        /// What it brought, in order.
        chunks: Vec<Value>,
        /// What its end said, if anything.
        last: Option<Value>,
    },
}

impl Executed {
    /// The result; of a stream the list of its chunks, with what its end said as the last one.
    pub fn into_value(self) -> Value {
        match self {
            Self::Result(value) => value,
            Self::Stream { mut chunks, last } => {
                chunks.extend(last);
                Value::Array(chunks)
            }
        }
    }
}

/// Takes the chunks of a stream as they arrive.
pub type ChunkListener<'a> = &'a mut (dyn FnMut(&Value) + Send);

impl Client {
    /// Executes a capability where it is offered, with a token for that place and that capability alone, and
    /// waits for the result. A failed execution is never sent again by itself.
    pub async fn execute(
        &self,
        agent: &str,
        capability: &str,
        arguments: Option<Map<String, Value>>,
    ) -> Result<Executed, ClientError> {
        let delivery = Delivery::AtOnce;
        self.run(agent, capability, arguments, delivery, &mut |_| {})
            .await
    }

    /// The same, and hands on the chunks of a stream as they arrive.
    pub async fn execute_streaming(
        &self,
        agent: &str,
        capability: &str,
        arguments: Option<Map<String, Value>>,
        listener: ChunkListener<'_>,
    ) -> Result<Executed, ClientError> {
        let delivery = Delivery::AsItComes;
        self.run(agent, capability, arguments, delivery, listener)
            .await
    }

    async fn run(
        &self,
        agent: &str,
        capability: &str,
        arguments: Option<Map<String, Value>>,
        delivery: Delivery,
        listener: ChunkListener<'_>,
    ) -> Result<Executed, ClientError> {
        let connection = self.profile.connection(agent)?;
        let names = [capability.to_owned()];
        Self::require_as_asked(&connection, Some(&names))?;
        let provider = self.provider_of(&connection).await?;
        let location = self.location(&provider, &connection, capability).await?;
        let url = provider.execution_url(&location, &self.url_policy());
        let call = Call {
            issuer: provider.issuer(),
            method: Method::POST,
            url: url.map_err(|defect| ClientError::bad_provider(provider.issuer(), defect))?,
            body: None,
            accept: ACCEPTED,
            aud: &location,
            signer: Signer::Agent {
                connection: &connection,
                capabilities: Some(&names),
            },
        };
        let body = ExecuteRequest {
            capability: capability.to_owned(),
            arguments,
        };
        let call = call.with_body(&body)?;
        let answer = match self.exchange(&call, delivery).await {
            Ok(answer) => answer,
            Err(error) => {
                return Err(self
                    .explained(&provider, &connection, capability, error)
                    .await);
            }
        };
        self.finish(&provider, &call, answer, listener).await
    }

    async fn finish(
        &self,
        provider: &Provider,
        call: &Call<'_>,
        answer: Answer,
        listener: ChunkListener<'_>,
    ) -> Result<Executed, ClientError> {
        let response = match answer {
            Answer::Events(events) => {
                return stream::read(&call.url, events.body, listener).await;
            }
            Answer::Whole(response) => response,
        };
        if is_event_stream(response.status, &response.headers) {
            let whole = futures_util::stream::iter([Ok(response.body)]);
            return stream::read(&call.url, Box::pin(whole), listener).await;
        }
        match read(call, &response)? {
            Shape::Result(value) => Ok(Executed::Result(value)),
            Shape::Failed(refused) => Err(refused.into()),
            Shape::Pending { status_url } => {
                let value = self.poll(provider, call, &response, &status_url).await?;
                Ok(Executed::Result(value))
            }
        }
    }

    /// Keeps what a refusal says about the agent, drops what it shows to be out of date, and adds what helps
    /// with the next try.
    async fn explained(
        &self,
        provider: &Provider,
        connection: &Connection,
        capability: &str,
        error: ClientError,
    ) -> ClientError {
        let ClientError::Refused(refused) = error else {
            return error;
        };
        match self.learn(connection, capability, &refused) {
            Ok(()) => {}
            Err(error) => return error,
        }
        let agent = Some(connection);
        match refused.code.as_deref() {
            Some("capability_not_found") => {
                self.with_available(provider, agent, *refused).await.into()
            }
            Some("invalid_request") => {
                let described = self.describe_at(provider, capability, agent).await;
                let input = described.ok().and_then(|it| it.input);
                let hint = input.map(Hint::Input);
                Refused { hint, ..*refused }.into()
            }
            _ => ClientError::Refused(refused),
        }
    }

    fn learn(
        &self,
        connection: &Connection,
        capability: &str,
        refused: &Refused,
    ) -> Result<(), ClientError> {
        let ended = end_of_agent(refused);
        let is_stale = refused.is("capability_not_found") || refused.is("invalid_request");
        if ended.is_none() && !is_stale {
            return Ok(());
        }
        let kept = self
            .profile
            .update(&connection.agent_key, &*self.parts.entropy, |it| {
                if is_stale {
                    it.locations.remove(capability);
                }
                if let Some(status) = ended.filter(|_| it.status == ACTIVE) {
                    status.clone_into(&mut it.status);
                }
            });
        Ok(kept?)
    }
}

/// The state of an agent that this refusal tells of, if it is one in which nothing works any more.
fn end_of_agent(refused: &Refused) -> Option<&'static str> {
    match refused.code.as_deref()? {
        "agent_expired" => Some("expired"),
        "agent_revoked" | "absolute_lifetime_exceeded" => Some("revoked"),
        "agent_rejected" => Some("rejected"),
        "agent_claimed" => Some("claimed"),
        _ => None,
    }
}

/// Reads an answer that is no stream.
fn read(call: &Call<'_>, response: &Response) -> Result<Shape, ClientError> {
    let shape = Shape::parse(&response.body);
    shape.map_err(|reason| ClientError::bad_answer(call.url.as_str(), reason))
}

const ACCEPTED: &str = "application/json, text/event-stream";
