//! The Agent Auth Protocol 1.0-draft as pure rules: states, lifetimes, constraints, tokens, decisions, wire
//! shapes and refusals.
//!
//! `now`, random bytes, stored records and policy come in as arguments; decisions come out as values. No
//! function here waits, reads a clock, draws randomness or touches a store, so every rule can be shown by a
//! table of cases.

pub mod agent;
pub mod algorithm;
pub mod approval;
pub mod capability;
pub mod compat;
pub mod constraint;
pub mod escalation;
pub mod execution;
#[cfg(test)]
mod fixtures;
pub mod grant;
pub mod host;
pub mod id;
pub mod jwks;
pub mod lifetime;
pub mod method;
pub mod notice;
pub mod notification;
pub mod reactivation;
pub mod refusal;
pub mod registration;
pub mod request;
pub mod text;
pub mod token;
pub mod user_code;
pub mod wire;
