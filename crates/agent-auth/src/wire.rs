//! What travels: request and response bodies, member by member as §5 names them.
//!
//! Requests ignore members they do not know. Responses omit members that have no value.

pub mod approval;
pub mod capability;
pub mod discovery;
pub mod execute;
pub mod grant;
pub mod introspect;
pub mod lifecycle;
pub mod register;
pub mod status;
#[cfg(test)]
mod tests;
