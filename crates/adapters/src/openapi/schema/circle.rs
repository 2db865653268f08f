//! Schemas that include themselves without taking a step into the value: `A: allOf [B]`, `B: oneOf [A]`. A validator
//! would go round for ever, so the reference that closes such a circle is taken out.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Breaks all circles. Returns whether there were any.
pub(super) fn break_circles(definitions: &mut BTreeMap<String, Value>) -> bool {
    let included: BTreeMap<String, Vec<String>> = definitions
        .iter()
        .map(|(name, schema)| (name.clone(), included_by(schema)))
        .collect();
    let mut done = BTreeSet::new();
    let mut closing = BTreeSet::new();
    for name in included.keys() {
        visit(name, &included, &mut done, &mut closing);
    }
    for (from, to) in &closing {
        if let Some(schema) = definitions.get_mut(from) {
            take_out(schema, to);
        }
    }
    !closing.is_empty()
}

/// Walks without recursion: descriptions come from strangers and chains may be long.
fn visit<'n>(
    start: &'n str,
    included: &'n BTreeMap<String, Vec<String>>,
    done: &mut BTreeSet<&'n str>,
    closing: &mut BTreeSet<(String, String)>,
) {
    let mut path: Vec<(&str, std::slice::Iter<'_, String>)> = Vec::new();
    let mut on_path = BTreeSet::new();
    let edges = |name: &str| included.get(name).map_or(&[][..], Vec::as_slice).iter();
    if done.contains(start) {
        return;
    }
    path.push((start, edges(start)));
    on_path.insert(start);
    while let Some((name, next)) = path.last_mut() {
        match next.next() {
            Some(to) if on_path.contains(to.as_str()) => {
                closing.insert(((*name).to_owned(), to.clone()));
            }
            Some(to) if done.contains(to.as_str()) => {}
            Some(to) => {
                on_path.insert(to);
                path.push((to, edges(to)));
            }
            None => {
                on_path.remove(*name);
                done.insert(*name);
                path.pop();
            }
        }
    }
}

/// The definitions that apply to the same value as this schema.
fn included_by(schema: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut waiting = vec![schema];
    while let Some(schema) = waiting.pop() {
        found.extend(target(schema).map(str::to_owned));
        for keyword in ["allOf", "anyOf", "oneOf"] {
            waiting.extend(schema[keyword].as_array().into_iter().flatten());
        }
        for keyword in ["not", "if", "then", "else"] {
            waiting.extend(schema.get(keyword));
        }
        let dependent = schema["dependentSchemas"].as_object();
        waiting.extend(dependent.into_iter().flat_map(|members| members.values()));
    }
    found
}

/// Makes each reference to a definition that applies to the same value say nothing. Where it was one of several
/// choices, the choice says nothing either.
fn take_out(schema: &mut Value, name: &str) {
    let Value::Object(members) = schema else {
        return;
    };
    if members.get("$ref").and_then(Value::as_str).and_then(named) == Some(name) {
        members.remove("$ref");
    }
    for keyword in ["anyOf", "oneOf"] {
        let choices = members.get(keyword).and_then(Value::as_array);
        if choices.is_some_and(|choices| choices.iter().any(|one| includes(one, name))) {
            members.remove(keyword);
        }
    }
    for keyword in ["not", "if"] {
        if members.get(keyword).is_some_and(|one| includes(one, name)) {
            members.remove(keyword);
        }
    }
    if let Some(Value::Array(all)) = members.get_mut("allOf") {
        for one in all {
            take_out(one, name);
        }
    }
    for keyword in ["then", "else"] {
        if let Some(one) = members.get_mut(keyword) {
            take_out(one, name);
        }
    }
    if let Some(Value::Object(dependent)) = members.get_mut("dependentSchemas") {
        for one in dependent.values_mut() {
            take_out(one, name);
        }
    }
}

fn includes(schema: &Value, name: &str) -> bool {
    included_by(schema).iter().any(|one| one == name)
}

fn target(schema: &Value) -> Option<&str> {
    named(schema["$ref"].as_str()?)
}

fn named(reference: &str) -> Option<&str> {
    reference.strip_prefix("#/$defs/")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn broken(definitions: Value) -> (bool, Value) {
        let mut definitions = serde_json::from_value(definitions).unwrap();
        let found = break_circles(&mut definitions);
        (found, json!(definitions))
    }

    #[test]
    fn circles_within_one_value_are_broken() {
        let (found, schemas) = broken(json!({
            "A": { "oneOf": [{ "$ref": "#/$defs/B" }], "type": "object" },
            "B": { "allOf": [{ "$ref": "#/$defs/A" }, { "required": ["x"] }] }
        }));
        assert!(found);
        let expected = json!({
            "A": { "oneOf": [{ "$ref": "#/$defs/B" }], "type": "object" },
            "B": { "allOf": [{}, { "required": ["x"] }] }
        });
        assert_eq!(schemas, expected);
        let (found, schemas) = broken(json!({ "A": { "$ref": "#/$defs/A" } }));
        assert_eq!((found, schemas), (true, json!({ "A": {} })));
        let (found, schemas) = broken(json!({ "A": { "anyOf": [{ "$ref": "#/$defs/A" }, {}] } }));
        assert_eq!((found, schemas), (true, json!({ "A": {} })));
    }

    #[test]
    fn recursion_through_members_and_items_is_left_alone() {
        let schemas = json!({
            "Tree": { "properties": { "left": { "$ref": "#/$defs/Tree" } }, "items": { "$ref": "#/$defs/Tree" } },
            "B": { "allOf": [{ "$ref": "#/$defs/Tree" }] }
        });
        assert_eq!(broken(schemas.clone()), (false, schemas));
    }
}
