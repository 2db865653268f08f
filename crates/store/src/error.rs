use std::error::Error;

/// What went wrong in a store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A record that has to exist does not.
    #[error("no {0} with this identifier is stored")]
    NotFound(&'static str),
    /// Another writer was first: a unique value is taken, or a record is no longer in the expected
    /// state. Loading again and deciding anew may succeed.
    #[error("another change to the {0} came first")]
    Conflict(&'static str),
    /// A stored record cannot be what it says it is.
    #[error("the stored {0} cannot be read: {1}")]
    Corrupt(&'static str, String),
    /// The database failed or cannot be reached.
    #[error("the store failed: {0}")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

/// The result of everything a store does.
pub type StoreResult<T> = Result<T, StoreError>;
