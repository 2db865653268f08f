//! Comparing JSON numbers by value, exactly, across integers and floating point.

use std::cmp::Ordering;

use serde_json::Number;

/// How `one` relates to `other`. JSON has no NaN, so there always is an answer.
pub(super) fn compare(one: &Number, other: &Number) -> Ordering {
    match (integer(one), integer(other)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(a), None) => integer_to_float(a, float(other)),
        (None, Some(b)) => integer_to_float(b, float(one)).reverse(),
        (None, None) => float(one).total_cmp(&float(other)),
    }
}

/// The number as an integer when it is one, however it was written.
fn integer(number: &Number) -> Option<i128> {
    if let Some(signed) = number.as_i64() {
        return Some(signed.into());
    }
    if let Some(unsigned) = number.as_u64() {
        return Some(unsigned.into());
    }
    let float = float(number);
    (float.fract() == 0.0 && float.abs() < LIMIT).then(|| truncate(float))
}

/// `other` is not a whole number within range, so comparing with its floor decides.
fn integer_to_float(one: i128, other: f64) -> Ordering {
    if other >= LIMIT {
        Ordering::Less
    } else if other <= -LIMIT {
        Ordering::Greater
    } else if one <= truncate(other.floor()) {
        Ordering::Less
    } else {
        Ordering::Greater
    }
}

fn float(number: &Number) -> f64 {
    number.as_f64().unwrap_or(0.0)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "called for whole numbers below LIMIT only"
)]
fn truncate(float: f64) -> i128 {
    float as i128
}

/// 2^100: far beyond every 64-bit integer, well within `i128`.
const LIMIT: f64 = 1_267_650_600_228_229_401_496_703_205_376.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_sorted_list_compares_as_sorted() {
        let sorted = [
            "-1e300",
            "-9223372036854775808",
            "-1.5",
            "-1",
            "-0.5",
            "0",
            "0.1",
            "1",
            "1.5",
            "9007199254740992",
            "9007199254740993",
            "9223372036854775807",
            "18446744073709551615",
            "18446744073709551616",
            "1e40",
            "1e300",
        ];
        for (i, a) in sorted.iter().enumerate() {
            for (j, b) in sorted.iter().enumerate() {
                assert_eq!(compare(&number(a), &number(b)), i.cmp(&j), "{a} {b}");
            }
        }
    }

    #[test]
    fn spelling_does_not_matter() {
        for (a, b) in [
            ("1", "1.0"),
            ("1000", "1e3"),
            ("0", "-0.0"),
            ("18446744073709551615.0", "1.8446744073709552e19"),
        ] {
            assert!(compare(&number(a), &number(b)).is_eq(), "{a} {b}");
        }
    }
}
