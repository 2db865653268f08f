//! What the server keeps in memory of an agent (§10.2).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use procura_adapters::async_trait;
use procura_store::memory::MemoryStore;
use procura_store::{Store, StoreResult, Transaction};
use serde_json::json;

use crate::support::Setup;

/// Counts how often it is read.
struct Counted {
    store: MemoryStore,
    reads: AtomicUsize,
}

#[async_trait]
impl Store for Counted {
    async fn begin(&self) -> StoreResult<Box<dyn Transaction>> {
        self.store.begin().await
    }

    async fn read(&self) -> StoreResult<Box<dyn Transaction>> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.store.read().await
    }
}

// AA-10.2-01
#[tokio::test]
async fn an_agent_is_loaded_once_and_again_when_something_about_it_changed() {
    let store = Arc::new(Counted {
        store: MemoryStore::new(),
        reads: AtomicUsize::new(0),
    });
    let setup = Setup {
        store: Some(Arc::clone(&store) as Arc<dyn Store>),
        ..Setup::default()
    };
    let bank = setup.start().await;
    let (host, agent) = bank.approved_agent(json!(["echo"])).await;
    let reads = || store.reads.load(Ordering::SeqCst);
    let call = async || {
        let before = reads();
        let answer = bank.execute(&agent, "echo", json!({})).await;
        (answer.status, reads() - before)
    };
    assert_eq!(call().await, (200, 1));
    for _ in 0..3 {
        assert_eq!(call().await, (200, 0));
    }
    bank.revoke(&host, &agent).await;
    assert_eq!(call().await, (403, 1));
}
