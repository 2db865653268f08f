//! Opening and closing the file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use procura_store::{BackupError, Store, StoreResult, Transaction};
use sqlx::ConnectOptions as _;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use tokio::fs::OpenOptions;

use crate::backup;
use crate::error::{OpenError, failed};
use crate::transaction::SqlTransaction;

/// A handle to one open file. Clones of it share their connections.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    writer: SqlitePool,
    readers: SqlitePool,
    path: PathBuf,
}

impl SqliteStore {
    /// Opens the file, or creates it for its owner alone, and brings its tables up to date. The
    /// error of a file that a newer program has worked on is an [`OpenError`].
    pub async fn open(path: &Path) -> StoreResult<Self> {
        create(path).await.map_err(OpenError::Create)?;
        let options = connect_options(path);
        let writer = pool_options(1)
            .connect_with(options.clone())
            .await
            .map_err(failed)?;
        MIGRATIONS.run(&writer).await.map_err(OpenError::from)?;
        let readers = pool_options(READERS)
            .connect_with(options.pragma("query_only", "ON"))
            .await
            .map_err(failed)?;
        Ok(Self {
            writer,
            readers,
            path: path.to_owned(),
        })
    }

    /// Judges a file that is to become a store, without changing it: whether it is one, and undamaged.
    /// Whether this program knows its schema is judged when it is opened.
    pub async fn check(path: &Path) -> Result<(), OpenError> {
        backup::check(path).await
    }

    /// Waits for open transactions to end and closes the file. Later transactions fail.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn begin(&self) -> StoreResult<Box<dyn Transaction>> {
        // Taking the write lock at once means that a transaction never has to give up halfway for
        // it.
        let begun = self.writer.begin_with("BEGIN IMMEDIATE").await;
        Ok(Box::new(SqlTransaction::new(begun.map_err(failed)?)))
    }

    async fn read(&self) -> StoreResult<Box<dyn Transaction>> {
        let begun = self.readers.begin().await;
        Ok(Box::new(SqlTransaction::new(begun.map_err(failed)?)))
    }

    async fn back_up(&self, file: &Path) -> Result<(), BackupError> {
        backup::write(&self.path, file).await
    }
}

/// The write-ahead log and its index get the mode of this file.
async fn create(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    options.mode(0o600);
    options.open(path).await.map(drop)
}

fn connect_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging()
}

/// Connections to a local file do not go stale, so they are neither tested nor replaced.
fn pool_options(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(TURN_TIMEOUT)
}

static MIGRATIONS: Migrator = sqlx::migrate!();

const READERS: u32 = 4;

/// How long to wait for another process that holds the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a transaction waits for a connection.
const TURN_TIMEOUT: Duration = Duration::from_secs(30);
