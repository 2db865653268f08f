//! The keywords of JSON Schema 2020-12, what their values look like, and what older dialects wrote instead.

use serde_json::{Map, Value, json};

/// What a keyword's value is.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// A schema.
    Schema,
    /// A list of schemas.
    Schemas,
    /// Schemas by name.
    SchemaMap,
    /// A regular expression.
    Pattern,
    /// Something that is copied if it fits.
    Plain(fn(&Value) -> bool),
    /// Something that is no concern of a validator, or is handled elsewhere.
    LeftOut,
}

pub(super) fn kind_of(keyword: &str) -> Kind {
    match keyword {
        "additionalProperties"
        | "contains"
        | "else"
        | "if"
        | "items"
        | "not"
        | "propertyNames"
        | "then"
        | "unevaluatedItems"
        | "unevaluatedProperties" => Kind::Schema,
        "allOf" | "anyOf" | "oneOf" | "prefixItems" => Kind::Schemas,
        "dependentSchemas" | "patternProperties" | "properties" => Kind::SchemaMap,
        "pattern" => Kind::Pattern,
        "maximum" | "minimum" | "exclusiveMaximum" | "exclusiveMinimum" => {
            Kind::Plain(|value| value.is_number() || value.is_boolean())
        }
        "multipleOf" => Kind::Plain(|value| value.as_f64().is_some_and(|number| number > 0.0)),
        "maxLength" | "minLength" | "maxItems" | "minItems" | "maxProperties" | "minProperties"
        | "maxContains" | "minContains" => Kind::Plain(Value::is_u64),
        "uniqueItems" | "readOnly" | "writeOnly" | "deprecated" => Kind::Plain(Value::is_boolean),
        "enum" => Kind::Plain(|value| value.as_array().is_some_and(|items| !items.is_empty())),
        "required" => Kind::Plain(are_texts),
        "dependentRequired" => Kind::Plain(|value| {
            value
                .as_object()
                .is_some_and(|members| members.values().all(are_texts))
        }),
        "type" => Kind::Plain(|value| match value {
            Value::String(name) => is_type(name),
            Value::Array(names) => {
                !names.is_empty() && names.iter().all(|name| name.as_str().is_some_and(is_type))
            }
            _ => false,
        }),
        "title" | "description" | "format" | "contentEncoding" | "contentMediaType" => {
            Kind::Plain(Value::is_string)
        }
        "const" | "default" => Kind::Plain(|_| true),
        _ => Kind::LeftOut,
    }
}

/// Raises what OpenAPI 3.0 wrote differently.
pub(super) fn raise(members: &Map<String, Value>, out: &mut Map<String, Value>) {
    raise_limit(out, "exclusiveMinimum", "minimum");
    raise_limit(out, "exclusiveMaximum", "maximum");
    if members.get("nullable") == Some(&Value::Bool(true)) {
        allow_null(out);
    }
    // Repeated entries are harmless to readers and refused by validators.
    for keyword in ["required", "enum"] {
        if let Some(Value::Array(items)) = out.get_mut(keyword) {
            let mut seen = Vec::new();
            items.retain(|item| {
                let new = !seen.contains(item);
                seen.push(item.clone());
                new
            });
        }
    }
    if members.get("format") == Some(&json!("byte")) {
        out.entry("contentEncoding").or_insert(json!("base64"));
    }
}

/// A yes beside a limit made it exclusive once; now the exclusive limit is a number of its own.
fn raise_limit(out: &mut Map<String, Value>, exclusive: &str, inclusive: &str) {
    match out.get(exclusive) {
        Some(Value::Bool(true)) => {
            out.remove(exclusive);
            if let Some(limit) = out.remove(inclusive) {
                out.insert(exclusive.to_owned(), limit);
            }
        }
        Some(Value::Bool(false)) => {
            out.remove(exclusive);
        }
        _ => {}
    }
    if out.get(inclusive).is_some_and(Value::is_boolean) {
        out.remove(inclusive);
    }
}

fn allow_null(out: &mut Map<String, Value>) {
    match out.get_mut("type") {
        Some(Value::String(name)) if name != "null" => {
            let both = json!([name, "null"]);
            out.insert("type".to_owned(), both);
        }
        Some(Value::Array(names)) if !names.contains(&json!("null")) => names.push(json!("null")),
        Some(_) => {}
        // Without a type, what may not be null is inside.
        None => {
            let inside = ["allOf", "anyOf", "oneOf", "$ref"];
            if inside.iter().any(|keyword| out.contains_key(*keyword)) {
                let schema = std::mem::take(out);
                out.insert("anyOf".to_owned(), json!([schema, { "type": "null" }]));
            }
        }
    }
    if let Some(Value::Array(values)) = out.get_mut("enum")
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
}

fn are_texts(value: &Value) -> bool {
    value
        .as_array()
        .is_some_and(|items| items.iter().all(Value::is_string))
}

fn is_type(name: &str) -> bool {
    [
        "array", "boolean", "integer", "null", "number", "object", "string",
    ]
    .contains(&name)
}
