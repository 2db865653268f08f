//! `respond` backends: answers declared in the configuration, for examples, tests and prototypes.
//!
//! An answer is a [template](crate::template); an argument that is absent becomes null.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use futures_util::stream;
use serde::Deserialize;
use serde_json::Value;

use crate::template::fill;
use crate::{Backend, BackendError, Call, Reply};

/// A declared answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Respond {
    /// How it comes.
    pub manner: Manner,
    /// How long it takes: until the answer, until the job is done, or between two pieces.
    pub delay: Duration,
}

/// How a declared answer comes.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Manner {
    /// At once.
    Value(Value),
    /// As the result of a job.
    Job(Value),
    /// In pieces.
    Stream(Vec<Value>),
}

#[async_trait]
impl Backend for Respond {
    async fn call(&self, call: Call<'_>) -> Result<Reply, BackendError> {
        let delay = self.delay;
        Ok(match &self.manner {
            Manner::Value(template) => {
                if !delay.is_zero() {
                    tokio::time::sleep(delay).await;
                }
                Reply::Value(fill(template, call))
            }
            Manner::Job(template) => {
                let value = fill(template, call);
                Reply::Job(Box::pin(async move {
                    tokio::time::sleep(delay).await;
                    Ok(value)
                }))
            }
            Manner::Stream(templates) => {
                let pieces: Vec<_> = templates
                    .iter()
                    .map(|template| fill(template, call))
                    .collect();
                let paced = stream::iter(pieces).then(move |piece| async move {
                    tokio::time::sleep(delay).await;
                    Ok(piece)
                });
                Reply::Stream(paced.boxed())
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    fn call(arguments: &Map<String, Value>) -> Call<'_> {
        Call {
            capability: "c",
            arguments,
            in_pieces: false,
            agent_id: "agt_1",
            host_id: "hst_1",
            user_id: None,
            call_id: "call_1",
            vault: &crate::EmptyVault,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_gives_its_pieces_in_order_and_ends() {
        let respond = Respond {
            manner: Manner::Stream(vec![json!(1), json!(2)]),
            delay: Duration::from_secs(1),
        };
        let arguments = Map::new();
        let Reply::Stream(pieces) = respond.call(call(&arguments)).await.unwrap() else {
            panic!()
        };
        let pieces: Vec<_> = pieces.map(Result::unwrap).collect().await;
        assert_eq!(pieces, [json!(1), json!(2)]);
    }
}
