//! Recovery codes.

use std::sync::Arc;

use super::samples::person;
use crate::{Store, StoreError, Transaction};

/// By its person.
pub async fn a_code_is_used_once(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut()).await;
    let (alice, bob) = (person(1).id, person(2).id);
    tx.replace_recovery_codes(&alice, &[[1; 32], [2; 32]])
        .await
        .unwrap();
    assert!(!tx.use_recovery_code(&bob, &[1; 32]).await.unwrap());
    assert!(!tx.use_recovery_code(&alice, &[3; 32]).await.unwrap());
    assert!(tx.use_recovery_code(&alice, &[1; 32]).await.unwrap());
    assert!(!tx.use_recovery_code(&alice, &[1; 32]).await.unwrap());
    assert_eq!(tx.count_recovery_codes(&alice).await.unwrap(), 1);
}

/// Nobody else's are.
pub async fn new_codes_replace_the_old(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut()).await;
    let (alice, bob) = (person(1).id, person(2).id);
    for (person, code) in [(&alice, 1), (&bob, 1), (&alice, 2)] {
        let codes = [[code; 32]];
        tx.replace_recovery_codes(person, &codes).await.unwrap();
    }
    assert!(!tx.use_recovery_code(&alice, &[1; 32]).await.unwrap());
    assert!(tx.use_recovery_code(&alice, &[2; 32]).await.unwrap());
    assert!(tx.use_recovery_code(&bob, &[1; 32]).await.unwrap());
}

/// At the latest when they are committed.
pub async fn codes_need_their_person(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    tx.replace_recovery_codes(&person(1).id, &[[1; 32]])
        .await
        .unwrap();
    assert!(matches!(tx.commit().await, Err(StoreError::NotFound(_))));
}

async fn insert(tx: &mut dyn Transaction) {
    for number in 1..=2 {
        tx.insert_person(&person(number)).await.unwrap();
    }
}
