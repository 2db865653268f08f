//! The audit log: append-only records, each carrying the hash of the one before.

use async_trait::async_trait;
use procura_keys::clock::Timestamp;
use procura_keys::digest::{sha256, to_base64url};
use serde_json::{Value, json};

use crate::StoreResult;

/// What happened, before it has a place in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// What, as a dotted name such as `agent.registered`.
    pub event: String,
    /// Who did it, as a kind and a name such as `user:usr_…` or `agent:agt_…`.
    pub actor: String,
    /// The person concerned.
    pub user_id: Option<String>,
    /// The host concerned.
    pub host_id: Option<String>,
    /// The agent concerned.
    pub agent_id: Option<String>,
    /// The capability concerned.
    pub capability: Option<String>,
    /// `ok`, or the code of the refusal.
    pub outcome: String,
    /// The `jti` of the token that asked for it.
    pub jti: Option<String>,
    /// Whatever else belongs to it; an object.
    pub detail: Value,
}

/// A record in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRecord {
    /// Its place: 1, 2, 3, … without gaps.
    pub sequence: i64,
    /// What happened.
    pub entry: AuditEntry,
    /// The hash of the record before; [`GENESIS`] for the first.
    pub previous: [u8; 32],
    /// The hash of this record.
    pub hash: [u8; 32],
}

/// What the first record names as the one before it.
pub const GENESIS: [u8; 32] = [0; 32];

impl AuditRecord {
    /// The record that follows `(sequence, hash)` of the last one.
    pub fn following(last: Option<(i64, [u8; 32])>, entry: AuditEntry) -> Self {
        let (sequence, previous) =
            last.map_or((1, GENESIS), |(sequence, hash)| (sequence + 1, hash));
        let hash = hash(sequence, &entry, &previous);
        Self {
            sequence,
            entry,
            previous,
            hash,
        }
    }

    /// Whether the record's hash fits its contents.
    pub fn is_intact(&self) -> bool {
        self.hash == hash(self.sequence, &self.entry, &self.previous)
    }

    /// The form for exports.
    pub fn to_value(&self) -> Value {
        let mut value = canonical(self.sequence, &self.entry, &self.previous);
        value["hash"] = json!(to_base64url(&self.hash));
        value
    }
}

/// The log.
#[async_trait]
pub trait AuditStore {
    /// Adds records at the end of the log, in this order.
    async fn append_audit(&mut self, entries: Vec<AuditEntry>) -> StoreResult<()>;
    /// Records after this place, in order.
    async fn list_audit(&mut self, after: i64, limit: u32) -> StoreResult<Vec<AuditRecord>>;
    /// The last records, in order.
    async fn list_last_audit(&mut self, limit: u32) -> StoreResult<Vec<AuditRecord>>;
}

/// Object members print in alphabetical order, so equal contents have one form.
fn hash(sequence: i64, entry: &AuditEntry, previous: &[u8; 32]) -> [u8; 32] {
    sha256(canonical(sequence, entry, previous).to_string().as_bytes())
}

fn canonical(sequence: i64, entry: &AuditEntry, previous: &[u8; 32]) -> Value {
    json!({
        "sequence": sequence,
        "at": entry.at.as_millis(),
        "event": entry.event,
        "actor": entry.actor,
        "user_id": entry.user_id,
        "host_id": entry.host_id,
        "agent_id": entry.agent_id,
        "capability": entry.capability,
        "outcome": entry.outcome,
        "jti": entry.jti,
        "detail": entry.detail,
        "previous": to_base64url(previous),
    })
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> Vec<AuditRecord> {
        let mut last = None;
        let entry = |n: i64| AuditEntry {
            at: Timestamp::from_millis(n),
            event: "agent.registered".into(),
            actor: "host:h".into(),
            user_id: None,
            host_id: Some("h".into()),
            agent_id: Some(format!("a{n}")),
            capability: None,
            outcome: "ok".into(),
            jti: None,
            detail: json!({}),
        };
        (1..=4)
            .map(|n| {
                let record = AuditRecord::following(last, entry(n));
                last = Some((record.sequence, record.hash));
                record
            })
            .collect()
    }

    fn check(log: &[AuditRecord]) -> Result<(), ChainBreak> {
        let mut last = None;
        for record in log {
            check_link(last, record)?;
            last = Some((record.sequence, record.hash));
        }
        Ok(())
    }

    #[test]
    fn a_change_a_drop_and_a_swap_are_found() {
        assert_eq!(check(&log()), Ok(()));
        let mut changed = log();
        changed[1].entry.outcome = "agent_revoked".into();
        assert_eq!(check(&changed), Err(ChainBreak::Changed(2)));
        let mut dropped = log();
        dropped.remove(1);
        assert_eq!(
            check(&dropped),
            Err(ChainBreak::Gap {
                expected: 2,
                found: 3
            })
        );
        let mut swapped = log();
        swapped.swap(1, 2);
        assert_eq!(
            check(&swapped),
            Err(ChainBreak::Gap {
                expected: 2,
                found: 3
            })
        );
    }

    #[test]
    fn a_record_made_anew_does_not_fit_the_ones_after() {
        let mut forged = log();
        let mut entry = forged[1].entry.clone();
        entry.agent_id = Some("other".into());
        forged[1] = AuditRecord::following(Some((1, forged[0].hash)), entry);
        assert_eq!(check(&forged), Err(ChainBreak::Unchained(3)));
    }
}
