use std::sync::Arc;

use procura_store::Store;

use crate::support::Database;

async fn open() -> (Arc<dyn Store>, Database) {
    let database = Database::new().await;
    let store = database.open().await;
    (Arc::new(store), database)
}

procura_store::contract_tests!(crate::contract::open);
