//! Guarded outbound HTTP for servers and clients (Agent Auth §8.12).
//!
//! URLs arrive from strangers. A [`Fetcher`] obeys a [`FetchPolicy`]: https only, no address
//! outside the policy's reach, names resolved once and pinned, few redirects with each target
//! judged again, bounded time and bounded bodies. No other crate of the product makes an outbound
//! HTTP request.

pub mod address;
mod error;
pub mod fetcher;
pub mod jwks;
pub mod policy;
mod redirect;
pub mod resolver;

pub use address::AddressVerdict;
pub use error::FetchError;
pub use fetcher::{BodyStream, Fetcher, Request, Response, StreamResponse};
pub use jwks::{JwksCache, JwksError, JwksPolicy, KeySets, NoKeySets};
pub use policy::{FetchPolicy, Reach};
pub use resolver::Lookup;
