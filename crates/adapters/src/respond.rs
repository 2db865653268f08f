//! `respond` backends: answers declared in the configuration, for examples, tests and prototypes.
//!
//! An answer is a JSON template. A string that is exactly `${arguments.amount}` becomes that argument with its
//! type kept (null when absent); inside a longer string it becomes text. `${arguments}` is all of them, and
//! `${agent_id}`, `${host_id}`, `${user_id}` say who calls.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use futures_util::stream;
use serde::Deserialize;
use serde_json::Value;

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

fn fill(template: &Value, call: Call<'_>) -> Value {
    match template {
        Value::String(text) => fill_text(text, call),
        Value::Array(items) => items.iter().map(|item| fill(item, call)).collect(),
        Value::Object(members) => {
            let filled = members
                .iter()
                .map(|(name, value)| (name.clone(), fill(value, call)));
            Value::Object(filled.collect())
        }
        other => other.clone(),
    }
}

fn fill_text(text: &str, call: Call<'_>) -> Value {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, placeholder, after)) = next_placeholder(rest) {
        let value = look_up(placeholder, call);
        if before.is_empty() && after.is_empty() && out.is_empty() {
            return value;
        }
        out.push_str(before);
        match value {
            Value::String(text) => out.push_str(&text),
            Value::Null => {}
            other => out.push_str(&other.to_string()),
        }
        rest = after;
    }
    out.push_str(rest);
    Value::String(out)
}

/// What precedes the next `${…}`, its inside, and what follows.
fn next_placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let (before, from) = text.split_once("${")?;
    let (inside, after) = from.split_once('}')?;
    Some((before, inside, after))
}

fn look_up(placeholder: &str, call: Call<'_>) -> Value {
    match placeholder {
        "arguments" => Value::Object(call.arguments.clone()),
        "agent_id" => call.agent_id.into(),
        "host_id" => call.host_id.into(),
        "user_id" => call.user_id.into(),
        other => {
            let argument = other
                .strip_prefix("arguments.")
                .and_then(|name| call.arguments.get(name));
            argument.cloned().unwrap_or(Value::Null)
        }
    }
}

/// Names every placeholder in `template` that no call can fill, so that a mistake stops the start.
pub fn unknown_placeholders(template: &Value) -> Vec<String> {
    match template {
        Value::String(text) => {
            let mut unknown = Vec::new();
            let mut rest = text.as_str();
            while let Some((_, inside, after)) = next_placeholder(rest) {
                let known = matches!(inside, "arguments" | "agent_id" | "host_id" | "user_id")
                    || inside
                        .strip_prefix("arguments.")
                        .is_some_and(|name| !name.is_empty());
                if !known {
                    unknown.push(inside.to_owned());
                }
                rest = after;
            }
            unknown
        }
        Value::Array(items) => items.iter().flat_map(unknown_placeholders).collect(),
        Value::Object(members) => members.values().flat_map(unknown_placeholders).collect(),
        _ => Vec::new(),
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
            agent_id: "agt_1",
            host_id: "hst_1",
            user_id: None,
        }
    }

    #[test]
    fn placeholders_keep_types_alone_and_become_text_within() {
        let arguments = json!({"amount": 12.5, "to": "acc_1", "list": [1]});
        let arguments = arguments.as_object().unwrap();
        let cases = [
            (json!("${arguments}"), json!(arguments)),
            (json!({"a": ["${arguments.amount}"]}), json!({"a": [12.5]})),
            (
                json!("Sent ${arguments.amount} to ${arguments.to}."),
                json!("Sent 12.5 to acc_1."),
            ),
            (json!("${arguments.absent}"), json!(null)),
            (json!("<${arguments.absent}>"), json!("<>")),
            (json!("by ${agent_id}${user_id}"), json!("by agt_1")),
            (json!("${user_id}"), json!(null)),
            (json!("${open"), json!("${open")),
            (json!(7), json!(7)),
        ];
        for (template, expected) in cases {
            assert_eq!(fill(&template, call(arguments)), expected, "{template}");
        }
    }

    #[test]
    fn what_was_filled_in_is_not_filled_again() {
        let arguments = json!({"a": "${agent_id}"});
        let filled = fill(
            &json!("x ${arguments.a}"),
            call(arguments.as_object().unwrap()),
        );
        assert_eq!(filled, json!("x ${agent_id}"));
    }

    #[test]
    fn placeholders_that_mean_nothing_are_named() {
        let template =
            json!({"a": "${argument.x}", "b": ["${arguments.y} ${who}"], "c": "${arguments.}"});
        assert_eq!(
            unknown_placeholders(&template),
            ["argument.x", "who", "arguments."]
        );
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
