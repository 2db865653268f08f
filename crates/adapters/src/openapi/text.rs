//! From bytes to JSON. YAML is read under budgets, so that aliases cannot blow a small text up.

use serde_json::Value;
use serde_saphyr::options::DuplicateKeyPolicy;
use serde_saphyr::{Budget, Options};

/// Reads JSON, or YAML if it does not begin like JSON.
pub(super) fn parse(bytes: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    let text = text.trim_start_matches('\u{feff}');
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"));
    }
    let value = serde_saphyr::from_str_with_options(text, options(text.len()));
    value.map_err(|error| format!("it is not YAML: {}", first_line(&error.to_string())))
}

/// What a text of this length may grow into: in proportion to it, and never much.
fn options(length: usize) -> Options {
    let nodes = (length / 2).clamp(10_000, MAX_NODES);
    let mut options = Options::default();
    let mut budget = Budget::default();
    budget.max_events = nodes * 4;
    budget.max_nodes = nodes * 2;
    budget.max_depth = MAX_DEPTH;
    budget.max_documents = 1;
    budget.max_total_scalar_bytes = length.saturating_mul(2).max(1024 * 1024);
    options.budget = Some(budget);
    options.alias_limits.max_total_replayed_events = nodes;
    options.duplicate_keys = DuplicateKeyPolicy::Error;
    options.strict_booleans = true;
    options.leading_zero_numbers_as_strings = true;
    options.underscored_numbers_as_strings = true;
    options.with_snippet = false;
    options
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or("")
}

const MAX_NODES: usize = 8_000_000;
/// As deep as JSON may nest.
const MAX_DEPTH: usize = 128;

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use serde_json::json;

    use super::*;

    #[test]
    fn json_and_yaml_read_alike() {
        let yaml = "openapi: 3.0.0\npaths:\n  /x:\n    get:\n      responses:\n        200:\n          description: no\n";
        let json = json!({
            "openapi": "3.0.0",
            "paths": { "/x": { "get": { "responses": { "200": { "description": "no" } } } } }
        });
        assert_eq!(parse(yaml.as_bytes()), Ok(json.clone()));
        assert_eq!(parse(json.to_string().as_bytes()), Ok(json));
        assert_eq!(
            parse(b"a: yes\nb: 007"),
            Ok(json!({ "a": "yes", "b": "007" }))
        );
    }

    #[test]
    fn bombs_and_garbage_are_refused() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let below = level - 1;
            let items = vec![format!("*a{below}"); 10].join(", ");
            writeln!(bomb, "a{level}: &a{level} [{items}]").unwrap();
        }
        let deep = "[".repeat(10_000);
        for text in [
            bomb.as_str(),
            deep.as_str(),
            "a: 1\na: 2",
            "a: [",
            "{",
            "--- 1\n--- 2",
        ] {
            assert!(
                parse(text.as_bytes()).is_err(),
                "{}",
                &text[..text.len().min(40)]
            );
        }
        assert!(parse(&[0xff, 0xfe]).is_err());
    }
}
