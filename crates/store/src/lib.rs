//! What Procura keeps, behind traits.
//!
//! A [`Store`] opens transactions. Everything an operation reads and writes happens in one
//! [`Transaction`], which sees no other writer's half-done work and is gone without a trace unless
//! it is committed. Identity rules (one host per key, one agent per host and key, one open request
//! per agent and capability) are the store's to keep; transitions name the state they start from,
//! and one that finds another state (or no record at all) is a [`StoreError::Conflict`]. What a new
//! record points at has to exist by the time of the commit, which is [`StoreError::NotFound`]
//! otherwise. Lists that are "oldest first" follow the identifiers, which begin with the time they
//! were made.

pub mod agent_auth;
pub mod audit;
mod backup;
#[cfg(any(test, feature = "contract"))]
pub mod contract;
mod error;
pub mod housekeeping;
pub mod jobs;
pub mod labels;
pub mod memory;
pub mod nodes;
pub mod notices;
pub mod people;
pub mod replay;
pub mod search;
pub mod secrets;

use std::path::Path;

use async_trait::async_trait;

use nodes::Feed;

pub use backup::BackupError;
pub use error::{StoreError, StoreResult};

/// A place where records live.
#[async_trait]
pub trait Store: Send + Sync {
    /// Starts a transaction that may write. Writers take turns.
    async fn begin(&self) -> StoreResult<Box<dyn Transaction>>;

    /// Starts a transaction for reading one consistent state, fixed no later than by its first
    /// read. Writing in it fails.
    async fn read(&self) -> StoreResult<Box<dyn Transaction>>;

    /// Begins to listen to what other processes change: whatever is committed from now on is told. `None` when this
    /// process is the only one.
    async fn listen(&self) -> StoreResult<Option<Box<dyn Feed>>> {
        Ok(None)
    }

    /// Writes everything, as it is at one moment, into a file that must not exist yet, while others go on reading
    /// and writing. The file appears under its name when it is whole and durable.
    async fn back_up(&self, _file: &Path) -> Result<(), BackupError> {
        Err(BackupError::ByOtherMeans(
            "this store cannot write a backup",
        ))
    }
}

/// One unit of work. Dropping it undoes it.
#[async_trait]
pub trait Transaction:
    agent_auth::HostStore
    + agent_auth::AgentStore
    + agent_auth::GrantStore
    + agent_auth::ApprovalStore
    + people::PersonStore
    + people::SessionStore
    + people::PasskeyStore
    + people::ChallengeStore
    + people::OpenIdStore
    + people::VaultStore
    + people::InvitationStore
    + people::RecoveryCodeStore
    + audit::AuditStore
    + search::SearchStore
    + labels::LabelStore
    + notices::NoticeStore
    + replay::ReplayStore
    + secrets::SecretStore
    + jobs::JobStore
    + nodes::NodeStore
    + housekeeping::HousekeepingStore
    + Send
{
    /// Makes everything written durable and visible at once.
    async fn commit(self: Box<Self>) -> StoreResult<()>;
}

/// Where a page of a listing starts and how long it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<K> {
    /// The key after which to start; from the beginning without one.
    pub after: Option<K>,
    /// The most rows to return.
    pub limit: u32,
}
