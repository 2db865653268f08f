//! The operations of the Agent Auth Protocol, one file each, named as in the specification.

pub mod account;
pub mod approval;
mod bounds;
pub mod caller;
pub mod capabilities;
pub mod connected;
pub mod consent;
pub mod discovery;
pub mod execute;
mod held_to;
pub mod inbox;
pub mod introspect;
pub(crate) mod link_host;
pub mod notification;
mod overdue;
pub mod possession;
pub(crate) mod published;
pub mod reactivate;
pub mod register;
pub mod request_capability;
pub mod revoke;
pub mod revoke_host;
pub mod rotate_key;
pub mod snapshot;
pub mod status;
mod views;
pub(crate) mod withdraw_grant;
