//! The stores that histories are played on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use procura_store::memory::MemoryStore;
use procura_store::{Store, StoreResult};
use procura_store_postgres::PostgresStore;
use procura_store_sqlite::SqliteStore;
use tempfile::TempDir;

use self::server::Server;

#[path = "../../../store-postgres/tests/postgres/server.rs"]
mod server;

pub(crate) fn memory() -> Arc<dyn Store> {
    Arc::new(MemoryStore::new())
}

/// A file, and the folder to keep while it is in use.
pub(crate) async fn sqlite() -> (Arc<dyn Store>, TempDir) {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(&folder.path().join("store.db"))
        .await
        .unwrap();
    (Arc::new(store), folder)
}

pub(crate) async fn postgres() -> Arc<dyn Store> {
    Arc::new(PostgresDatabase::new().open().await)
}

/// A database of PostgreSQL without tables.
pub(crate) struct PostgresDatabase {
    name: String,
}

impl PostgresDatabase {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("model_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        Server::get().run("postgres", &format!("CREATE DATABASE {name}"));
        Self { name }
    }

    pub(crate) async fn open(&self) -> PostgresStore {
        self.try_open().await.unwrap()
    }

    pub(crate) async fn try_open(&self) -> StoreResult<PostgresStore> {
        PostgresStore::connect(&Server::get().url(&self.name)).await
    }

    /// As one of several processes.
    pub(crate) async fn join(&self) -> Arc<dyn Store> {
        let store = PostgresStore::join(&Server::get().url(&self.name)).await;
        Arc::new(store.unwrap())
    }

    /// Runs statements past the store.
    pub(crate) fn run(&self, sql: &str) {
        Server::get().run(&self.name, sql);
    }
}
