//! How values are written into parameters: `style` and `explode` (OpenAPI 3.1 §4.8.12).

use serde_json::Value;

use crate::BackendError;
use crate::http::encode::{component, reserved_allowed};
use crate::http::outgoing::{header_value, path_value};
use crate::template::plain;

/// A style.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Simple,
    Label,
    Matrix,
    Form,
    SpaceDelimited,
    PipeDelimited,
    DeepObject,
}

impl Style {
    /// The style of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "simple" => Self::Simple,
            "label" => Self::Label,
            "matrix" => Self::Matrix,
            "form" => Self::Form,
            "spaceDelimited" => Self::SpaceDelimited,
            "pipeDelimited" => Self::PipeDelimited,
            "deepObject" => Self::DeepObject,
            _ => return None,
        })
    }
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Manner {
    pub(super) style: Style,
    pub(super) explode: bool,
    pub(super) allow_reserved: bool,
}

/// A value as part of a path, encoded.
pub(super) fn path(name: &str, value: &Value, manner: Manner) -> Result<String, BackendError> {
    let coded = |value: &Value| path_value(name, &plain(value));
    let key = component(name);
    let (lead, joint) = match (manner.style, manner.explode) {
        (Style::Label, true) => (".", "."),
        (Style::Label, false) => (".", ","),
        (Style::Matrix, true) => (";", ";"),
        (_, _) => ("", ","),
    };
    let matrix = manner.style == Style::Matrix;
    let items = match value {
        Value::Array(items) => {
            let prefix = if matrix && manner.explode {
                format!("{key}=")
            } else {
                String::new()
            };
            let each = items
                .iter()
                .map(|item| Ok(format!("{prefix}{}", coded(item)?)));
            each.collect::<Result<Vec<_>, _>>()?
        }
        Value::Object(members) => {
            let between = if manner.explode { "=" } else { "," };
            let each = members.iter().map(|(member, value)| {
                let member = path_value(name, member)?;
                Ok(format!("{member}{between}{}", coded(value)?))
            });
            each.collect::<Result<Vec<_>, _>>()?
        }
        // A single value is a list of one.
        other if matrix && manner.explode => vec![format!("{key}={}", coded(other)?)],
        other => vec![coded(other)?],
    };
    if items.is_empty() {
        path_value(name, "")?;
    }
    let lead = if matrix && !manner.explode {
        format!(";{key}=")
    } else {
        lead.to_owned()
    };
    Ok(lead + &items.join(joint))
}

/// A value as pairs of a query, form or cookie, encoded.
pub(super) fn pairs(name: &str, value: &Value, manner: Manner) -> Vec<String> {
    let text = |value: &Value| written(&plain(value), manner);
    let key = component(name);
    let joint = match manner.style {
        Style::SpaceDelimited => "%20",
        Style::PipeDelimited => "%7C",
        _ => ",",
    };
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) if manner.style == Style::DeepObject => {
            let mut out = Vec::new();
            for (place, item) in items.iter().enumerate() {
                deep(&format!("{key}%5B{place}%5D"), item, manner, &mut out);
            }
            out
        }
        Value::Array(items) if manner.explode => items
            .iter()
            .map(|item| format!("{key}={}", text(item)))
            .collect(),
        Value::Array(items) if items.is_empty() => Vec::new(),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(text).collect();
            vec![format!("{key}={}", items.join(joint))]
        }
        Value::Object(_) if manner.style == Style::DeepObject => {
            let mut out = Vec::new();
            deep(&key, value, manner, &mut out);
            out
        }
        Value::Object(members) if manner.explode => members
            .iter()
            .map(|(member, value)| format!("{}={}", component(member), text(value)))
            .collect(),
        Value::Object(members) if members.is_empty() => Vec::new(),
        Value::Object(members) => {
            let flat = members
                .iter()
                .flat_map(|(member, value)| [component(member), text(value)]);
            vec![format!("{key}={}", flat.collect::<Vec<_>>().join(joint))]
        }
        other => vec![format!("{key}={}", text(other))],
    }
}

/// A value as a header.
pub(super) fn header(name: &str, value: &Value, explode: bool) -> Result<String, BackendError> {
    let text = match value {
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        Value::Object(members) => {
            let between = if explode { "=" } else { "," };
            let each = members
                .iter()
                .map(|(member, value)| format!("{member}{between}{}", plain(value)));
            each.collect::<Vec<_>>().join(",")
        }
        other => plain(other),
    };
    header_value(name, &text)?;
    Ok(text)
}

