//! Secrets of the installation.

use std::sync::Arc;

use super::samples::{at, secret};
use crate::{Store, StoreError};

/// As it was made, and apart from those for something else.
pub async fn a_secret_comes_back_newest_first(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    for made in [secret("a", 1), secret("a", 2), secret("b", 1)] {
        tx.insert_secret(&made).await.unwrap();
    }
    tx.commit().await.unwrap();
    let mut tx = store.read().await.unwrap();
    let found = tx.list_secrets("a").await.unwrap();
    assert_eq!(found, [secret("a", 2), secret("a", 1)]);
    assert_eq!(found[0].created_at, at(2));
    assert_eq!(tx.list_secrets("b").await.unwrap(), [secret("b", 1)]);
    assert_eq!(tx.list_secrets("c").await.unwrap(), []);
    assert_eq!(format!("{:?}", found[0]), "Secret(a 2)");
}

/// Whoever looks before making one finds the other's, and whoever does not is told.
pub async fn of_parallel_makers_one_makes_the_secret(store: &Arc<dyn Store>) {
    let makers = (1..=8).map(|number| {
        let store = Arc::clone(store);
        tokio::spawn(async move {
            let mut tx = store.begin().await.unwrap();
            let mut own = secret("a", 1);
            own.value = [number; 32];
            let there = tx.list_secrets("a").await.unwrap();
            let again = tx.insert_secret(&own).await;
            if let Some(there) = there.first() {
                assert!(matches!(again, Err(StoreError::Conflict("secret"))));
                return there.value;
            }
            again.unwrap();
            tx.commit().await.unwrap();
            own.value
        })
    });
    let mut known = Vec::new();
    for maker in makers.collect::<Vec<_>>() {
        known.push(maker.await.unwrap());
    }
    known.dedup();
    assert_eq!(known.len(), 1);
}

/// And the others stay.
pub async fn old_secrets_are_forgotten(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    for made in [
        secret("a", 1),
        secret("a", 2),
        secret("a", 3),
        secret("b", 1),
    ] {
        tx.insert_secret(&made).await.unwrap();
    }
    tx.delete_secrets_before("a", 3).await.unwrap();
    assert_eq!(tx.list_secrets("a").await.unwrap(), [secret("a", 3)]);
    assert_eq!(tx.list_secrets("b").await.unwrap(), [secret("b", 1)]);
}
