use procura_adapters::{AccountProblem, BackendError};
use procura_agent_auth::refusal::Refusal;
use procura_agent_auth::token::TokenDefect;
use procura_store::StoreError;

use crate::people::vault::Unopened;

/// Why an operation has no result: it was refused, which is expected, or it failed, which is not.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The rules say no. Shown to the caller.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Something broke. Logged once; the caller learns nothing but that.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// The result of an operation.
pub type ServiceResult<T> = Result<T, ServiceError>;

/// What broke.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The backend of a capability.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// What is under the keys of the operator's.
    #[error("a credential cannot be sealed or opened: {0}")]
    Vault(#[from] Unopened),
    /// The writer of the journal is gone or could not write.
    #[error("the journal could not be written: {0}")]
    Journal(String),
    /// The application that embeds the server could not say who somebody is.
    #[error("the application that embeds the server failed: {0}")]
    Application(String),
    /// A state that the code rules out.
    #[error("{0}")]
    Bug(&'static str),
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<BackendError> for ServiceError {
    /// What an agent can act on is a refusal; the rest is nobody's business but the operator's.
    fn from(error: BackendError) -> Self {
        match error {
            BackendError::Failed(_) => Self::Failed(error.into()),
            BackendError::Arguments(message) => Refusal::InvalidRequest(message).into(),
            BackendError::Refused { status, detail } => {
                Refusal::UpstreamRefused { status, detail }.into()
            }
            BackendError::Account { service, problem } => match problem {
                AccountProblem::NoPerson => Refusal::PersonRequired { service },
                AccountProblem::NotConnected { url } => {
                    Refusal::AccountNotConnected { service, url }
                }
                AccountProblem::NotAccepted { url } => Refusal::AccountNotAccepted { service, url },
            }
            .into(),
            BackendError::Busy { retry_after } => Refusal::RateLimited { retry_after }.into(),
            BackendError::Unavailable { retry_after } => {
                Refusal::UpstreamUnavailable { retry_after }.into()
            }
        }
    }
}

impl From<TokenDefect> for ServiceError {
    fn from(defect: TokenDefect) -> Self {
        Self::Refused(defect.into())
    }
}

impl ServiceError {
    /// Whether another writer was first, so that deciding anew may succeed.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, Self::Failed(Failure::Store(StoreError::Conflict(_))))
    }
}

/// Runs an operation, and once more from its load when another writer came first. A macro, because the futures
/// of async closures cannot be shown to be `Send` when they borrow.
macro_rules! decide_again {
    ($operation:expr) => {
        match $operation.await {
            Err(error) if error.is_conflict() => $operation.await,
            result => result,
        }
    };
}
pub(crate) use decide_again;
