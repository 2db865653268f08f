//! The store that a test runs on unless it brings its own: the one in memory, or the database that
//! `PROCURA_TEST_STORE` names, so that the same tests show each of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use procura_store::Store;
use procura_store::memory::MemoryStore;
use procura_store_postgres::PostgresStore;
use procura_store_sqlite::SqliteStore;
use tempfile::TempDir;

#[path = "../../../store-postgres/tests/postgres/server.rs"]
mod server;

/// A store with nothing in it.
pub(super) async fn open() -> (Arc<dyn Store>, Option<TempDir>) {
    match wanted().as_deref() {
        None | Some("memory") => (Arc::new(MemoryStore::new()), None),
        Some("sqlite") => {
            let folder = TempDir::new().unwrap();
            let store = SqliteStore::open(&folder.path().join("procura.db")).await;
            (Arc::new(store.unwrap()), Some(folder))
        }
        Some("postgresql") => {
            static COUNT: AtomicU32 = AtomicU32::new(0);
            let database = format!("bank_{}", COUNT.fetch_add(1, Ordering::Relaxed));
            let server = server::Server::get();
            server.run("postgres", &format!("CREATE DATABASE {database}"));
            let store = PostgresStore::connect(&server.url(&database)).await;
            (Arc::new(store.unwrap()), None)
        }
        Some(other) => panic!("PROCURA_TEST_STORE is memory, sqlite or postgresql, not {other:?}"),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the command that runs the tests says on what"
)]
fn wanted() -> Option<String> {
    std::env::var("PROCURA_TEST_STORE").ok()
}
