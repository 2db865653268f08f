use std::path::{Path, PathBuf};

use procura_store::StoreResult;
use procura_store_sqlite::SqliteStore;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, SqliteConnection};
use tempfile::TempDir;

/// A folder for one store.
pub(crate) struct Files {
    directory: TempDir,
}

impl Files {
    pub(crate) fn new() -> Self {
        Self {
            directory: TempDir::new().unwrap(),
        }
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn into_directory(self) -> TempDir {
        self.directory
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.directory().join("store.db")
    }

    pub(crate) async fn open(&self) -> SqliteStore {
        self.try_open().await.unwrap()
    }

    pub(crate) async fn try_open(&self) -> StoreResult<SqliteStore> {
        SqliteStore::open(&self.database()).await
    }

    /// A connection that obeys none of the store's rules.
    pub(crate) async fn raw(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new()
            .filename(self.database())
            .foreign_keys(false);
        options.connect().await.unwrap()
    }

    /// Runs statements past the store.
    pub(crate) async fn execute(&self, sql: &str) -> sqlx::Result<()> {
        let mut connection = self.raw().await;
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut connection)
            .await
            .map(drop)
    }
}
