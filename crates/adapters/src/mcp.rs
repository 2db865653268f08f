//! Capabilities carried out by a server of the Model Context Protocol: a process that is spoken to over its standard
//! input and output, or a service that is spoken to over HTTP.
//!
//! [`McpServer`] keeps the process or the session: it is started again when it ends or falls silent, after a pause that
//! grows. [`derive()`] turns each of its tools into a name, a description, an input and an output schema; one that
//! cannot be offered is set aside with the reason. [`Tool`] carries a call out.
//!
//! The process sees a tool's name and its checked arguments. It sees no token, nobody's identity, and of the
//! environment only what the operator listed. It may not ask anything back: no sampling, no roots, no elicitation.

mod answer;
mod call;
mod derive;
mod form;
mod health;
mod heard;
mod link;
mod progress;
pub mod rule;
mod server;
mod session;
mod tool;

pub use self::derive::{Derivation, Derived, Selection, derive};
pub use self::form::form;
pub use self::server::{McpServer, McpSettings, Program, Way};
pub use self::tool::Tool;

#[cfg(test)]
mod tests;
