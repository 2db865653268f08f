//! Copies of the file: written while it is in use, and judged before one takes its place.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use procura_store::BackupError;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Row as _, SqliteConnection};
use tokio::fs::{self, File, OpenOptions};

use crate::error::{OpenError, failed};

/// Writes what `database` holds at one moment into `file`. The name is taken at once, so that no file is ever
/// overwritten, and leads to the copy once that is whole and durable.
pub(crate) async fn write(database: &Path, file: &Path) -> Result<(), BackupError> {
    let at = |source| BackupError::File {
        path: file.to_owned(),
        source,
    };
    create_new(file).await.map_err(at)?;
    let partial = partial(file);
    let mut written = create_new(&partial).await.map_err(at);
    if written.is_ok() {
        written = write_partial(database, &partial, file).await;
        remove_if_failed(&written, &partial).await;
    }
    remove_if_failed(&written, file).await;
    written
}

/// What cannot be removed either is found and named by whoever wants the name next.
async fn remove_if_failed(written: &Result<(), BackupError>, file: &Path) {
    if written.is_err() {
        let _ = fs::remove_file(file).await;
    }
}

async fn write_partial(database: &Path, partial: &Path, file: &Path) -> Result<(), BackupError> {
    let at = |source| BackupError::File {
        path: file.to_owned(),
        source,
    };
    let name = partial.to_str().ok_or(io::ErrorKind::InvalidFilename);
    let name = name.map_err(|kind| at(kind.into()))?;
    // A connection of its own: it reads for long, and those of the pools are for requests.
    let mut connection = existing(database).connect().await.map_err(failed)?;
    let copied = sqlx::query("VACUUM INTO $1")
        .bind(name)
        .execute(&mut connection)
        .await;
    copied.map_err(failed)?;
    connection.close().await.map_err(failed)?;
    settle(partial, file).await.map_err(at)
}

/// Makes the copy durable, then its name.
async fn settle(partial: &Path, file: &Path) -> io::Result<()> {
    File::open(partial).await?.sync_all().await?;
    fs::rename(partial, file).await?;
    match file.parent() {
        Some(folder) => File::open(folder).await?.sync_all().await,
        None => Ok(()),
    }
}

/// An empty file for its owner alone, which SQLite is content to fill.
async fn create_new(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    options.open(path).await.map(drop)
}

fn partial(file: &Path) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(".partial");
    name.into()
}

/// Whether a file holds the tables of a store, and nothing in it contradicts anything else.
pub(crate) async fn check(path: &Path) -> Result<(), OpenError> {
    // Whatever SQLite cannot open is some other file.
    let connection = existing(path).read_only(true).connect().await;
    let mut connection = connection.map_err(|_| OpenError::NotAStore)?;
    let judged = judge(&mut connection).await;
    // Nothing was written, so nothing can fail to be.
    let _ = connection.close().await;
    judged
}

async fn judge(connection: &mut SqliteConnection) -> Result<(), OpenError> {
    let unreadable = |error: sqlx::Error| OpenError::Damaged(error.to_string());
    let row = sqlx::query("SELECT count(*) FROM sqlite_schema WHERE name = '_sqlx_migrations'")
        .fetch_one(&mut *connection)
        .await;
    let tables: i64 = row.map_err(|_| OpenError::NotAStore)?.get(0);
    if tables == 0 {
        return Err(OpenError::NotAStore);
    }
    let found = sqlx::query("PRAGMA integrity_check(1)")
        .fetch_one(&mut *connection)
        .await;
    let found: String = found.map_err(unreadable)?.get(0);
    if found != "ok" {
        return Err(OpenError::Damaged(found));
    }
    let dangling = sqlx::query("PRAGMA foreign_key_check")
        .fetch_optional(connection)
        .await;
    match dangling.map_err(unreadable)? {
        None => Ok(()),
        Some(row) => {
            let table: String = row.get(0);
            let what = format!("a record of {table} points at one that is not there");
            Err(OpenError::Damaged(what))
        }
    }
}

fn existing(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .disable_statement_logging()
}