/// Members within brackets, however deep.
fn deep(key: &str, value: &Value, manner: Manner, out: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (member, value) in members {
                deep(
                    &format!("{key}%5B{}%5D", component(member)),
                    value,
                    manner,
                    out,
                );
            }
        }
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                deep(&format!("{key}%5B{place}%5D"), item, manner, out);
            }
        }
        other => out.push(format!("{key}={}", written(&plain(other), manner))),
    }
}

fn written(text: &str, manner: Manner) -> String {
    if manner.allow_reserved {
        reserved_allowed(text)
    } else {
        component(text)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn manner(style: &str, explode: bool) -> Manner {
        Manner {
            style: Style::named(style).unwrap(),
            explode,
            allow_reserved: false,
        }
    }

    /// The table of the specification, section "Style Examples".
    #[test]
    fn each_style_writes_a_text_a_list_and_an_object() {
        let text = json!("blue");
        let list = json!(["blue", "black", "brown"]);
        let object = json!({ "B": 150, "G": 200, "R": 100 });
        let cases = [
            (
                "matrix",
                false,
                ";color=blue",
                ";color=blue,black,brown",
                ";color=B,150,G,200,R,100",
            ),
            (
                "matrix",
                true,
                ";color=blue",
                ";color=blue;color=black;color=brown",
                ";B=150;G=200;R=100",
            ),
            (
                "label",
                false,
                ".blue",
                ".blue,black,brown",
                ".B,150,G,200,R,100",
            ),
            (
                "label",
                true,
                ".blue",
                ".blue.black.brown",
                ".B=150.G=200.R=100",
            ),
            (
                "simple",
                false,
                "blue",
                "blue,black,brown",
                "B,150,G,200,R,100",
            ),
            (
                "simple",
                true,
                "blue",
                "blue,black,brown",
                "B=150,G=200,R=100",
            ),
        ];
        for (style, explode, one, many, members) in cases {
            for (value, expected) in [(&text, one), (&list, many), (&object, members)] {
                let got = path("color", value, manner(style, explode)).unwrap();
                assert_eq!(got, expected, "{style} {explode}");
            }
        }
        let cases = [
            (
                "form",
                false,
                "color=blue",
                "color=blue,black,brown",
                "color=B,150,G,200,R,100",
            ),
            (
                "form",
                true,
                "color=blue",
                "color=blue&color=black&color=brown",
                "B=150&G=200&R=100",
            ),
            (
                "spaceDelimited",
                false,
                "color=blue",
                "color=blue%20black%20brown",
                "color=B%20150%20G%20200%20R%20100",
            ),
            (
                "pipeDelimited",
                false,
                "color=blue",
                "color=blue%7Cblack%7Cbrown",
                "color=B%7C150%7CG%7C200%7CR%7C100",
            ),
            (
                "deepObject",
                true,
                "color=blue",
                "color%5B0%5D=blue&color%5B1%5D=black&color%5B2%5D=brown",
                "color%5BB%5D=150&color%5BG%5D=200&color%5BR%5D=100",
            ),
        ];
        for (style, explode, one, many, members) in cases {
            for (value, expected) in [(&text, one), (&list, many), (&object, members)] {
                let got = pairs("color", value, manner(style, explode)).join("&");
                assert_eq!(got, expected, "{style} {explode}");
            }
        }
    }

    #[test]
    fn separators_within_values_are_encoded_unless_reserved_is_allowed() {
        let value = json!("a&b=c/d");
        let mut manner = manner("form", true);
        assert_eq!(pairs("q", &value, manner), ["q=a%26b%3Dc%2Fd"]);
        manner.allow_reserved = true;
        assert_eq!(pairs("q", &value, manner), ["q=a%26b%3Dc/d"]);
    }

    #[test]
    fn deep_objects_go_as_deep_as_they_are() {
        let value = json!({ "a": { "b": [1, { "c": true }] } });
        assert_eq!(
            pairs("q", &value, manner("deepObject", true)),
            [
                "q%5Ba%5D%5Bb%5D%5B0%5D=1",
                "q%5Ba%5D%5Bb%5D%5B1%5D%5Bc%5D=true"
            ]
        );
    }

    #[test]
    fn nothing_in_a_path_or_header_steps_out_of_its_place() {
        for value in [
            json!("a/b"),
            json!(["a", "b/c"]),
            json!({ "a/b": 1 }),
            json!([]),
            json!(""),
        ] {
            assert!(
                path("p", &value, manner("simple", false)).is_err(),
                "{value}"
            );
        }
        assert!(header("h", &json!(["a", "b\r\nX: y"]), false).is_err());
        assert_eq!(header("h", &json!({ "a": 1 }), true).unwrap(), "a=1");
    }
}
