//! Procura's store in one SQLite file.
//!
//! One connection writes and a few read, so writers queue in the process instead of failing on a
//! busy file, and readers never wait (write-ahead log). A commit survives the end of the process at
//! any moment.
//!
//! Statements are checked when this crate is compiled, against the answers kept in `.sqlx`. After a
//! change to a statement or a migration, renew them from the root of the repository:
//!
//! ```text
//! rm -f target/schema.db crates/store-sqlite/.sqlx/* &&
//! cat crates/store-sqlite/migrations/* | sqlite3 target/schema.db &&
//! touch crates/store-sqlite/src/lib.rs &&
//! DATABASE_URL=sqlite:target/schema.db SQLX_OFFLINE=false \
//!     SQLX_OFFLINE_DIR=$PWD/crates/store-sqlite/.sqlx cargo check -p procura-store-sqlite
//! ```

mod agents;
mod approvals;
mod audit;
mod column;
mod error;
mod grants;
mod hosts;
mod persons;
mod replay;
mod sessions;
mod store;
mod transaction;

pub use error::OpenError;
pub use store::SqliteStore;
