//! Bounds that a person sets on what they approve: an end, a number of uses, limits of their own.
//!
//! Each field is named after its item, so that what was typed stays with what it was typed for.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use procura_keys::clock::Timestamp;
use procura_people::consent::{Chosen, ConsentItem, Limit, Range};
use serde_json::{Number, Value};
use time::{Date, Month, Time};

use crate::web::form::Fields;
use crate::web::words::say;

/// What is wrong with which field, by its name.
pub(super) type Problems = BTreeMap<String, String>;

/// The spans a person may choose from, and what they are called.
pub(super) const SPANS: [(&str, &str, Duration); 4] = [
    ("hour", "for one hour", Duration::from_hours(1)),
    ("day", "for one day", Duration::from_hours(24)),
    ("week", "for one week", Duration::from_hours(7 * 24)),
    ("month", "for 30 days", Duration::from_hours(30 * 24)),
];
/// The choice of a day of one's own.
pub(super) const ON_A_DAY: &str = "on";

/// The names of an item's fields. `place` counts its adjustable limits.
pub(super) fn ends_name(id: &str) -> String {
    format!("ends-{id}")
}
pub(super) fn day_name(id: &str) -> String {
    format!("day-{id}")
}
pub(super) fn uses_name(id: &str) -> String {
    format!("uses-{id}")
}
pub(super) fn least_name(id: &str, place: usize) -> String {
    format!("least-{id}-{place}")
}
pub(super) fn most_name(id: &str, place: usize) -> String {
    format!("most-{id}-{place}")
}
/// Says that a choice was on the page, so that one with nothing ticked can be told from none.
pub(super) fn among_name(id: &str) -> String {
    format!("among-{id}")
}
pub(super) fn one_of_name(id: &str, place: usize) -> String {
    format!("one-of-{id}-{place}")
}

/// Reads the bounds of one item. Fields that were not sent or left empty bound nothing.
pub(super) fn read(form: &Fields, item: &ConsentItem, now: Timestamp) -> Result<Chosen, Problems> {
    let mut problems = Problems::new();
    let mut noted = |name: String, problem: String| {
        problems.insert(name, problem);
    };
    let expires_at = end(form, &item.id, now).unwrap_or_else(|(name, problem)| {
        noted(name, problem);
        None
    });
    let uses = uses(form.text(&uses_name(&item.id))).unwrap_or_else(|problem| {
        noted(uses_name(&item.id), problem);
        None
    });
    let mut limits = Vec::new();
    for (place, limit) in item.adjustable.iter().enumerate() {
        let range = match &limit.range {
            Range::Numbers { min, max } => {
                let bounds = (min.as_ref(), max.as_ref());
                numbers(form, &item.id, place, bounds, &mut noted)
            }
            Range::OneOf(values) => choice(form, &item.id, place, values, &mut noted),
        };
        limits.extend(range.map(|range| Limit {
            field: limit.field.clone(),
            range,
        }));
    }
    if problems.is_empty() {
        let id = item.id.clone();
        Ok(Chosen {
            id,
            expires_at,
            uses,
            limits,
        })
    } else {
        Err(problems)
    }
}

fn end(form: &Fields, id: &str, now: Timestamp) -> Result<Option<Timestamp>, (String, String)> {
    let chosen = form.text(&ends_name(id));
    if let Some((_, _, span)) = SPANS.iter().find(|(name, ..)| *name == chosen) {
        return Ok(Some(now.plus(*span)));
    }
    if chosen != ON_A_DAY {
        return Ok(None);
    }
    let wrong = |problem: &str| (day_name(id), problem.to_owned());
    let end = end_of_day(form.text(&day_name(id)).trim());
    let end =
        end.ok_or_else(|| wrong("Give the day as year, month and day, such as 2030-12-31."))?;
    if end <= now {
        return Err(wrong("This day is over."));
    }
    Ok(Some(end))
}

