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

use std::fmt;
use std::time::Duration;

pub use async_trait::async_trait;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use serde_json::{Map, Value};

use self::http::Secret;

/// Something that fulfils a capability.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Carries out one call.
    async fn call(&self, call: Call<'_>) -> Result<Reply, BackendError>;
}

/// What people have entrusted to the server for services.
#[async_trait]
pub trait Vault: Send + Sync {
    /// The secret of this person for this service; an [`AccountProblem`] when there is none.
    async fn secret(&self, service: &str, user_id: Option<&str>) -> Result<Secret, BackendError>;

    /// What to say when the service does not accept that secret.
    fn not_accepted(&self, service: &str) -> BackendError;
}

impl fmt::Debug for dyn Vault + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault")
    }
}

/// A vault with nothing in it.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmptyVault;

#[async_trait]
impl Vault for EmptyVault {
    async fn secret(&self, service: &str, _: Option<&str>) -> Result<Secret, BackendError> {
        Err(BackendError::Account {
            service: service.to_owned(),
            problem: AccountProblem::NoPerson,
        })
    }

    fn not_accepted(&self, service: &str) -> BackendError {
        BackendError::Account {
            service: service.to_owned(),
            problem: AccountProblem::NoPerson,
        }
    }
}

/// Why a service is not called with the credential of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountProblem {
    /// The agent acts for nobody.
    NoPerson,
    /// The person has entrusted nothing for this service.
    NotConnected {
        /// Where they can.
        url: String,
    },
    /// The service does not accept what they have entrusted.
    NotAccepted {
        /// Where they can renew it.
        url: String,
    },
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
    /// The call, as the audit log names it.
    pub call_id: &'a str,
    /// Where the secrets of people are.
    pub vault: &'a dyn Vault,
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
    /// The service behind takes a credential of the person, and there is none that will do.
    #[error("the service {service} takes a credential of the person")]
    Account {
        /// The service.
        service: String,
        /// What is wrong.
        problem: AccountProblem,
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
