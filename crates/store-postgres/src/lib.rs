//! Procura's store in a PostgreSQL database.
//!
//! # One writer at a time
//!
//! The rules decide on what they have read, and rely on nobody writing in between. So writers take turns.
//!
//! A process that is [alone](PostgresStore::connect) with its database writes through one session, which holds an advisory lock for as long as it lives: writers
//! of this process take turns for it, and a second process cannot get the lock and does not start.
//! A session that breaks loses the lock and, with it, every right to write; the next one has to win
//! it again, and to find that no other process has had it meanwhile. That makes write transactions serial by construction, so `READ COMMITTED` is enough for
//! them, none has to be repeated because of another, and the audit log grows without gaps. Optimistic
//! isolation would let more of them run, only to have them meet at the end of the log.
//!
//! Of [several processes](PostgresStore::join) each has a session that writes. They hold the same advisory lock, but
//! as a shared one, so that they keep out whoever wants to be alone, and not each other. A second lock, for the time of
//! each transaction, gives them their turns: a transaction that has it sees all that was committed
//! before. The database ends a session that keeps its turn and does nothing with it. What the others change, a process
//! is told by the database, see `feed`.
//!
//! Read transactions see one snapshot (`REPEATABLE READ READ ONLY`), on sessions of their own.
//!
//! The lock belongs to a session, so a pooler in between has to keep sessions apart, which those
//! that share them between transactions do not.
//!
//! # Statements
//!
//! Most statements are the same text as those for SQLite, in `crates/store-sql`; `dialect` has the
//! others. All are checked when this crate is compiled, against the answers kept in `.sqlx`. After a
//! change to a statement or a migration, `.ci/run sql` renews them.

#[path = "../../store-sql/src/agents.rs"]
mod agents;
#[path = "../../store-sql/src/approvals.rs"]
mod approvals;
#[path = "../../store-sql/src/audit.rs"]
mod audit;
#[path = "../../store-sql/src/challenges.rs"]
mod challenges;
#[path = "../../store-sql/src/column.rs"]
mod column;
mod dialect;
mod error;
mod feed;
#[path = "../../store-sql/src/grants.rs"]
mod grants;
#[path = "../../store-sql/src/hosts.rs"]
mod hosts;
#[path = "../../store-sql/src/housekeeping.rs"]
mod housekeeping;
#[path = "../../store-sql/src/invitations.rs"]
mod invitations;
#[path = "../../store-sql/src/jobs.rs"]
mod jobs;
#[path = "../../store-sql/src/labels.rs"]
mod labels;
#[path = "../../store-sql/src/nodes.rs"]
mod nodes;
#[path = "../../store-sql/src/notices.rs"]
mod notices;
#[path = "../../store-sql/src/openid.rs"]
mod openid;
mod ownership;
#[path = "../../store-sql/src/passkeys.rs"]
mod passkeys;
#[path = "../../store-sql/src/persons.rs"]
mod persons;
#[path = "../../store-sql/src/recovery_codes.rs"]
mod recovery_codes;
#[path = "../../store-sql/src/replay.rs"]
mod replay;
#[path = "../../store-sql/src/search.rs"]
mod search;
#[path = "../../store-sql/src/secrets.rs"]
mod secrets;
#[path = "../../store-sql/src/sessions.rs"]
mod sessions;
mod store;
mod transaction;
#[path = "../../store-sql/src/vault.rs"]
mod vault;

pub use error::OpenError;
pub use store::PostgresStore;
