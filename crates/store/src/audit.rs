//! The audit log: append-only records, each carrying the hash of the one before.
//!
//! A record has two parts. What happened, when and how it ended stays for good. Its [`Activity`], who did
//! what to whom, is about people and can be erased (AAP §9.2): the chain holds a salted digest of it and
//! not the activity itself, so it holds together without.

mod chain;

use async_trait::async_trait;
use procura_agent_auth::id::UserId;
use procura_keys::clock::Timestamp;
use procura_keys::digest::{sha256, to_base64url};
use serde_json::{Value, json};

use crate::StoreResult;

pub use self::chain::{ChainBreak, ChainCheck, CheckedLog, Cut, Erasure, Places, check_link};

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
    /// When.
    pub at: Timestamp,
    /// What happened, as a dotted name.
    pub event: String,
    /// `ok`, or the code of the refusal.
    pub outcome: String,
    /// Who did what to whom; absent once it was erased.
    pub activity: Option<Activity>,
    /// The digest of the activity, erased or not.
    pub activity_hash: [u8; 32],
    /// The hash of the record before; [`GENESIS`] for the first.
    pub previous: [u8; 32],
    /// The hash of this record.
    pub hash: [u8; 32],
}

/// The part of a record that is about people.
#[derive(Clone, Debug, PartialEq)]
pub struct Activity {
    /// Who did it.
    pub actor: String,
    /// The person concerned.
    pub user_id: Option<String>,
    /// The host concerned.
    pub host_id: Option<String>,
    /// The agent concerned.
    pub agent_id: Option<String>,
    /// The capability concerned.
    pub capability: Option<String>,
    /// The `jti` of the token that asked for it.
    pub jti: Option<String>,
    /// Whatever else belongs to it; an object.
    pub detail: Value,
    /// Random, so that nobody can find out by trying what an erased activity was.
    pub salt: [u8; 16],
}

/// What the first record names as the one before it.
pub const GENESIS: [u8; 32] = [0; 32];

/// The event of a record that says which activity was erased.
pub const ERASED: &str = "activity.erased";
/// The event of a record that says up to where the log was cut off.
pub const CUT: &str = "audit.cut";

impl Activity {
    /// Object members print in alphabetical order, so equal contents have one form.
    fn hash(&self) -> [u8; 32] {
        sha256(self.to_value().to_string().as_bytes())
    }

    fn to_value(&self) -> Value {
        json!({
            "actor": self.actor,
            "user_id": self.user_id,
            "host_id": self.host_id,
            "agent_id": self.agent_id,
            "capability": self.capability,
            "jti": self.jti,
            "detail": self.detail,
            "salt": to_base64url(&self.salt),
        })
    }
}

impl AuditRecord {
    /// The record that follows `(sequence, hash)` of the last one. Its salt comes from `seed` and its place.
    pub fn following(last: Option<(i64, [u8; 32])>, entry: AuditEntry, seed: &[u8; 32]) -> Self {
        let (sequence, previous) =
            last.map_or((1, GENESIS), |(sequence, hash)| (sequence + 1, hash));
        let activity = Activity {
            actor: entry.actor,
            user_id: entry.user_id,
            host_id: entry.host_id,
            agent_id: entry.agent_id,
            capability: entry.capability,
            jti: entry.jti,
            detail: entry.detail,
            salt: salt(seed, sequence),
        };
        let mut record = Self {
            sequence,
            at: entry.at,
            event: entry.event,
            outcome: entry.outcome,
            activity_hash: activity.hash(),
            activity: Some(activity),
            previous,
            hash: GENESIS,
        };
        record.hash = record.computed_hash();
        record
    }

    /// What was written, unless it was erased.
    pub fn entry(&self) -> Option<AuditEntry> {
        let activity = self.activity.clone()?;
        Some(AuditEntry {
            at: self.at,
            event: self.event.clone(),
            actor: activity.actor,
            user_id: activity.user_id,
            host_id: activity.host_id,
            agent_id: activity.agent_id,
            capability: activity.capability,
            outcome: self.outcome.clone(),
            jti: activity.jti,
            detail: activity.detail,
        })
    }

    /// Whether the record's hashes fit what it holds.
    pub fn is_intact(&self) -> bool {
        let fits = |activity: &Activity| activity.hash() == self.activity_hash;
        self.activity.as_ref().is_none_or(fits) && self.hash == self.computed_hash()
    }

    /// Whether its activity may be erased: that of the log's own records proves what happened to others.
    pub fn is_erasable(&self) -> bool {
        self.activity.is_some() && self.event != ERASED && self.event != CUT
    }

    /// The form for exports. Without its activity once that was erased.
    pub fn to_value(&self) -> Value {
        let mut value = self.chained();
        value["hash"] = json!(to_base64url(&self.hash));
        if let (Value::Object(members), Some(Value::Object(activity))) =
            (&mut value, self.activity.as_ref().map(Activity::to_value))
        {
            members.extend(activity);
        }
        value
    }

    fn computed_hash(&self) -> [u8; 32] {
        sha256(self.chained().to_string().as_bytes())
    }

    fn chained(&self) -> Value {
        json!({
            "sequence": self.sequence,
            "at": self.at.as_millis(),
            "event": self.event,
            "outcome": self.outcome,
            "activity_hash": to_base64url(&self.activity_hash),
            "previous": to_base64url(&self.previous),
        })
    }
}

/// The log.
#[async_trait]
pub trait AuditStore {
    /// Gives the transaction the random bytes that the records it appends are salted with. Without any, the
    /// salts can be guessed, which is for tests.
    fn salt_audit(&mut self, seed: [u8; 32]);
    /// Adds records at the end of the log, in this order.
    async fn append_audit(&mut self, entries: Vec<AuditEntry>) -> StoreResult<()>;
    /// Records after this place, in order.
    async fn list_audit(&mut self, after: i64, limit: u32) -> StoreResult<Vec<AuditRecord>>;
    /// The last records, in order.
    async fn list_last_audit(&mut self, limit: u32) -> StoreResult<Vec<AuditRecord>>;
    /// Records after this place that concern a person, in order: those that name the person and, of those that
    /// name nobody, the ones about the person's agents and hosts. So what an agent did before it was claimed
    /// concerns whoever claimed it (AAP §2.10).
    async fn list_activity(
        &mut self,
        user: &UserId,
        after: i64,
        limit: u32,
    ) -> StoreResult<Vec<AuditRecord>>;
    /// The last such records before this place, newest first.
    async fn list_last_activity(
        &mut self,
        user: &UserId,
        before: i64,
        limit: u32,
    ) -> StoreResult<Vec<AuditRecord>>;
    /// Erases the activity of records that concern a person, the oldest first. Returns their places, in order.
    async fn erase_activity_of(&mut self, user: &UserId, limit: u32) -> StoreResult<Vec<i64>>;
    /// Erases the activity of records from before a moment, the oldest first. Returns their places, in order.
    async fn erase_activity_before(
        &mut self,
        before: Timestamp,
        limit: u32,
    ) -> StoreResult<Vec<i64>>;
    /// Drops the records up to this place. The one that says so has to be in the log already.
    async fn cut_audit(&mut self, through: i64) -> StoreResult<()>;
}

fn salt(seed: &[u8; 32], sequence: i64) -> [u8; 16] {
    let digest = sha256(&[seed.as_slice(), &sequence.to_be_bytes()].concat());
    let mut salt = [0; 16];
    salt.copy_from_slice(&digest[..16]);
    salt
}
