//! What of a tool decides what a call of it does: everything but words.

use std::collections::BTreeMap;

use procura_keys::digest::sha256;
use serde_json::{Map, Value, json};

/// Names a tool of a server in the form it has: SHA-256 of its name, what its arguments may be, and what the server
/// says that it does to the world. Words do not count, nor the order of members, nor what it answers.
pub fn form(server: &str, tool: &Value) -> [u8; 32] {
    let mut hints = tool["annotations"].clone();
    if let Value::Object(hints) = &mut hints {
        hints.remove("title");
        hints.retain(|_, hint| !hint.is_null());
    }
    let hints = Some(hints).filter(|hints| !hints.is_null() && *hints != json!({}));
    let subject = json!([
        server,
        tool["name"],
        schema(&tool["inputSchema"]),
        sorted(&hints.unwrap_or_default()),
    ]);
    sha256(subject.to_string().as_bytes())
}

/// A schema without its words.
fn schema(node: &Value) -> Value {
    let Value::Object(members) = node else {
        return within(node);
    };
    let kept = members.iter().filter(|(keyword, value)| {
        !(WORDS.contains(&keyword.as_str()) && (value.is_string() || value.is_array()))
    });
    ordered(kept.map(|(keyword, value)| {
        let value = match (keyword.as_str(), value) {
            (keyword, value) if VALUES.contains(&keyword) => sorted(value),
            (keyword, Value::Object(named)) if NAMED.contains(&keyword) => named_schemas(named),
            (_, value) => schema(value),
        };
        (keyword, value)
    }))
}

/// Schemas under names of the author's own, which are no keywords even if they look like it.
fn named_schemas(named: &Map<String, Value>) -> Value {
    ordered(named.iter().map(|(name, node)| (name, schema(node))))
}

fn within(node: &Value) -> Value {
    match node {
        Value::Array(items) => items.iter().map(schema).collect(),
        plain => plain.clone(),
    }
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            ordered(members.iter().map(|(name, value)| (name, sorted(value))))
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        plain => plain.clone(),
    }
}

/// Members in the order of their names, however maps are kept.
fn ordered<'m>(members: impl Iterator<Item = (&'m String, Value)>) -> Value {
    let members: BTreeMap<_, _> = members.collect();
    let members = members.into_iter();
    Value::Object(members.map(|(name, value)| (name.clone(), value)).collect())
}

/// What tells people something and decides nothing.
const WORDS: [&str; 4] = ["$comment", "description", "examples", "title"];
/// Keywords that hold values and no schemas.
const VALUES: [&str; 3] = ["const", "default", "enum"];
/// Keywords whose members have names of their own.
const NAMED: [&str; 5] = [
    "$defs",
    "definitions",
    "dependentSchemas",
    "patternProperties",
    "properties",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn tool() -> Value {
        json!({
            "name": "pay",
            "description": "Pays",
            "annotations": { "readOnlyHint": false, "title": "Pay" },
            "inputSchema": {
                "type": "object",
                "description": "What to pay",
                "properties": {
                    "title": { "type": "string", "title": "T" },
                    "to": { "enum": [{ "description": "a" }] },
                },
                "required": ["title"],
            },
        })
    }

    fn changed(pointer: &str, value: Value) -> Value {
        let mut tool = tool();
        let (parent, member) = pointer.rsplit_once('/').unwrap();
        tool.pointer_mut(parent).unwrap()[member] = value;
        tool
    }

    #[test]
    fn words_are_not_part_of_a_form() {
        for (pointer, value) in [
            ("/description", json!("Pays at once")),
            ("/title", json!("Payment")),
            ("/annotations/title", json!("Payment")),
            ("/annotations/idempotentHint", Value::Null),
            ("/inputSchema/description", json!("Other")),
            ("/inputSchema/examples", json!([1])),
            ("/inputSchema/properties/title/title", json!("Other")),
            ("/inputSchema/properties/to/$comment", json!("Other")),
            ("/outputSchema", json!({ "type": "object" })),
        ] {
            assert_eq!(
                form("a", &changed(pointer, value)),
                form("a", &tool()),
                "{pointer}"
            );
        }
        let bare = json!({ "name": "x", "inputSchema": {} });
        let empty = json!({ "name": "x", "inputSchema": {}, "annotations": { "title": "X" } });
        assert_eq!(form("a", &bare), form("a", &empty));
    }

    #[test]
    fn whatever_a_call_could_do_differently_is_another_form() {
        for (pointer, value) in [
            ("/name", json!("pay2")),
            ("/annotations/readOnlyHint", json!(true)),
            ("/annotations/destructiveHint", json!(true)),
            ("/inputSchema/required", json!([])),
            ("/inputSchema/additionalProperties", json!(true)),
            ("/inputSchema/properties/title/type", json!("number")),
            (
                "/inputSchema/properties/description",
                json!({ "type": "string" }),
            ),
            (
                "/inputSchema/properties/to/enum",
                json!([{ "description": "b" }]),
            ),
            (
                "/inputSchema/properties/title/default",
                json!({ "title": "x" }),
            ),
        ] {
            assert_ne!(
                form("a", &changed(pointer, value)),
                form("a", &tool()),
                "{pointer}"
            );
        }
        assert_ne!(form("a", &tool()), form("b", &tool()));
    }

    #[test]
    fn the_order_of_members_is_not_part_of_a_form() {
        let one = r#"{"name":"x","inputSchema":{"type":"object","properties":{"a":{},"b":{"default":{"c":1,"d":2}}}}}"#;
        let other = r#"{"inputSchema":{"properties":{"b":{"default":{"d":2,"c":1}},"a":{}},"type":"object"},"name":"x"}"#;
        let read = |text| serde_json::from_str(text).unwrap();
        assert_eq!(form("a", &read(one)), form("a", &read(other)));
    }
}
