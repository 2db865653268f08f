use std::sync::Arc;

use procura_store::Store;
use tempfile::TempDir;

use crate::support::Files;

async fn open() -> (Arc<dyn Store>, TempDir) {
    let files = Files::new();
    let store = files.open().await;
    (Arc::new(store), files.into_directory())
}

procura_store::contract_tests!(crate::contract::open);
