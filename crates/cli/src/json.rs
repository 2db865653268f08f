//! JSON for the terminal: the same value, with no character in it that a terminal would obey.

use std::fmt::Write as _;

use procura_agent_auth::text::clean;
use serde_json::Value;

/// On one line.
pub(crate) fn one_line(value: &Value) -> String {
    escaped(&value.to_string())
}

/// On many lines, for people.
pub(crate) fn indented(value: &Value) -> String {
    // The alternate form of a value is its indented text, and cannot fail.
    escaped(&format!("{value:#}"))
}

/// Escapes what JSON allows to stand in a string and a terminal obeys or hides.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_visible(c) {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    out
}

fn is_visible(c: char) -> bool {
    match c {
        '\n' | ' '..='~' => true,
        _ => clean(c.encode_utf8(&mut [0; 4]), 1).is_some(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn characters_a_terminal_obeys_are_escaped_and_the_value_stays() {
        let value = json!({ "a": "\u{1b}[2J\u{9b}x\u{7f}\u{202e}\u{e0041}é 你" });
        for text in [one_line(&value), indented(&value)] {
            assert!(
                text.contains(r"\u001b[2J\u009bx\u007f\u202e\udb40\udc41é 你"),
                "{text}"
            );
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        }
    }
}
