//! Templates of the configuration: JSON whose texts hold placeholders.
//!
//! A text that is exactly `${arguments.amount}` becomes that argument with its type kept; inside a longer text
//! it becomes text. `${arguments}` is all of them, and `${agent_id}`, `${host_id}`, `${user_id}` say who calls.
//! What was filled in is not filled again.

use serde_json::{Map, Value};

use crate::Call;

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Stands for itself.
    Literal(String),
    /// What a placeholder names, without its `${}`.
    Placeholder(String),
}

/// Takes a text apart.
pub(crate) fn parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, inside, after)) = next_placeholder(rest) {
        if !before.is_empty() {
            parts.push(Part::Literal(before.to_owned()));
        }
        parts.push(Part::Placeholder(inside.to_owned()));
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(Part::Literal(rest.to_owned()));
    }
    parts
}

/// Fills a template; what is absent becomes null.
pub(crate) fn fill(template: &Value, call: Call<'_>) -> Value {
    match template {
        Value::String(text) => fill_text(text, call).unwrap_or(Value::Null),
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

/// Fills a template and leaves out members and items that are nothing but an absent argument.
pub(crate) fn fill_present(template: &Value, call: Call<'_>) -> Option<Value> {
    Some(match template {
        Value::String(text) => fill_text(text, call)?,
        Value::Array(items) => items
            .iter()
            .filter_map(|item| fill_present(item, call))
            .collect(),
        Value::Object(members) => {
            let filled = members
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), fill_present(value, call)?)));
            Value::Object(filled.collect::<Map<_, _>>())
        }
        other => other.clone(),
    })
}

/// Fills a text; nothing when it is nothing but an absent argument.
pub(crate) fn fill_text(text: &str, call: Call<'_>) -> Option<Value> {
    let parts = parts(text);
    if let [Part::Placeholder(inside)] = parts.as_slice() {
        return look_up(inside, call);
    }
    let mut out = String::new();
    for part in parts {
        match part {
            Part::Literal(literal) => out.push_str(&literal),
            Part::Placeholder(inside) => {
                out.push_str(&plain(&look_up(&inside, call).unwrap_or_default()));
            }
        }
    }
    Some(Value::String(out))
}

/// What a placeholder stands for; nothing when an argument is absent or nobody is behind the agent.
pub(crate) fn look_up(placeholder: &str, call: Call<'_>) -> Option<Value> {
    match placeholder {
        "arguments" => Some(Value::Object(call.arguments.clone())),
        "agent_id" => Some(call.agent_id.into()),
        "host_id" => Some(call.host_id.into()),
        "user_id" => call.user_id.map(Value::from),
        other => call.arguments.get(other.strip_prefix(ARGUMENT)?).cloned(),
    }
}

/// A value as text within text: texts without quotation marks, null as nothing.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Names every placeholder in `template` that no call can fill, so that a mistake stops the start.
pub fn unknown_placeholders(template: &Value) -> Vec<String> {
    match template {
        Value::String(text) => {
            let unknown = parts(text).into_iter().filter_map(|part| match part {
                Part::Placeholder(inside) if !means_something(&inside) => Some(inside),
                _ => None,
            });
            unknown.collect()
        }
        Value::Array(items) => items.iter().flat_map(unknown_placeholders).collect(),
        Value::Object(members) => members.values().flat_map(unknown_placeholders).collect(),
        _ => Vec::new(),
    }
}

fn means_something(placeholder: &str) -> bool {
    matches!(
        placeholder,
        "arguments" | "agent_id" | "host_id" | "user_id"
    ) || placeholder
        .strip_prefix(ARGUMENT)
        .is_some_and(|name| !name.is_empty())
}

/// What precedes the next `${…}`, its inside, and what follows.
fn next_placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let (before, from) = text.split_once("${")?;
    let (inside, after) = from.split_once('}')?;
    Some((before, inside, after))
}

const ARGUMENT: &str = "arguments.";

#[cfg(test)]
mod tests {
    use serde_json::json;

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

    #[test]
    fn what_is_absent_can_be_left_out() {
        let arguments = json!({"a": 1, "n": null});
        let arguments = arguments.as_object().unwrap();
        let template = json!({
            "a": "${arguments.a}", "b": "${arguments.b}", "n": "${arguments.n}",
            "list": ["${arguments.b}", "x${arguments.b}"], "who": "${user_id}"
        });
        assert_eq!(
            fill_present(&template, call(arguments)),
            Some(json!({"a": 1, "n": null, "list": ["x"]}))
        );
        assert_eq!(
            fill_present(&json!("${arguments.b}"), call(arguments)),
            None
        );
    }
}
