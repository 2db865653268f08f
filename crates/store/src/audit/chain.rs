//! Checking a log: that its records form one chain, that each activity that is gone was erased on record,
//! and that it begins where it says it was cut off.

use std::collections::BTreeMap;

use procura_keys::clock::Timestamp;
use procura_keys::digest::{from_base64url, to_base64url};
use serde_json::{Value, json};

use super::{AuditRecord, CUT, ERASED, GENESIS};

/// Where a log stops being trustworthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainBreak {
    /// A record is missing, or stands where it does not belong.
    #[error("record {expected} is missing: record {found} stands in its place")]
    Gap {
        /// The place that should come.
        expected: i64,
        /// The one that does.
        found: i64,
    },
    /// A record was changed.
    #[error("record {0} was changed")]
    Changed(i64),
    /// A record does not follow from the one before.
    #[error("record {0} does not follow from the one before")]
    Unchained(i64),
    /// A record has no activity, and no later one says that it was erased.
    #[error("the activity of record {0} is gone, and no record says that it was erased")]
    Lost(i64),
    /// The log does not begin with its first record, and no later one says that it was cut off there.
    #[error("the log begins with record {0}, and no record says that it was cut off there")]
    CutOff(i64),
}

/// Checks that `record` follows the last one.
pub fn check_link(last: Option<(i64, [u8; 32])>, record: &AuditRecord) -> Result<(), ChainBreak> {
    let (sequence, previous) = last.map_or((1, GENESIS), |(sequence, hash)| (sequence + 1, hash));
    if record.sequence != sequence {
        Err(ChainBreak::Gap {
            expected: sequence,
            found: record.sequence,
        })
    } else if !record.is_intact() {
        Err(ChainBreak::Changed(sequence))
    } else if record.previous != previous {
        Err(ChainBreak::Unchained(sequence))
    } else {
        Ok(())
    }
}

/// Checks a whole log, record by record.
#[derive(Debug, Default)]
pub struct ChainCheck {
    last: Option<(i64, [u8; 32])>,
    /// The place and hash that a log cut off at its beginning goes on from, until a record confirms it.
    unconfirmed: Option<(i64, [u8; 32])>,
    log: CheckedLog,
    missing: Places,
}

/// What a log turned out to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckedLog {
    /// The place of the first record.
    pub first: Option<i64>,
    /// The place and hash of the last record.
    pub last: Option<(i64, [u8; 32])>,
    /// How many records there are.
    pub records: i64,
    /// How many of them have lost their activity.
    pub erased: i64,
    /// What was erased, and when, in order.
    pub erasures: Vec<Erasure>,
    /// Where the log was cut off, in order.
    pub cuts: Vec<Cut>,
}

impl ChainCheck {
    /// Takes the next record.
    pub fn add(&mut self, record: &AuditRecord) -> Result<(), ChainBreak> {
        if self.last.is_none() && record.sequence > 1 {
            let before = (record.sequence - 1, record.previous);
            self.unconfirmed = Some(before);
            self.last = Some(before);
        }
        check_link(self.last, record)?;
        self.last = Some((record.sequence, record.hash));
        self.log.first.get_or_insert(record.sequence);
        self.log.last = self.last;
        self.log.records += 1;
        if record.activity.is_none() {
            self.log.erased += 1;
            self.missing.add(record.sequence);
        }
        if let Some(erasure) = Erasure::of(record) {
            self.missing.remove_all(&erasure.places);
            self.log.erasures.push(erasure);
        }
        if let Some(cut) = Cut::of(record) {
            if self.unconfirmed == Some((cut.through, cut.hash)) {
                self.unconfirmed = None;
            }
            self.log.cuts.push(cut);
        }
        Ok(())
    }

    /// Whether everything that is gone is accounted for.
    pub fn finish(self) -> Result<CheckedLog, ChainBreak> {
        if let Some((through, _)) = self.unconfirmed {
            Err(ChainBreak::CutOff(through + 1))
        } else if let Some(place) = self.missing.first() {
            Err(ChainBreak::Lost(place))
        } else {
            Ok(self.log)
        }
    }

