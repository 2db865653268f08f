//! Words of strangers, made fit to be read (AAP §8.10).
//!
//! Templates escape everything, so nothing here is about markup: it is about characters that do not show.

use std::fmt::Write as _;

use procura_agent_auth::text::clean;

/// `text` with every character that hides, reorders or breaks what is around it spelled out as `⟨U+200B⟩`.
///
/// Names and reasons were cleaned when they came in. Limits were not, because they are compared byte for byte; here
/// it has to show that `acc_1` followed by something invisible is not `acc_1`.
pub(crate) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c == ' ' || clean(c.encode_utf8(&mut [0; 4]), 1).is_some() {
            out.push(c);
        } else {
            // Writing to a string does not fail.
            let _ = write!(out, "⟨U+{:04X}⟩", u32::from(c));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    // AA-8.10-03
    #[test]
    fn what_would_not_show_is_spelled_out() {
        let cases = [
            ("plain text, Zoë 你好 “x”", "plain text, Zoë 你好 “x”"),
            ("acc_1\u{200b}", "acc_1⟨U+200B⟩"),
            ("\u{202e}lla", "⟨U+202E⟩lla"),
            ("a\nb\tc", "a⟨U+000A⟩b⟨U+0009⟩c"),
            ("\u{a0}", "⟨U+00A0⟩"),
            ("<b>", "<b>"),
        ];
        for (text, expected) in cases {
            assert_eq!(visible(text), expected, "{text:?}");
        }
    }
}
