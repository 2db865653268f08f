//! What a service reads is what an agent wrote, and nothing else: for every style in every place, what is sent is
//! compared with what the values should read as once taken apart again, by rules of their own.

use proptest::prelude::*;

use super::attacks::{NAMES, SHOP, everywhere_planned, value};
use super::*;
use crate::template::plain;

/// Values in the order in which they are written, each with the name of its member if it has one.
fn parts(value: &Value) -> Vec<(Option<String>, String)> {
    match value {
        Value::Array(items) => items.iter().map(|item| (None, plain(item))).collect(),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| (Some(name.clone()), plain(value));
            members.iter().map(member).collect()
        }
        other => vec![(None, plain(other))],
    }
}

/// Parts with `joint` between them, and `between` where a member's name ends.
fn joined(value: &Value, joint: &str, between: &str) -> String {
    let each = parts(value).into_iter().map(|(name, text)| match name {
        Some(name) => name + between + &text,
        None => text,
    });
    each.collect::<Vec<_>>().join(joint)
}

/// The text of a path parameter, as if nothing had to be encoded.
fn path_text(name: &str, value: &Value) -> String {
    let is_object = value.is_object();
    match name {
        "simplefalse" => joined(value, ",", ","),
        "simpletrue" => joined(value, ",", "="),
        "labelfalse" => format!(".{}", joined(value, ",", ",")),
        "labeltrue" => format!(".{}", joined(value, ".", "=")),
        "matrixfalse" => format!(";{name}={}", joined(value, ",", ",")),
        _ if is_object => format!(";{}", joined(value, ";", "=")),
        _ => {
            let each = parts(value).into_iter().map(|(_, text)| text);
            let each = each.map(|text| format!(";{name}={text}"));
            each.collect()
        }
    }
}

/// Whether a path cannot hold it.
fn has_no_path(value: &Value, text: &str) -> bool {
    let parts = parts(value);
    let leaves = |text: &str| {
        text.is_empty() || text.contains(|c: char| c == '/' || c == '\\' || c.is_control())
    };
    let bad = |(name, text): &(Option<String>, String)| {
        leaves(text) || name.as_deref().is_some_and(leaves)
    };
    parts.is_empty() || parts.iter().any(bad) || text == "." || text == ".."
}

/// The pairs of a query or cookie parameter, as if nothing had to be encoded.
fn pairs_of(name: &str, style: &str, explode: bool, value: &Value) -> Vec<(String, String)> {
    let pair = |text: String| vec![(name.to_owned(), text)];
    let joint = match style {
        "spaceDelimited" => " ",
        "pipeDelimited" => "|",
        _ => ",",
    };
    match value {
        Value::Null => Vec::new(),
        Value::Array(_) | Value::Object(_) if style == "deepObject" => deep(name, value),
        Value::Array(_) | Value::Object(_) if explode => {
            let named =
                |(own, text): (Option<String>, String)| (own.unwrap_or(name.to_owned()), text);
            parts(value).into_iter().map(named).collect()
        }
        Value::Array(items) if items.is_empty() => Vec::new(),
        Value::Object(members) if members.is_empty() => Vec::new(),
        Value::Array(_) | Value::Object(_) => pair(joined(value, joint, joint)),
        other => pair(plain(other)),
    }
}

fn deep(name: &str, value: &Value) -> Vec<(String, String)> {
    match value {
        Value::Array(items) => {
            let each = items.iter().enumerate();
            each.flat_map(|(at, item)| deep(&format!("{name}[{at}]"), item))
                .collect()
        }
        Value::Object(members) => {
            let each = members.iter();
            each.flat_map(|(own, value)| deep(&format!("{name}[{own}]"), value))
                .collect()
        }
        other => vec![(name.to_owned(), plain(other))],
    }
}

/// Takes percent-encoding off. `+` is a plus here.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next().unwrap(), rest.next().unwrap()];
            let digits = std::str::from_utf8(&digits).unwrap();
            bytes.push(u8::from_str_radix(digits, 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).unwrap()
}

fn split_pairs(text: &str, joint: &str) -> Vec<(String, String)> {
    let pairs = text.split(joint).filter(|pair| !pair.is_empty());
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap();
        (decoded(name), decoded(value))
    };
    pairs.map(pair).collect()
}