    /// What was found so far.
    pub fn so_far(&self) -> CheckedLog {
        self.log.clone()
    }

    /// The last record that was found good.
    pub fn last(&self) -> Option<(i64, [u8; 32])> {
        self.last
    }
}

/// A record that says which activity was erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// When.
    pub at: Timestamp,
    /// Why: `person`, or `age`.
    pub why: String,
    /// Of which records.
    pub places: Places,
}

impl Erasure {
    fn of(record: &AuditRecord) -> Option<Self> {
        let activity = record
            .activity
            .as_ref()
            .filter(|_| record.event == ERASED)?;
        Some(Self {
            at: record.at,
            why: activity.detail["why"].as_str()?.to_owned(),
            places: Places::read(activity.detail["records"].as_str()?)?,
        })
    }

    /// The detail of the record of an erasure.
    pub fn detail(why: &str, places: &Places) -> Value {
        json!({ "why": why, "records": places.to_string() })
    }
}

/// A record that says up to where the log was cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// When.
    pub at: Timestamp,
    /// The last record that went.
    pub through: i64,
    /// Its hash.
    pub hash: [u8; 32],
}

impl Cut {
    fn of(record: &AuditRecord) -> Option<Self> {
        let activity = record.activity.as_ref().filter(|_| record.event == CUT)?;
        let hash = from_base64url(activity.detail["hash"].as_str()?)?;
        Some(Self {
            at: record.at,
            through: activity.detail["through"].as_i64()?,
            hash: hash.try_into().ok()?,
        })
    }

    /// The detail of the record of a cut.
    pub fn detail(last: &AuditRecord) -> Value {
        json!({ "through": last.sequence, "hash": to_base64url(&last.hash) })
    }
}

/// Places in the log. Prints as `3-17,20`, however many they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// From the first of each run of places to its last. Runs do not touch.
    runs: BTreeMap<i64, i64>,
}

impl Places {
    /// Places in order.
    pub fn of(places: &[i64]) -> Self {
        let mut all = Self::default();
        for place in places {
            all.add(*place);
        }
        all
    }

    /// How many.
    pub fn count(&self) -> i64 {
        let count = |(first, last): (&i64, &i64)| last.saturating_sub(*first).saturating_add(1);
        self.runs.iter().map(count).fold(0, i64::saturating_add)
    }

    /// The first.
    pub fn first(&self) -> Option<i64> {
        self.runs.keys().next().copied()
    }

    /// Adds one that comes after all the others.
    fn add(&mut self, place: i64) {
        match self.runs.last_entry() {
            Some(mut run) if *run.get() + 1 == place => *run.get_mut() = place,
            _ => {
                self.runs.insert(place, place);
            }
        }
    }

    fn remove_all(&mut self, others: &Self) {
        for (first, last) in &others.runs {
            self.remove(*first, *last);
        }
    }

    fn remove(&mut self, first: i64, last: i64) {
        let starts: Vec<_> = self.runs.range(..=last).map(|(start, _)| *start).collect();
        for start in starts.into_iter().rev() {
            let Some(end) = self.runs.get(&start).copied().filter(|end| *end >= first) else {
                break;
            };
            self.runs.remove(&start);
            if start < first {
                self.runs.insert(start, first - 1);
            }
            if end > last {
                self.runs.insert(last + 1, end);
            }
        }
    }

    fn read(text: &str) -> Option<Self> {
        let mut all = Self::default();
        for run in text.split(',') {
            let (first, last) = run.split_once('-').unwrap_or((run, run));
            let (first, last) = (first.parse().ok()?, last.parse().ok()?);
            all.runs.insert(first, last);
        }
        Some(all)
    }
}

impl std::fmt::Display for Places {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (number, (first, last)) in self.runs.iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            if first == last {
                write!(f, "{comma}{first}")?;
            } else {
                write!(f, "{comma}{first}-{last}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