/// The end of a day in UTC, from `2030-12-31`.
fn end_of_day(typed: &str) -> Option<Timestamp> {
    let mut parts = typed.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 {
        return None;
    }
    let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
    let date = Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()?;
    let next = date.next_day()?.with_time(Time::MIDNIGHT).assume_utc();
    Some(Timestamp::from_seconds(next.unix_timestamp()))
}

fn uses(typed: &str) -> Result<Option<NonZeroU32>, String> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Ok(None);
    }
    let number = typed.parse::<NonZeroU32>().ok();
    number
        .filter(|number| number.get() <= MOST_USES)
        .map(Some)
        .ok_or_else(|| {
            let words = say("Give a whole number from 1 to {most}, or nothing.");
            words.with("most", MOST_USES).to_string()
        })
}

/// Numbers of one's own, where they differ from those asked for.
fn numbers(
    form: &Fields,
    id: &str,
    place: usize,
    (asked_min, asked_max): (Option<&Number>, Option<&Number>),
    noted: &mut impl FnMut(String, String),
) -> Option<Range> {
    let mut typed = |name: String| {
        number(form.text(&name), asked_min, asked_max).unwrap_or_else(|problem| {
            noted(name, problem);
            None
        })
    };
    let (least, most) = (typed(least_name(id, place)), typed(most_name(id, place)));
    if let (Some(least), Some(most)) = (&least, &most)
        && value(least) > value(most)
    {
        let problem = say("Has to be {least} or more, which is the least you allow.");
        noted(
            most_name(id, place),
            problem.with("least", least).to_string(),
        );
    }
    let (min, max) = (
        least.or_else(|| asked_min.cloned()),
        most.or_else(|| asked_max.cloned()),
    );
    let differs = min.as_ref() != asked_min || max.as_ref() != asked_max;
    differs.then_some(Range::Numbers { min, max })
}

fn number(
    typed: &str,
    min: Option<&Number>,
    max: Option<&Number>,
) -> Result<Option<Number>, String> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Ok(None);
    }
    let number = serde_json::from_str::<Number>(typed)
        .map_err(|_| "Give a number such as 50 or 12.5, or nothing.".to_owned())?;
    if let Some(max) = max.filter(|max| value(&number) > value(max)) {
        return Err(say("Only up to {max} was asked for.")
            .with("max", max)
            .to_string());
    }
    if let Some(min) = min.filter(|min| value(&number) < value(min)) {
        return Err(say("Only from {min} on was asked for.")
            .with("min", min)
            .to_string());
    }
    Ok(Some(number))
}

/// For telling a person; the rules compare exactly.
fn value(number: &Number) -> f64 {
    number.as_f64().unwrap_or(f64::NAN)
}

/// A choice of one's own, where something was left out.
fn choice(
    form: &Fields,
    id: &str,
    place: usize,
    values: &[Value],
    noted: &mut impl FnMut(String, String),
) -> Option<Range> {
    let was_shown = form
        .all(&among_name(id))
        .any(|shown| shown == place.to_string());
    if !was_shown {
        return None;
    }
    let name = one_of_name(id, place);
    let ticked = |at: usize| form.all(&name).any(|sent| sent == at.to_string());
    let left: Vec<_> = (values.iter().enumerate())
        .filter(|(at, _)| ticked(*at))
        .map(|(_, value)| value.clone())
        .collect();
    if left.is_empty() {
        noted(name, "Leave at least one.".to_owned());
    }
    (left.len() < values.len()).then_some(Range::OneOf(left))
}

/// More than anybody counts.
const MOST_USES: u32 = 1_000_000;

#[cfg(test)]
mod tests {
    use procura_people::presence::Strength;
    use serde_json::json;

    use super::*;

    /// 2026-02-25T10:00:00Z
    const NOW: Timestamp = Timestamp::from_millis(1_772_013_600_000);

