//! The contract of every store, kept by this one, and what only a file can do.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the tests share functions that open stores and files"
)]

mod audit_log;
mod backup;
mod contract;
mod file;
#[path = "../../../store-sql/tests/filled.rs"]
mod filled;
mod model;
mod plans;
mod rows;
mod support;
