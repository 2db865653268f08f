//! Lengths of time as people write them: `500ms`, `30s`, `15m`, `12h`, `7d`.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error as _};

/// A length of time with its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

/// A length of time, or `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SpanOrOff(pub(crate) Option<Duration>);

/// A count in a length of time, such as `60/1m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CountPer(pub(crate) std::num::NonZeroU32, pub(crate) Duration);

fn parse(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(millis).map(Duration::from_millis)
}

fn expected(what: &str, text: &str) -> impl fmt::Display {
    format!("{text:?} is not {what}")
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let error = || {
            D::Error::custom(expected(
                "a length of time such as 500ms, 30s, 15m, 12h or 7d",
                &text,
            ))
        };
        parse(&text).map(Self).ok_or_else(error)
    }
}

impl<'de> Deserialize<'de> for SpanOrOff {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "off" {
            return Ok(Self(None));
        }
        let error = || {
            D::Error::custom(expected(
                "a length of time such as 30m, 12h or 7d, or off",
                &text,
            ))
        };
        match parse(&text) {
            Some(span) if !span.is_zero() => Ok(Self(Some(span))),
            _ => Err(error()),
        }
    }
}

impl<'de> Deserialize<'de> for CountPer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let read = || {
            let (count, span) = text.split_once('/')?;
            let span = parse(span).filter(|span| !span.is_zero())?;
            Some(Self(count.parse().ok()?, span))
        };
        read().ok_or_else(|| {
            D::Error::custom(expected("a count in a length of time such as 60/1m", &text))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_unit_reads() {
        for (text, millis) in [
            ("5ms", 5),
            ("2s", 2_000),
            ("3m", 180_000),
            ("1h", 3_600_000),
            ("1d", 86_400_000),
        ] {
            assert_eq!(parse(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in [
            "",
            "5",
            "m",
            "-5m",
            "1.5h",
            "5 m",
            "5M",
            "99999999999999999999d",
            "9999999999999999d",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
