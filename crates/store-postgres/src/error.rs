use procura_store::StoreError;
use sqlx::error::{DatabaseError, ErrorKind};
use sqlx::migrate::MigrateError;

/// Why a database cannot be used as a store.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL does not say where the database is.
    #[error("the database's URL is not valid: {0}")]
    Url(#[source] sqlx::Error),
    /// It does not answer, or turns this program away.
    #[error("cannot connect to the database: {0}")]
    Connect(#[source] sqlx::Error),
    /// Another process holds it.
    #[error("another procurad is using this database, and only one may: stop it first")]
    InUse,
    /// A process that does not share it holds it.
    #[error(
        "a procurad that is not one of several is using this database: stop it, or configure all with store.nodes"
    )]
    InUseByOne,
    /// Another process has held it since this one started.
    #[error("another procurad has used this database meanwhile: start this one again")]
    Replaced,
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

/// What a failed statement means when it cannot collide with another record. Whoever changes records
/// by hand while the store is in use may get in its way, and the database picks who goes first.
pub(crate) fn failed(error: sqlx::Error) -> StoreError {
    match error.as_database_error().and_then(DatabaseError::code) {
        Some(code) if CAME_SECOND.contains(&code.as_ref()) => StoreError::Conflict("database"),
        _ => StoreError::Unavailable(Box::new(error)),
    }
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

/// The codes of `serialization_failure` and `deadlock_detected`.
const CAME_SECOND: [&str; 2] = ["40001", "40P01"];
