//! Bodies that are objects of known members, whose members can be arguments of their own.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::reference::{At, Documents};
use super::schema::is_flagged;

/// The members of an object.
pub(super) struct Members<'d> {
    /// Their names and schemas.
    pub(super) properties: Vec<(String, At<'d>)>,
    /// Those that have to be there.
    pub(super) required: BTreeSet<String>,
}

/// The members of an object schema; nothing when it is something else, or says more than which members it has.
pub(super) fn members<'d>(documents: &'d Documents, at: &At<'d>) -> Option<Members<'d>> {
    let mut members = Members {
        properties: Vec::new(),
        required: BTreeSet::new(),
    };
    collect(documents, at, &mut members, MAX_DEPTH)?;
    members
        .properties
        .retain(|(_, schema)| !is_flagged(documents, schema, "readOnly"));
    let known = |name: &String| members.properties.iter().any(|(one, _)| one == name);
    members.required.retain(known);
    (!members.properties.is_empty()).then_some(members)
}

fn collect<'d>(
    documents: &'d Documents,
    at: &At<'d>,
    members: &mut Members<'d>,
    depth: usize,
) -> Option<()> {
    let depth = depth.checked_sub(1)?;
    let at = documents.resolve(at).ok()?;
    let schema = at.node.as_object()?;
    if !schema.keys().all(|keyword| is_plain(keyword, schema)) {
        return None;
    }
    for (name, property) in schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        if members.properties.iter().any(|(one, _)| one == name) {
            return None;
        }
        members.properties.push((name.clone(), at.beside(property)));
    }
    let required = schema.get("required").and_then(Value::as_array);
    let required = required.into_iter().flatten().filter_map(Value::as_str);
    members.required.extend(required.map(str::to_owned));
    for part in schema
        .get("allOf")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        collect(documents, &at.beside(part), members, depth)?;
    }
    Some(())
}

/// Whether a keyword says no more than that there are members.
fn is_plain(keyword: &str, schema: &Map<String, Value>) -> bool {
    match keyword {
        "type" => {
            let kind = &schema["type"];
            kind == "object"
                || kind
                    .as_array()
                    .is_some_and(|kinds| kinds.contains(&"object".into()))
        }
        "additionalProperties" => schema["additionalProperties"] == false,
        "properties" | "required" | "allOf" | "title" | "description" | "example" | "examples"
        | "default" | "deprecated" | "externalDocs" | "xml" | "nullable" | "discriminator" => true,
        other => other.starts_with("x-"),
    }
}

const MAX_DEPTH: usize = 16;
