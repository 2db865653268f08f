//! Results that have to fit their schema, where the operator asks for it.

use std::sync::Arc;

use futures_util::StreamExt as _;
use jsonschema::Validator;
use procura_adapters::{Backend, BackendError, Call, Reply, Told, async_trait};
use serde_json::Value;

use crate::schema::{SchemaError, compile};

/// A backend whose results are checked: at once, or when a job or a narration ends. The pieces of a stream are not results of
/// their own and pass.
pub(crate) struct Checked {
    backend: Arc<dyn Backend>,
    schema: Arc<Validator>,
}

impl Checked {
    pub(crate) fn new(backend: Arc<dyn Backend>, schema: &Value) -> Result<Self, SchemaError> {
        let schema = Arc::new(compile(schema)?);
        Ok(Self { backend, schema })
    }
}

#[async_trait]
impl Backend for Checked {
    async fn call(&self, call: Call<'_>) -> Result<Reply, BackendError> {
        let reply = self.backend.call(call).await?;
        let schema = Arc::clone(&self.schema);
        Ok(match reply {
            Reply::Value(value) => Reply::Value(fitting(&schema, value)?),
            Reply::Job(job) => Reply::Job(Box::pin(async move { fitting(&schema, job.await?) })),
            Reply::Stream(pieces) => Reply::Stream(pieces),
            Reply::Narrated(told) => {
                let checked = move |told| match told {
                    Ok(Told::Result(value)) => fitting(&schema, value).map(Told::Result),
                    told => told,
                };
                Reply::Narrated(told.map(checked).boxed())
            }
        })
    }
}

/// The value, if it fits. Where it does not is told, and not what stands there.
fn fitting(schema: &Validator, value: Value) -> Result<Value, BackendError> {
    let misfit = schema
        .iter_errors(&value)
        .next()
        .map(|error| format!("{} breaks {}", error.instance_path(), error.schema_path()));
    match misfit {
        None => Ok(value),
        Some(place) => Err(BackendError::Failed(format!(
            "the result does not fit the output schema: {place}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use procura_adapters::respond::{Manner, Respond};
    use serde_json::{Map, json};

    use super::*;

    async fn checked(manner: Manner) -> Result<Reply, BackendError> {
        let delay = Duration::ZERO;
        let backend = Arc::new(Respond { manner, delay });
        let schema = json!({ "type": "object", "properties": { "n": { "type": "integer" } } });
        let call = Call {
            capability: "c",
            arguments: &Map::new(),
            in_pieces: false,
            agent_id: "a",
            host_id: "h",
            user_id: None,
            call_id: "call_1",
            vault: &procura_adapters::EmptyVault,
        };
        Checked::new(backend, &schema).unwrap().call(call).await
    }

    // AA-5.11-06
    #[tokio::test]
    async fn a_result_that_does_not_fit_is_a_failure_that_does_not_show_it() {
        assert!(matches!(
            checked(Manner::Value(json!({ "n": 1 }))).await,
            Ok(Reply::Value(_))
        ));
        let failed = checked(Manner::Value(json!({ "n": "hunter2" })))
            .await
            .err();
        let Some(BackendError::Failed(why)) = failed else {
            panic!("{failed:?}")
        };
        assert!(why.contains("/n") && !why.contains("hunter2"), "{why}");
        let Ok(Reply::Job(job)) = checked(Manner::Job(json!([]))).await else {
            panic!("no job")
        };
        assert!(matches!(job.await, Err(BackendError::Failed(_))));
    }
}