    fn item() -> ConsentItem {
        let limit = |field: &str, range| Limit {
            field: field.to_owned(),
            range,
        };
        ConsentItem {
            id: "g1".to_owned(),
            name: "pay".to_owned(),
            description: String::new(),
            limits: Vec::new(),
            adjustable: vec![
                limit(
                    "amount",
                    Range::Numbers {
                        min: None,
                        max: Some(1000.into()),
                    },
                ),
                limit("currency", Range::OneOf(vec![json!("EUR"), json!("USD")])),
            ],
            strength: Strength::FreshSignIn,
            form: None,
        }
    }

    fn read_from(form: &str) -> Result<Chosen, Problems> {
        read(&Fields::parse(form.as_bytes()), &item(), NOW)
    }

    #[test]
    fn what_is_left_empty_bounds_nothing() {
        let untouched = "ends-g1=&day-g1=&uses-g1=+&least-g1-0=&most-g1-0=&among-g1=1\
            &one-of-g1-1=0&one-of-g1-1=1";
        for form in [
            "",
            untouched,
            "ends-g1=forever",
            "uses-other=3",
            "most-g1-0=1000",
        ] {
            assert_eq!(read_from(form), Ok(Chosen::as_asked("g1")), "{form}");
        }
    }

    #[test]
    fn an_end_is_a_span_or_the_end_of_a_day() {
        let end = |form: &str| read_from(form).map(|chosen| chosen.expires_at);
        assert_eq!(
            end("ends-g1=hour"),
            Ok(Some(NOW.plus(Duration::from_hours(1))))
        );
        let tonight = NOW.plus(Duration::from_hours(14));
        assert_eq!(end("ends-g1=on&day-g1=2026-02-25"), Ok(Some(tonight)));
        assert_eq!(end("ends-g1=&day-g1=2020-01-01"), Ok(None));
        for day in [
            "2026-02-24",
            "2026-02-30",
            "26-2-25",
            "",
            "tomorrow",
            "2026-02-25-1",
        ] {
            let problems = end(&format!("ends-g1=on&day-g1={day}")).unwrap_err();
            assert!(problems.contains_key("day-g1"), "{day}");
        }
    }

    #[test]
    fn uses_are_a_whole_number() {
        let uses = |typed: &str| read_from(&format!("uses-g1={typed}")).map(|chosen| chosen.uses);
        assert_eq!(uses("+3+"), Ok(NonZeroU32::new(3)));
        for wrong in ["0", "-1", "1.5", "many", "1000001", "99999999999"] {
            assert!(uses(wrong).unwrap_err().contains_key("uses-g1"), "{wrong}");
        }
    }

    // AA-2.13-06
    #[test]
    fn limits_are_tightened_within_what_was_asked_for() {
        let limits = |form: &str| read_from(form).map(|chosen| chosen.limits);
        let range = |least: Option<i64>, most: i64| Limit {
            field: "amount".to_owned(),
            range: Range::Numbers {
                min: least.map(Into::into),
                max: Some(most.into()),
            },
        };
        assert_eq!(limits("most-g1-0=50"), Ok(vec![range(None, 50)]));
        assert_eq!(limits("least-g1-0=5"), Ok(vec![range(Some(5), 1000)]));
        let euros = Limit {
            field: "currency".to_owned(),
            range: Range::OneOf(vec![json!("EUR")]),
        };
        assert_eq!(limits("among-g1=1&one-of-g1-1=0"), Ok(vec![euros]));
        for (wrong, field) in [
            ("most-g1-0=1001", "most-g1-0"),
            ("least-g1-0=1e9", "least-g1-0"),
            ("most-g1-0=lots", "most-g1-0"),
            ("most-g1-0=NaN", "most-g1-0"),
            ("least-g1-0=9&most-g1-0=8", "most-g1-0"),
            ("among-g1=1", "one-of-g1-1"),
            ("among-g1=1&one-of-g1-1=7", "one-of-g1-1"),
        ] {
            let problems = limits(wrong).unwrap_err();
            assert_eq!(problems.keys().collect::<Vec<_>>(), [field], "{wrong}");
        }
    }
}
