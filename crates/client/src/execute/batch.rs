//! Several calls under one token: an extension of deployed servers.

#[cfg(test)]
mod tests;

use http::Method;
use procura_agent_auth::wire::execute::{
    BatchCall, BatchRequest, BatchResponse, ExecuteRequest, JobStatus, MAX_BATCH,
};
use serde_json::{Map, Value};

use super::{Client, ClientError, Refused, Signer};
use crate::call::{Call, JSON};
use crate::error::CallerError;
use crate::provider::Endpoint;

/// One call of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchItem {
    /// What to run.
    pub capability: String,
    /// With what.
    pub arguments: Option<Map<String, Value>>,
}

impl Client {
    /// Executes 1 to 50 capabilities in one request, each judged by itself, and returns how each went, in order. Only
    /// for capabilities at the provider's own location that finish at once. Never sent again by itself.
    ///
    /// Not every provider has this: one that says nothing of `batch_execute` in its discovery document is not asked.
    pub async fn execute_batch(
        &self,
        agent: &str,
        items: Vec<BatchItem>,
    ) -> Result<Vec<Result<Value, Refused>>, ClientError> {
        if items.is_empty() || items.len() > MAX_BATCH {
            return Err(CallerError::BatchSize(items.len()).into());
        }
        let connection = self.profile.connection(agent)?;
        let provider = self.provider_of(&connection).await?;
        if provider.discovery().endpoints.batch_execute.is_none() {
            return Err(CallerError::NoBatches(provider.issuer().to_owned()).into());
        }
        let mut names: Vec<_> = items.iter().map(|it| it.capability.clone()).collect();
        names.sort();
        names.dedup();
        Self::require_as_asked(&connection, Some(&names))?;
        let bad = |defect| ClientError::bad_provider(provider.issuer(), defect);
        let url = provider.endpoint(Endpoint::BatchExecute).map_err(bad)?;
        let location = provider.default_location().map_err(bad)?;
        let call = Call {
            issuer: provider.issuer(),
            method: Method::POST,
            aud: &location,
            url,
            body: None,
            accept: JSON,
            signer: Signer::Agent {
                connection: &connection,
                capabilities: Some(&names),
            },
        };
        let count = items.len();
        let requests = items.into_iter().enumerate().map(numbered).collect();
        let call = call.with_body(&BatchRequest { requests })?;
        let answer: BatchResponse = self.call(&call).await?;
        outcomes(answer, count).map_err(|reason| ClientError::bad_answer(call.url.as_str(), reason))
    }
}

fn numbered((number, item): (usize, BatchItem)) -> BatchCall {
    BatchCall {
        id: Some(number.to_string()),
        call: ExecuteRequest {
            capability: item.capability,
            arguments: item.arguments,
        },
    }
}

/// One outcome for each call, by its number: an answer that mixes them up is none.
fn outcomes(
    answer: BatchResponse,
    count: usize,
) -> Result<Vec<Result<Value, Refused>>, &'static str> {
    if answer.responses.len() != count {
        return Err("not one outcome for each call");
    }
    let mut outcomes: Vec<Option<_>> = (0..count).map(|_| None).collect();
    for outcome in answer.responses {
        let number: Option<usize> = outcome.id.parse().ok();
        let place = number.and_then(|number| outcomes.get_mut(number));
        let result = match (outcome.status, outcome.data, outcome.error) {
            (JobStatus::Completed, Some(data), None) => Ok(data),
            (JobStatus::Failed, None, Some(Value::Object(error))) => {
                Err(Refused::from_members(200, error, None))
            }
            _ => return Err("an outcome that is neither a result nor an error"),
        };
        match place {
            Some(place @ None) => *place = Some(result),
            _ => return Err("an outcome of no call, or a second one"),
        }
    }
    // As many outcomes as places, and none twice: every place is taken.
    Ok(outcomes.into_iter().flatten().collect())
}
