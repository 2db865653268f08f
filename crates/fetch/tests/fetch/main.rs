//! A fetcher against real servers on loopback sockets.

mod guard;
mod limits;
mod support;
