//! The endpoints of the Agent Auth Protocol over HTTP: one file for each operation, and one for each
//! concern that several of them share.

#[path = "../support/mod.rs"]
mod support;

mod approval;
mod describe;
mod discovery;
mod execute;
mod introspect;
mod lifecycle;
mod list;
mod register;
mod request_capability;
mod revoke;
mod status;
