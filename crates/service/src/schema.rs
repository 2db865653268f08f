//! Input schemas (AAP §2.12): compiled once, bounded, and never reaching for anything outside themselves.

use std::sync::{Arc, OnceLock};

use jsonschema::{PatternOptions, Validator};
use procura_agent_auth::refusal::Refusal;
use serde_json::{Map, Value};

/// A JSON Schema (2020-12 unless it says otherwise) that arguments have to fit.
#[derive(Debug)]
pub struct InputSchema {
    compiled: OnceLock<Option<Validator>>,
    /// What to compile, as long as nobody needed it.
    text: Arc<str>,
}

impl InputSchema {
    /// Compiles a schema. Patterns run in linear time: look-around and back-references are refused.
    pub fn compile(schema: &Value) -> Result<Self, SchemaError> {
        let compiled = compile(schema)?;
        Ok(Self {
            compiled: OnceLock::from(Some(compiled)),
            text: Arc::from(""),
        })
    }

    /// A schema that was compiled before, and is compiled again when it is needed.
    pub(crate) fn deferred(text: Arc<str>) -> Self {
        Self {
            compiled: OnceLock::new(),
            text,
        }
    }

    /// Refuses arguments that do not fit, saying where and why.
    pub fn check(&self, arguments: &Map<String, Value>) -> Result<(), Refusal> {
        let arguments = Value::Object(arguments.clone());
        let compiled = self.compiled.get_or_init(|| {
            let schema = serde_json::from_str(&self.text).ok()?;
            compile(&schema).ok()
        });
        let Some(validator) = compiled else {
            // It compiled before. Arguments nobody can check do not go on.
            return Err(Refusal::invalid("The arguments cannot be checked."));
        };
        if validator.is_valid(&arguments) {
            return Ok(());
        }
        let errors = validator.iter_errors(&arguments).take(MAX_REPORTED);
        let reports: Vec<_> = errors
            .map(|error| format!("arguments{}: {error}", error.instance_path()))
            .collect();
        Err(Refusal::invalid(format!(
            "The arguments do not fit the capability's input schema. {}",
            reports.join("; ")
        )))
    }
}

/// Compiles any schema, under the limits of this module.
pub(crate) fn compile(schema: &Value) -> Result<Validator, SchemaError> {
    let patterns = PatternOptions::regex();
    jsonschema::options()
        .with_pattern_options(patterns)
        .build(schema)
        .map_err(|error| SchemaError(error.to_string()))
}

/// Whether a pattern can be checked: it is one, and runs in linear time.
pub fn is_usable_pattern(pattern: &str) -> bool {
    compile(&serde_json::json!({ "pattern": pattern })).is_ok()
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
    fn a_schema_that_is_compiled_late_checks_alike() {
        let schema = json!({ "required": ["to"] });
        let late = InputSchema::deferred(schema.to_string().into());
        for _ in 0..2 {
            assert_eq!(late.check(json!({ "to": 1 }).as_object().unwrap()), Ok(()));
            assert!(late.check(json!({}).as_object().unwrap()).is_err());
        }
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