/// The arguments that a call cannot do without, and this one.
fn with(name: &str, value: &Value) -> Value {
    let mut arguments: Map<_, _> = NAMES[..6]
        .iter()
        .map(|name| ((*name).to_owned(), json!("1")))
        .collect();
    arguments.insert(name.to_owned(), value.clone());
    Value::Object(arguments)
}

/// Characters that part a text where they are not encoded.
fn separators(text: &str) -> Vec<char> {
    text.chars().filter(|c| ",;=".contains(*c)).collect()
}

proptest! {
    #[test]
    fn a_path_parameter_reads_as_it_was_written(value in value(), place in 0..6_usize) {
        prop_assume!(!value.is_null());
        let name = NAMES[place];
        let text = path_text(name, &value);
        let url = everywhere_planned(with(name, &value)).and_then(|outgoing| SHOP.url(&outgoing));
        let has_none = has_no_path(&value, &text);
        let Ok(url) = url else {
            prop_assert!(has_none, "refused without a reason: {:?}", value);
            return Ok(());
        };
        prop_assert!(!has_none, "sent: {}", url);
        let segments: Vec<_> = url.path().split('/').collect();
        let own = segments[[3, 4, 5, 6, 7, 8][place]];
        let own = own.strip_prefix('x').filter(|_| name == "labeltrue").unwrap_or(own);
        prop_assert_eq!(decoded(own), text);
        // What parts it is the style's, and not the value's.
        let harmless = |text: &str| "1".repeat(text.chars().count());
        let bare = match &value {
            Value::Array(items) => items.iter().map(|item| Value::from(harmless(&plain(item)))).collect(),
            Value::Object(members) => {
                let member = |(at, (_, value)): (usize, (&String, &Value))| {
                    (at.to_string(), Value::from(harmless(&plain(value))))
                };
                Value::Object(members.iter().enumerate().map(member).collect())
            }
            other => harmless(&plain(other)).into(),
        };
        prop_assert_eq!(separators(own), separators(&path_text(name, &bare)));
        prop_assert!(own.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%,;=".contains(&byte)));
    }

    #[test]
    fn pairs_of_the_query_read_as_they_were_written(value in value(), place in 0..8_usize) {
        let styles = ["form", "spaceDelimited", "pipeDelimited", "deepObject"];
        let (style, explode) = (styles[place % 4], place >= 4);
        let name = format!("q{style}{explode}");
        let expected = pairs_of(&name, style, explode, &value);
        let names_key = expected.iter().any(|(name, _)| name.eq_ignore_ascii_case("key"));
        let url = everywhere_planned(with(&name, &value)).and_then(|outgoing| SHOP.url(&outgoing));
        let Ok(url) = url else {
            prop_assert!(names_key, "refused without a reason: {:?}", value);
            return Ok(());
        };
        prop_assert!(!names_key, "sent: {}", url);
        prop_assert_eq!(split_pairs(url.query().unwrap_or(""), "&"), expected);
    }

    #[test]
    fn pairs_of_the_cookie_read_as_they_were_written(value in value(), explode in any::<bool>()) {
        let name = format!("c{explode}");
        let expected = pairs_of(&name, "form", explode, &value);
        let outgoing = everywhere_planned(with(&name, &value)).unwrap();
        let cookies = outgoing.cookies.join("; ");
        prop_assert_eq!(split_pairs(&cookies, "; "), expected);
        prop_assert!(cookies.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '));
    }

    #[test]
    fn a_header_parameter_reads_as_it_was_written(value in value(), explode in any::<bool>()) {
        prop_assume!(!value.is_null());
        let name = format!("X-{explode}");
        let text = joined(&value, ",", if explode { "=" } else { "," });
        let visible = text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        match everywhere_planned(with(&name, &value)) {
            Err(_) => prop_assert!(!visible, "refused without a reason: {:?}", value),
            Ok(outgoing) => {
                prop_assert!(visible);
                prop_assert_eq!(outgoing.headers.len(), 1);
                prop_assert_eq!(&outgoing.headers[name.as_str()], text.trim_matches(' '));
            }
        }
    }
}
