//! The endpoints of the Agent Auth Protocol over HTTP: one file for each operation, and one for each
//! concern that several of them share.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "tests fail by panicking, and hand over json!(…) as it stands"
)]

#[path = "../support/mod.rs"]
mod support;

mod activity;
mod actor;
mod algorithms;
mod approval;
mod audit;
mod bad_input;
mod bad_token;
mod batch;
mod bounds;
mod cascade;
mod ciba;
mod compat;
mod constraints;
mod describe;
mod discovery;
mod execute;
mod housekeeping;
mod introspect;
mod job;
mod jwks;
mod lifecycle;
mod limits;
mod list;
mod mail;
mod notification;
mod notify;
mod operator;
mod platform;
mod pop;
mod preregistration;
mod proxy;
mod reactivate;
mod register;
mod replay;
mod request_capability;
mod revoke;
mod revoke_host;
mod rotate_key;
mod snapshot;
mod status;
mod stream;
mod tls;
