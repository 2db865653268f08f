//! A fetcher against real servers on loopback sockets.

mod guard;
mod jwks;
mod limits;
mod support;
