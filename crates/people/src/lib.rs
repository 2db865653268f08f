//! People: who they are, how they sign in, what their presence proves, and what they are asked to decide.
//!
//! Pure rules: time, salts and records are arguments. Protocols meet people only through [`consent`].

pub mod consent;
pub mod lookalike;
pub mod password;
pub mod person;
pub mod presence;
pub mod session;
pub mod warning;
