//! The Agent Auth Protocol for a service's own routes (§2.15, §5.12, §5.14): a tower layer that finds out which
//! agent calls, holds it to what it was granted, and hands the handler an [`Agent`].
//!
//! A service is named by its location, which is the `aud` of the tokens it takes. It asks the server that
//! registered the agents about each token, by introspection ([`Introspection`]), or judges tokens itself where
//! it has the records at hand ([`Local`]).
//!
//! ```
//! # #[cfg(not(feature = "axum"))] fn main() {}
//! # #[cfg(feature = "axum")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use axum::{Json, Router, routing::post};
//! use procura_guard::{Agent, Call, Guard, Introspection, Protects};
//!
//! let authority = Introspection::of("https://bank.example")?.with_secret("from a file, not from here");
//! let guard = Guard::new("https://payments.example/execute", authority)?;
//! let capability = "transfer".parse()?;
//!
//! async fn transfer(agent: Agent, call: Call) -> Json<serde_json::Value> {
//!     Json(serde_json::json!({ "data": { "by": agent.id.as_str(), "with": call.arguments } }))
//! }
//! let app: Router = Router::new()
//!     .route("/execute", post(transfer))
//!     .layer(guard.layer(Protects::execution([capability])));
//!
//! // Whoever comes without a token is told where to get one; nobody is asked about it.
//! let request = http::Request::post("/execute").body(axum::body::Body::empty())?;
//! let answer = tower::ServiceExt::oneshot(app, request).await?;
//! assert_eq!(answer.status(), 401);
//! let challenge = answer.headers()["www-authenticate"].to_str()?;
//! assert!(challenge.contains("https://bank.example/.well-known/agent-configuration"), "{challenge}");
//! # Ok(())
//! # }
//! ```
//!
//! A request that gets through carries a token that was signed by its agent, was meant for this location, was
//! never used before, and covers the capability with these arguments. Everything else is answered here: `401`
//! with the challenge of §5.14, `403` with the protocol's code, `503` while the authority cannot be asked. No
//! call is let through unasked.
//!
//! Tokens that are bound to a key or certificate (§4.4) are refused, unless [`Guard::checking_proofs`] is told to look at what their
//! senders show.

mod agent;
mod authority;
mod body;
mod challenge;
#[cfg(feature = "axum")]
mod extract;
mod guard;
mod introspection;
mod layer;
mod local;
mod possession;
mod protects;

pub use agent::{Agent, Call};
pub use authority::{Authority, Denied, Question};
pub use body::GuardedBody;
pub use guard::{Guard, GuardError};
pub use introspection::{Introspection, IntrospectionError};
pub use layer::{GuardLayer, Guarded};
pub use local::{Directory, Known, Local};
pub use possession::ClientCertificate;
pub use protects::{BadArguments, Protects};
