//! Executions that answer with a stream of events (§5.11).

use futures_util::StreamExt as _;
use procura_fetch::BodyStream;
use serde_json::Value;
use url::Url;

use super::{ChunkListener, ClientError, Executed, Refused};
use crate::sse::{Event, EventReader};

/// Reads a stream until its `done` event, and no further. A stream that ends without one is incomplete.
pub(super) async fn read(
    url: &Url,
    mut body: BodyStream,
    listener: ChunkListener<'_>,
) -> Result<Executed, ClientError> {
    let mut reader = EventReader::default();
    let mut chunks = Vec::new();
    while let Some(bytes) = body.next().await {
        for event in reader.feed(&bytes?) {
            match judge(url, &event)? {
                Step::Chunk(value) => {
                    listener(&value);
                    chunks.push(value);
                }
                Step::Done(last) => return Ok(Executed::Stream { chunks, last }),
                Step::Ignored => {}
            }
        }
    }
    let reason = format!("the stream broke off after {} chunks", chunks.len());
    Err(ClientError::bad_answer(url.as_str(), reason))
}

enum Step {
    Chunk(Value),
    Done(Option<Value>),
    Ignored,
}

fn says_something(last: &Value) -> bool {
    !last.is_null() && last.as_object().is_none_or(|members| !members.is_empty())
}

fn judge(url: &Url, event: &Event) -> Result<Step, ClientError> {
    let json = |text: &str| {
        let value = procura_keys::json::parse_strict(text.as_bytes());
        value.map_err(|error| ClientError::bad_answer(url.as_str(), error.to_string()))
    };
    match event.name.as_str() {
        "data" => json(&event.data).map(Step::Chunk),
        "done" if event.data.trim().is_empty() => Ok(Step::Done(None)),
        // Browsers drop events without data, so servers send an empty object to say nothing.
        "done" => json(&event.data).map(|last| Step::Done(Some(last).filter(says_something))),
        "error" => Err(Refused::parse(200, event.data.as_bytes(), None).into()),
        _ => Ok(Step::Ignored),
    }
}
