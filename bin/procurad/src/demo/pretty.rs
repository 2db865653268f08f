//! JSON for reading: whatever fits on a line stays on one.

use serde_json::Value;

/// The value, for a line that is indented by `indent` and filled up to `used`.
pub(crate) fn pretty(value: &Value, indent: usize, used: usize) -> String {
    let line = on_one_line(value);
    if used + line.chars().count() <= WIDTH {
        return line;
    }
    let inner = indent + 2;
    let (open, parts, close) = match value {
        Value::Array(items) => (
            '[',
            items
                .iter()
                .map(|item| pretty(item, inner, inner))
                .collect(),
            ']',
        ),
        Value::Object(members) => {
            let part = |(name, value): (&String, &Value)| {
                let name = format!("{}: ", Value::from(name.as_str()));
                let value = pretty(value, inner, inner + name.chars().count());
                name + &value
            };
            ('{', members.iter().map(part).collect::<Vec<_>>(), '}')
        }
        _ => return line,
    };
    let (pad, end) = (" ".repeat(inner), " ".repeat(indent));
    format!(
        "{open}\n{pad}{}\n{end}{close}",
        parts.join(&format!(",\n{pad}"))
    )
}

/// A sentence, wrapped for a line that is indented by `indent`.
pub(crate) fn wrapped(sentence: &str, indent: usize) -> String {
    let pad = " ".repeat(indent);
    let mut lines = vec![pad.clone()];
    for word in sentence.split(' ') {
        let full = lines.last().is_some_and(|line| {
            line.chars().count() > indent && line.chars().count() + 1 + word.chars().count() > WIDTH
        });
        if full {
            lines.push(pad.clone());
        }
        if let Some(line) = lines.last_mut() {
            if line.len() > indent {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n")
}

fn on_one_line(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            format!(
                "[{}]",
                items.iter().map(on_one_line).collect::<Vec<_>>().join(", ")
            )
        }
        Value::Object(members) if members.is_empty() => "{}".to_owned(),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| {
                format!("{}: {}", Value::from(name.as_str()), on_one_line(value))
            };
            format!(
                "{{ {} }}",
                members.iter().map(member).collect::<Vec<_>>().join(", ")
            )
        }
        other => other.to_string(),
    }
}

const WIDTH: usize = 100;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn short_values_stay_on_a_line_and_long_ones_open_up() {
        let short = json!({ "a": [1, 2], "b": {} });
        assert_eq!(pretty(&short, 0, 0), r#"{ "a": [1, 2], "b": {} }"#);
        let long = json!({ "list": ["x".repeat(60), "y".repeat(60)], "n": 1 });
        let expected = format!(
            "{{\n  \"list\": [\n    \"{}\",\n    \"{}\"\n  ],\n  \"n\": 1\n}}",
            "x".repeat(60),
            "y".repeat(60)
        );
        assert_eq!(pretty(&long, 0, 0), expected);
        assert_eq!(serde_json::from_str::<Value>(&expected).unwrap(), long);
    }

    #[test]
    fn sentences_wrap_between_words() {
        let text = wrapped("word ".repeat(40).trim_end(), 3);
        assert!(
            text.lines()
                .all(|line| line.starts_with("   word") && line.chars().count() <= WIDTH)
        );
        assert_eq!(text.split_whitespace().count(), 40);
    }
}
