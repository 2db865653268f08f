//! Challenges of authenticators.

use std::sync::Arc;

use super::samples::{at, challenge};
use crate::{Store, StoreError};

/// And then it is as if it had never been.
pub async fn a_challenge_is_taken_once(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    for number in [1, 2] {
        tx.insert_challenge(&challenge(number)).await.unwrap();
    }
    let second = tx.insert_challenge(&challenge(1)).await;
    assert!(matches!(second, Err(StoreError::Conflict("challenge"))));
    drop(tx);
    let mut tx = store.begin().await.unwrap();
    for number in [1, 2] {
        tx.insert_challenge(&challenge(number)).await.unwrap();
    }
    tx.commit().await.unwrap();

    for taken in [Some(challenge(1)), None] {
        let mut tx = store.begin().await.unwrap();
        let found = tx.take_challenge(&challenge(1).value).await.unwrap();
        assert_eq!(found, taken);
        tx.commit().await.unwrap();
    }
    let mut tx = store.begin().await.unwrap();
    let other = tx.take_challenge(&challenge(2).value).await.unwrap();
    assert_eq!(other, Some(challenge(2)));
}

/// However many try at once.
pub async fn of_parallel_takers_one_gets_the_challenge(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    tx.insert_challenge(&challenge(1)).await.unwrap();
    tx.commit().await.unwrap();
    let takers = (0..8).map(|_| {
        let store = Arc::clone(store);
        tokio::spawn(async move {
            let mut tx = store.begin().await.unwrap();
            let taken = tx.take_challenge(&challenge(1).value).await.unwrap();
            tx.commit().await.unwrap();
            taken
        })
    });
    let mut taken = Vec::new();
    for taker in takers.collect::<Vec<_>>() {
        taken.extend(taker.await.unwrap());
    }
    assert_eq!(taken, [challenge(1)]);
}

/// At their end, and not before.
pub async fn expired_challenges_are_forgotten(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    tx.insert_challenge(&challenge(1)).await.unwrap();
    tx.delete_expired_challenges(at(299)).await.unwrap();
    let found = tx.take_challenge(&challenge(1).value).await.unwrap();
    assert_eq!(found, Some(challenge(1)));
    tx.insert_challenge(&challenge(1)).await.unwrap();
    tx.delete_expired_challenges(at(300)).await.unwrap();
    let found = tx.take_challenge(&challenge(1).value).await.unwrap();
    assert_eq!(found, None);
}
