//! The contract of every store, kept by this one, and what only a database server can do.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the tests share functions that start servers and open stores"
)]

mod audit_log;
mod contract;
#[path = "../../../store-sql/tests/filled.rs"]
mod filled;
mod model;
mod nodes;
mod plans;
mod rows;
mod server;
mod sessions;
mod support;
