//! Points in time and spans of it, as people say them.

use std::time::Duration;

use procura_keys::clock::Timestamp;
use time::{Month, OffsetDateTime};

use super::words::say;

/// A point in time: `14:05 UTC` today, with the date on other days.
pub(crate) fn moment(at: Timestamp, now: Timestamp) -> String {
    let (Some(at_utc), Some(now)) = (utc(at), utc(now)) else {
        return at.to_string();
    };
    let clock = format!("{:02}:{:02} UTC", at_utc.hour(), at_utc.minute());
    if at_utc.date() == now.date() {
        clock
    } else {
        format!("{clock} {}", date(at_utc))
    }
}

/// How long ago it was, or on which day when that is long: `5 minutes ago`, `on 26 February 2026`.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> String {
    let since = now.since(at);
    match since.as_secs() {
        0..60 => say("just now").to_string(),
        60..2_592_000 => past(since.as_secs() / 60),
        _ => day(at),
    }
}

fn day(at: Timestamp) -> String {
    match utc(at) {
        Some(at) => date(at),
        None => at.to_string(),
    }
}

fn date(at: OffsetDateTime) -> String {
    say("on {day} {month} {year}")
        .with("day", at.day())
        .with("month", say(month(at.month())))
        .with("year", at.year())
        .to_string()
}

fn month(month: Month) -> &'static str {
    match month {
        Month::January => "January",
        Month::February => "February",
        Month::March => "March",
        Month::April => "April",
        Month::May => "May",
        Month::June => "June",
        Month::July => "July",
        Month::August => "August",
        Month::September => "September",
        Month::October => "October",
        Month::November => "November",
        Month::December => "December",
    }
}

/// A span, cut down to its largest unit: `9 minutes`, `1 hour`. Below a minute it is `less than a minute`.
pub(crate) fn span(duration: Duration) -> String {
    let minutes = duration.as_secs() / 60;
    match minutes {
        0 => say("less than a minute").to_string(),
        1..60 => count(minutes, "1 minute", "{n} minutes"),
        60..1440 => count(minutes / 60, "1 hour", "{n} hours"),
        _ => count(minutes / 1440, "1 day", "{n} days"),
    }
}

fn past(minutes: u64) -> String {
    match minutes {
        0..60 => count(minutes, "1 minute ago", "{n} minutes ago"),
        60..1440 => count(minutes / 60, "1 hour ago", "{n} hours ago"),
        _ => count(minutes / 1440, "1 day ago", "{n} days ago"),
    }
}

/// How long to wait, rounded up so that coming back then is not too early.
pub(super) fn wait(duration: Duration) -> String {
    let seconds = duration.as_millis().div_ceil(1000).max(1);
    match u64::try_from(seconds).unwrap_or(u64::MAX) {
        seconds @ 0..60 => count(seconds, "1 second", "{n} seconds"),
        seconds => count(seconds.div_ceil(60), "1 minute", "{n} minutes"),
    }
}

fn count(number: u64, one: &'static str, many: &'static str) -> String {
    match number {
        1 => say(one).to_string(),
        _ => say(many).with("n", number).to_string(),
    }
}

fn utc(at: Timestamp) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(at.as_seconds()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_names_its_day_only_when_it_is_another() {
        let now = Timestamp::from_seconds(1_772_013_600);
        assert_eq!(moment(now.plus(Duration::from_mins(9)), now), "10:09 UTC");
        assert_eq!(
            moment(now.plus(Duration::from_hours(14)), now),
            "00:00 UTC on 26 February 2026"
        );
        assert_eq!(
            moment(Timestamp::from_millis(i64::MAX), now),
            format!("{}ms", i64::MAX)
        );
    }

    #[test]
    fn what_was_long_ago_has_a_date() {
        let now = Timestamp::from_seconds(1_772_013_600);
        let before = |seconds| ago(now.minus(Duration::from_secs(seconds)), now);
        assert_eq!(before(59), "just now");
        assert_eq!(before(60), "1 minute ago");
        assert_eq!(before(2_591_999), "29 days ago");
        assert_eq!(before(2_592_000), "on 26 January 2026");
        assert_eq!(ago(now.plus(Duration::from_secs(9)), now), "just now");
    }

    #[test]
    fn spans_are_cut_down_and_waits_rounded_up() {
        let seconds = Duration::from_secs;
        assert_eq!(span(seconds(59)), "less than a minute");
        assert_eq!(span(seconds(60)), "1 minute");
        assert_eq!(span(seconds(599)), "9 minutes");
        assert_eq!(span(seconds(7199)), "1 hour");
        assert_eq!(span(seconds(200_000)), "2 days");
        assert_eq!(wait(Duration::from_millis(1)), "1 second");
        assert_eq!(wait(Duration::from_millis(59_001)), "1 minute");
        assert_eq!(wait(seconds(61)), "2 minutes");
    }
}
