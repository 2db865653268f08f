//! The layer and its two authorities.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set up its scene has failed"
)]

mod introspection;
mod layer;
mod local;
mod support;
