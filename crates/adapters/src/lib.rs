//! What stands behind a capability: a [`Backend`] takes checked arguments and gives a [`Reply`].
//!
//! By the time a backend is called, the caller is verified, the grant's limits and the input schema hold, and
//! the call is in the audit log. A backend never sees a token.

pub mod respond;

pub use async_trait::async_trait;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use serde_json::{Map, Value};

/// Something that fulfils a capability.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Carries out one call.
    async fn call(&self, call: Call<'_>) -> Result<Reply, BackendError>;
}

/// One call and who makes it.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The capability.
    pub capability: &'a str,
    /// The arguments, checked.
    pub arguments: &'a Map<String, Value>,
    /// The agent that calls.
    pub agent_id: &'a str,
    /// Its host.
    pub host_id: &'a str,
    /// The person it acts for.
    pub user_id: Option<&'a str>,
}

/// How a backend answers: the three modes of a capability (AAP §2.15).
pub enum Reply {
    /// Done; this is the result.
    Value(Value),
    /// Started; the result comes later.
    Job(BoxFuture<'static, Result<Value, BackendError>>),
    /// A result in pieces; it ends by itself.
    Stream(BoxStream<'static, Result<Value, BackendError>>),
}

/// Why a backend did not answer. The text is for the operator's log and never reaches an agent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the backend failed: {0}")]
pub struct BackendError(pub String);
