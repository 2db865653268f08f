//! What tests say on their own account, and what they are told.

use std::io::Write as _;

/// A line for the log of the run. Tests that pass keep what they print to themselves; this is shown.
pub(crate) fn line(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A number from the environment.
#[expect(
    clippy::disallowed_methods,
    reason = "a test has no configuration to read it from"
)]
pub(crate) fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name} has to be a number")),
        Err(_) => default,
    }
}
