use procura_store::StoreError;
use sqlx::error::{DatabaseError, ErrorKind};
use sqlx::migrate::MigrateError;

/// Why a file cannot be used as a store.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A newer program has worked on it.
    #[error(
        "the database has schema version {0}, which this program does not know: use a newer program"
    )]
    UnknownSchema(i64),
    /// Its past is not the one this program knows.
    #[error("schema version {0} of the database was made by something else than this program")]
    ForeignSchema(i64),
    /// The tables cannot be brought up to date.
    #[error("the database cannot be brought up to date: {0}")]
    Migration(#[source] MigrateError),
    /// It is some other file.
    #[error("the file is not a database of procurad")]
    NotAStore,
    /// Its pages or records contradict each other.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// The file cannot be created.
    #[error("the database file cannot be created: {0}")]
    Create(#[source] std::io::Error),
}

impl From<MigrateError> for OpenError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::VersionMissing(version) => Self::UnknownSchema(version),
            MigrateError::VersionMismatch(version) => Self::ForeignSchema(version),
            other => Self::Migration(other),
        }
    }
}

impl From<OpenError> for StoreError {
    fn from(error: OpenError) -> Self {
        Self::Unavailable(Box::new(error))
    }
}

/// What a failed statement means when it cannot collide with another record.
pub(crate) fn failed(error: sqlx::Error) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}

/// What a failed statement means when it adds or changes a `what`.
pub(crate) fn failed_on(what: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
    move |error| match kind(&error) {
        Some(ErrorKind::UniqueViolation) => StoreError::Conflict(what),
        _ => failed(error),
    }
}

/// What a failed commit means. References are checked no earlier.
pub(crate) fn failed_to_commit(error: sqlx::Error) -> StoreError {
    match kind(&error) {
        Some(ErrorKind::ForeignKeyViolation) => {
            StoreError::NotFound("record that another refers to")
        }
        _ => failed(error),
    }
}

fn kind(error: &sqlx::Error) -> Option<ErrorKind> {
    error.as_database_error().map(DatabaseError::kind)
}
