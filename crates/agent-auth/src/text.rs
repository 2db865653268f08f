//! Words that strangers send and people read: names, reasons, binding messages (§8.10).
//!
//! They are cleaned once, where they enter, so that no page, log or export has to think of it again. They
//! stay untrusted: a page still has to escape them.

/// The longest agent or host name, in characters.
pub const MAX_NAME: usize = 200;
/// The longest reason, binding message or login hint, in characters.
pub const MAX_REMARK: usize = 500;

/// `text` without control, direction-changing and invisible characters, with runs of white space made one
/// blank and the ends trimmed. `None` when nothing readable is left or it is longer than `max` characters.
pub fn clean(text: &str, max: usize) -> Option<String> {
    let mut out = String::with_capacity(text.len().min(max.saturating_mul(4)));
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        let mut visible = word.chars().filter(|c| !is_deceptive(*c)).peekable();
        if visible.peek().is_some() && !out.is_empty() {
            out.push(' ');
        }
        out.extend(visible);
    }
    (!out.is_empty() && out.chars().count() <= max).then_some(out)
}

/// Characters that make a text look like another one: marks that reorder, hide or tag what is around them.
fn is_deceptive(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    // AA-8.10-03
    #[test]
    fn hidden_and_reordering_characters_are_removed() {
        let cases = [
            ("  Bank \t\n helper ", Some("Bank helper")),
            ("pay\u{202e}lla", Some("paylla")),
            ("a\u{200b}\u{feff}b", Some("ab")),
            ("a \u{200b} b", Some("a b")),
            ("\u{0}\u{7}\u{1b}[31mred", Some("[31mred")),
            ("<b>bold</b>", Some("<b>bold</b>")),
            ("Zoë 你好", Some("Zoë 你好")),
            ("\u{200b}\u{2066}", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(clean(text, 200).as_deref(), expected, "{text:?}");
        }
    }

    // AA-8.10-03
    #[test]
    fn length_counts_characters_after_cleaning() {
        assert_eq!(clean(&"é".repeat(200), 200), Some("é".repeat(200)));
        assert_eq!(clean(&"é".repeat(201), 200), None);
        assert_eq!(
            clean(&format!("{}a", " ".repeat(10_000)), 1).as_deref(),
            Some("a")
        );
    }
}
