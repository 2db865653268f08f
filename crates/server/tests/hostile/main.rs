//! Everything in `vectors/agent-auth/hostile`, sent to a server: nothing is accepted, nothing breaks it, every answer
//! has the protocol's form, and no single request makes the process hold much memory (§5.13).
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod keys;
mod limits;
mod memory;
mod messages;
#[path = "../../../../vectors/agent-auth/hostile/reader.rs"]
mod reader;
mod server;
mod settings;
#[expect(dead_code, reason = "shared with tests that need more of it")]
#[path = "../support/mod.rs"]
mod support;
mod texts;
mod tokens;
mod urls;
mod wires;
