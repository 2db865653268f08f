//! Limits, as sentences in the reader's language.

use procura_people::limit::{Bound, HeldTo};

use super::text::visible;
use super::words::{Words, say};

/// What an argument is held to, such as `amount: at least 1 and at most 1000`. Characters that would not show are
/// spelled out.
pub(super) fn sentence(limit: &HeldTo) -> String {
    let bounds = limit.bounds.iter().map(bound);
    let bounds = bounds.reduce(|first, second| {
        let words = say("{first} and {second}").with("first", first);
        words.with("second", second)
    });
    let bounds = bounds.map(|bounds| bounds.to_string()).unwrap_or_default();
    format!("{}: {bounds}", visible(&limit.field))
}

fn bound(bound: &Bound) -> Words {
    match bound {
        Bound::AtLeast(least) => say("at least {value}").with("value", visible(least)),
        Bound::AtMost(most) => say("at most {value}").with("value", visible(most)),
        Bound::Only(values) => say("only {value}").with("value", list(values, "{first} or {last}")),
        Bound::Not(values) => say("not {value}").with("value", list(values, "{first} nor {last}")),
    }
}

fn list(values: &[String], joint: &'static str) -> String {
    let values: Vec<_> = values.iter().map(|value| visible(value)).collect();
    match values.as_slice() {
        [] => say("nothing").to_string(),
        [one] => one.clone(),
        [first @ .., last] => {
            let words = say(joint).with("first", first.join(", "));
            words.with("last", last).to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // AA-2.13-04, AA-8.10-03
    #[test]
    fn limits_read_as_sentences() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let limit = |field: &str, bounds| HeldTo {
            field: field.to_owned(),
            bounds,
        };
        for (limit, expected) in [
            (
                limit(
                    "amount",
                    vec![
                        Bound::AtLeast("1".to_owned()),
                        Bound::AtMost("9".to_owned()),
                    ],
                ),
                "amount: at least 1 and at most 9",
            ),
            (
                limit("currency", vec![Bound::Only(texts(&["CHF", "EUR", "USD"]))]),
                "currency: only CHF, EUR or USD",
            ),
            (
                limit("memo", vec![Bound::Not(texts(&["gift", "{value}"]))]),
                "memo: not gift nor {value}",
            ),
            (
                limit("to\u{202e}", vec![Bound::Only(texts(&["acc\u{200b}"]))]),
                "to⟨U+202E⟩: only acc⟨U+200B⟩",
            ),
            (
                limit("none", vec![Bound::Only(Vec::new())]),
                "none: only nothing",
            ),
        ] {
            assert_eq!(sentence(&limit), expected);
            if !expected.contains('⟨') {
                assert_eq!(limit.to_string(), expected);
            }
        }
    }
}
