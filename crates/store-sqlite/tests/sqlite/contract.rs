//! The contract of every store, kept by this one.

#![expect(
    clippy::unwrap_used,
    reason = "the tests share a function that opens a store"
)]

use std::sync::Arc;

use procura_store::Store;
use procura_store_sqlite::SqliteStore;
use tempfile::TempDir;

async fn open() -> (Arc<dyn Store>, TempDir) {
    let directory = TempDir::new().unwrap();
    let store = SqliteStore::open(&directory.path().join("store.db"))
        .await
        .unwrap();
    (Arc::new(store), directory)
}

procura_store::contract_tests!(crate::open);
