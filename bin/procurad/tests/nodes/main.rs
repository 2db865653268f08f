//! The real program, several times on one real PostgreSQL.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot set up its scene has failed"
)]

mod agents;
mod scene;
#[path = "../../../../crates/store-postgres/tests/postgres/server.rs"]
mod server;
mod together;
mod wire;
