//! The endpoints of the Agent Auth Protocol over HTTP: one file for each operation, and one for each
//! concern that several of them share.

#[path = "../support/mod.rs"]
mod support;

mod approval;
mod audit;
mod bad_input;
mod constraints;
mod describe;
mod discovery;
mod execute;
mod introspect;
mod lifecycle;
mod limits;
mod list;
mod register;
mod replay;
mod request_capability;
mod revoke;
mod status;
