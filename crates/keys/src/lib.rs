//! The floor of Procura: keys, JWKs, thumbprints, strict JWTs, digests, time and randomness.
//!
//! Nothing here knows a protocol, reads a clock, draws randomness or does I/O. A protocol's own choices,
//! such as the algorithm label its tokens carry, come in as arguments.

pub mod cbor;
pub mod clock;
pub mod cose;
mod curve;
pub mod digest;
pub mod entropy;
pub mod issuer_keys;
pub mod json;
pub mod jwk;
pub mod jwk_set;
pub mod jwt;
pub mod key;
mod rsa;
pub mod sealed;
pub mod thumbprint;
pub mod verifying_key;
pub mod web_push;
