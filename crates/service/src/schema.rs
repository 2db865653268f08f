//! Input schemas (AAP §2.12): compiled once, bounded, and never reaching for anything outside themselves.

use jsonschema::{PatternOptions, Validator};
use procura_agent_auth::refusal::Refusal;
use serde_json::{Map, Value};

/// A compiled JSON Schema (2020-12 unless it says otherwise).
#[derive(Debug)]
pub struct InputSchema(Validator);

impl InputSchema {
    /// Compiles a schema. Patterns run in linear time: look-around and back-references are refused.
    pub fn compile(schema: &Value) -> Result<Self, SchemaError> {
        let patterns = PatternOptions::regex();
        jsonschema::options()
            .with_pattern_options(patterns)
            .build(schema)
            .map(Self)
            .map_err(|error| SchemaError(error.to_string()))
    }

    /// Refuses arguments that do not fit, saying where and why.
    pub fn check(&self, arguments: &Map<String, Value>) -> Result<(), Refusal> {
        let arguments = Value::Object(arguments.clone());
        if self.0.is_valid(&arguments) {
            return Ok(());
        }
        let errors = self.0.iter_errors(&arguments).take(MAX_REPORTED);
        let reports: Vec<_> = errors
            .map(|error| format!("arguments{}: {error}", error.instance_path()))
            .collect();
        Err(Refusal::invalid(format!(
            "The arguments do not fit the capability's input schema. {}",
            reports.join("; ")
        )))
    }
}

/// A schema that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a usable JSON Schema: {0}")]
pub struct SchemaError(String);

/// How many problems one answer lists.
const MAX_REPORTED: usize = 5;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(schema: &Value, arguments: &Value) -> Result<(), Refusal> {
        InputSchema::compile(schema)
            .unwrap()
            .check(arguments.as_object().unwrap())
    }

    #[test]
    fn the_refusal_says_where_and_why() {
        let schema = json!({"type": "object", "required": ["to"], "properties": {"amount": {"type": "number"}}});
        assert_eq!(check(&schema, &json!({"to": "a", "amount": 1})), Ok(()));
        let refusal = check(&schema, &json!({"amount": "1"}))
            .unwrap_err()
            .to_string();
        assert!(
            refusal.contains("arguments/amount") && refusal.contains("\"to\""),
            "{refusal}"
        );
    }

    #[test]
    fn patterns_that_backtrack_and_references_outside_are_refused_at_compile_time() {
        for schema in [
            json!({"pattern": "(?=a)b"}),
            json!({"pattern": "(a)\\1"}),
            json!({"$ref": "https://example.com/schema.json"}),
            json!({"$ref": "file:///etc/passwd"}),
            json!({"type": "nonsense"}),
        ] {
            assert!(InputSchema::compile(&schema).is_err(), "{schema}");
        }
    }
}
