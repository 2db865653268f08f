//! `[housekeeping]`: for how long what is kept, and how often to look (AAP §7.1, §10.9).

use std::time::Duration;

use serde::Deserialize;

use super::span::{Span, SpanOrOff};

/// The section.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct HousekeepingSection {
    pub(super) every: Span,
    pub(super) pending: SpanOrOff,
    pub(super) requests: SpanOrOff,
    pub(super) ended_grants: SpanOrOff,
}

/// `audit.removed_people`: what becomes of the activity of people whose account is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RemovedPeople {
    /// It is erased with the account.
    Erase,
    /// It stays for as long as everybody's.
    Keep,
}

impl HousekeepingSection {
    /// Whoever looks every second does nothing else.
    pub(super) fn judge(&self) -> Result<(), String> {
        if self.every.0 < Duration::from_secs(1) {
            return Err("housekeeping.every: has to be at least 1s".to_owned());
        }
        Ok(())
    }
}

impl Default for HousekeepingSection {
    fn default() -> Self {
        Self {
            every: Span(Duration::from_mins(10)),
            pending: SpanOrOff(Some(7 * DAY)),
            requests: SpanOrOff(Some(30 * DAY)),
            ended_grants: SpanOrOff(Some(90 * DAY)),
        }
    }
}

const DAY: Duration = Duration::from_hours(24);
/// 365 days.
pub(super) const YEAR: Duration = Duration::from_hours(24 * 365);
