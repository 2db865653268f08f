//! Percent-encoding (RFC 3986 §2), stricter than URL parsers demand, so that they find nothing to change.

use std::fmt::Write as _;

/// Encodes everything but unreserved characters: the value of a path segment, query or cookie.
pub(crate) fn component(text: &str) -> String {
    encode(text, unreserved)
}

/// Encodes a query value for which a description allows reserved characters; those that would end the value
/// stay encoded.
pub(crate) fn reserved_allowed(text: &str) -> String {
    encode(text, |byte| {
        unreserved(byte) || b":/?@!$()*,;".contains(&byte)
    })
}

/// Encodes the fixed part of a path. What is encoded already stays as it is.
pub(crate) fn path_literal(text: &str) -> String {
    encode(text, |byte| {
        unreserved(byte) || b"/:@!$&'()*+,;=%".contains(&byte)
    })
}

fn encode(text: &str, keep: impl Fn(u8) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if keep(byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_unreserved_characters_only() {
        assert_eq!(component("a-._~Z9"), "a-._~Z9");
        assert_eq!(
            component("a b/ü?#&=+%\r\n"),
            "a%20b%2F%C3%BC%3F%23%26%3D%2B%25%0D%0A"
        );
        assert_eq!(reserved_allowed("a/b?c&d=e#f"), "a/b?c%26d%3De%23f");
        assert_eq!(path_literal("/a b/{x}%2F"), "/a%20b/%7Bx%7D%2F");
    }
}
