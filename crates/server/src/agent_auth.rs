//! The endpoints of the Agent Auth Protocol, one file each: extractors in, one service call, an answer out.

mod caller;
mod capabilities;
mod discovery;
mod events;
mod execute;
mod introspect;
mod lifecycle;
mod register;
mod request_capability;
mod revoke;
mod router;
mod status;

pub use router::{CallerKind, ENDPOINTS, Endpoint};
pub(crate) use router::{compat_routes, routes, routes_at_origin};
