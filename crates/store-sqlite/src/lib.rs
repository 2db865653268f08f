//! Procura's store in one SQLite file.
//!
//! One connection writes and a few read, so writers queue in the process instead of failing on a
//! busy file, and readers never wait (write-ahead log). A commit survives the end of the process at
//! any moment.
//!
//! Most statements are the same text as those for PostgreSQL, in `crates/store-sql`; `dialect` has
//! the others. All are checked when this crate is compiled, against the answers kept in `.sqlx`. After
//! a change to a statement or a migration, `.ci/run sql` renews them.

#[path = "../../store-sql/src/agents.rs"]
mod agents;
#[path = "../../store-sql/src/approvals.rs"]
mod approvals;
#[path = "../../store-sql/src/audit.rs"]
mod audit;
mod backup;
#[path = "../../store-sql/src/challenges.rs"]
mod challenges;
#[path = "../../store-sql/src/column.rs"]
mod column;
mod dialect;
mod error;
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
pub use store::SqliteStore;
