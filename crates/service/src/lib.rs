//! The use cases: each operation is one function that loads, asks the rules for a decision, and writes it.
//!
//! Routers, pages, the command line and the administrator's socket all enter here; none of them decides
//! anything itself. No HTTP and no SQL below this line.

pub mod activity;
pub mod admin;
pub mod administration;
pub mod agent_auth;
pub mod audit;
pub mod backup;
pub mod catalogue;
mod context;
mod error;
pub mod housekeeping;
mod journal;
pub mod limits;
pub mod nodes;
pub mod notices;
mod output;
pub mod people;
mod replay;
pub mod schema;
pub mod secrets;
mod stopping;
pub mod system;

pub use context::{ArgumentsPolicy, Context, Parts, Policy, Provider};
pub use error::{Failure, ServiceError, ServiceResult};
pub use journal::JournalHandle;
pub use stopping::Stopping;
