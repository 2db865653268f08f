//! The server's faces: HTTP endpoints, web pages, configuration, and the administrator's socket.
//!
//! Everything here turns something outside into a call of `procura-service` and its result into an answer.

pub mod admin_socket;
mod agent_auth;
pub mod app;
pub mod config;
pub mod data_dir;
pub mod embed;
mod error;
pub mod gateway;
mod json;
pub mod listen;
pub mod metrics;
pub mod notify;
mod operations;
pub mod people;
pub mod proxy;
pub mod restore;
mod router;
pub mod serve;
mod storage;
pub mod tls;
mod web;

pub use agent_auth::{CallerKind, ENDPOINTS, Endpoint};
pub use app::App;
pub use router::router;
