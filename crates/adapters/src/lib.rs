//! What stands behind a capability: a [`Backend`] takes checked arguments and gives a [`Reply`].
//!
//! By the time a backend is called, the caller is verified, the grant's limits and the input schema hold, and
//! the call is in the audit log. A backend never sees a token.

pub mod http;
#[cfg(feature = "mcp")]
pub mod mcp;
pub mod openapi;
pub mod respond;
pub mod template;

use std::time::Duration;

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
    /// Whether news of the call may come before its result, in a [`Reply::Narrated`].
    pub in_pieces: bool,
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
    /// News of the call and at last its result, or an error; it ends with either.
    Narrated(BoxStream<'static, Result<Told, BackendError>>),
}

/// What is told of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// It is under way.
    Progress(Value),
    /// It is done; this is the result.
    Result(Value),
}

/// Why a backend did not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// It broke. The text is for the operator's log and never reaches an agent.
    #[error("the backend failed: {0}")]
    Failed(String),
    /// The arguments fit the input schema and still cannot be sent. Shown to the agent.
    #[error("{0}")]
    Arguments(String),
    /// The service behind turned the call down, as services do with wrong arguments.
    #[error("the service behind turned the call down")]
    Refused {
        /// Its HTTP status, if it has one.
        status: Option<u16>,
        /// What it said, where the operator lets agents see that.
        detail: Option<Value>,
    },
    /// The service behind is called too often.
    #[error("the service behind is called too often")]
    Busy {
        /// When to come back.
        retry_after: Duration,
    },
    /// The service behind is not called for a while, since it failed again and again.
    #[error("the service behind is out of order")]
    Unavailable {
        /// When it is tried again.
        retry_after: Duration,
    },
}
