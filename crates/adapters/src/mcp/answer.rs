//! What a tool's answer becomes: a value, or a refusal.

use rmcp::model::CallToolResult;
use serde_json::{Value, json};

use super::McpServer;
use crate::BackendError;

/// The structured result; without one a single text as itself, nothing as null, and everything else as the protocol
/// writes it: a list of contents with their types.
pub(super) fn read(server: &McpServer, result: CallToolResult) -> Result<Value, BackendError> {
    let is_error = result.is_error == Some(true);
    let structured = result.structured_content.filter(|value| !value.is_null());
    let value = match structured {
        Some(value) => value,
        None => plain(&serde_json::to_value(result.content).unwrap_or_default()),
    };
    if !is_error {
        return Ok(value);
    }
    // An error is as long as its maker likes.
    let short = value.to_string().len() <= MAX_SAID;
    Err(BackendError::Refused {
        status: None,
        detail: Some(value).filter(|_| server.shows_refusals() && short),
    })
}

fn plain(contents: &Value) -> Value {
    match contents.as_array().map(Vec::as_slice) {
        None | Some([]) => Value::Null,
        Some([only]) if only["type"] == "text" => only["text"].clone(),
        Some(_) => json!({ "content": contents }),
    }
}

/// The longest refusal that is passed on, in bytes.
const MAX_SAID: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::super::{McpSettings, Program, Way};
    use super::*;

    fn answer(result: Value, show_refusals: bool) -> Result<Value, BackendError> {
        let mut settings = McpSettings::new("a".to_owned(), Way::Program(Program::default()));
        settings.show_refusals = show_refusals;
        read(
            &McpServer::new(settings),
            serde_json::from_value(result).unwrap(),
        )
    }

    #[test]
    fn a_result_is_its_structure_or_its_text_or_its_contents() {
        let text = json!({ "type": "text", "text": "hello" });
        let image = json!({ "type": "image", "data": "AAAA", "mimeType": "image/png" });
        for (result, expected) in [
            (
                json!({ "content": [text], "structuredContent": { "n": 1 } }),
                json!({ "n": 1 }),
            ),
            (json!({ "content": [text] }), json!("hello")),
            (json!({ "content": [] }), Value::Null),
            (
                json!({ "content": [text, image] }),
                json!({ "content": [text, image] }),
            ),
            (
                json!({ "content": [image], "isError": false }),
                json!({ "content": [image] }),
            ),
        ] {
            assert_eq!(answer(result, false), Ok(expected));
        }
    }

    #[test]
    fn an_error_is_a_refusal_and_what_it_says_is_shown_only_where_that_is_wanted() {
        let error = json!({ "content": [{ "type": "text", "text": "no such row in db7" }], "isError": true });
        for (shown, detail) in [(false, None), (true, Some(json!("no such row in db7")))] {
            let status = None;
            let refused = Err(BackendError::Refused { status, detail });
            assert_eq!(answer(error.clone(), shown), refused);
        }
        let long = json!({ "content": [{ "type": "text", "text": "x".repeat(MAX_SAID) }], "isError": true });
        let (status, detail) = (None, None);
        assert_eq!(
            answer(long, true),
            Err(BackendError::Refused { status, detail })
        );
    }
}
