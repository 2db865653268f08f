//! What people have entrusted to the server.

use std::sync::Arc;

use procura_people::vault::{SealedSecret, VaultEntry};

use super::samples::{at, person, vault_entry};
use crate::{Store, StoreError, Transaction};

/// And a newer one of the same person and service takes its place.
pub async fn an_entry_comes_back_as_it_was(store: &Arc<dyn Store>) {
    let one = vault_entry(1, "shop");
    let newer = VaultEntry {
        created_at: at(9),
        secret: vault_entry(2, "shop").secret,
        ..one.clone()
    };
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), &[one.clone(), vault_entry(2, "shop")]).await;
    tx.commit().await.unwrap();
    for entry in [one, newer] {
        let mut tx = store.begin().await.unwrap();
        tx.put_vault_entry(&entry).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = store.read().await.unwrap();
        let found = tx.find_vault_entry(&entry.person_id, "shop").await;
        assert_eq!(found.unwrap(), Some(entry.clone()));
        let unknown = tx.find_vault_entry(&entry.person_id, "bank").await;
        assert_eq!(unknown.unwrap(), None);
        let others = tx.find_vault_entry(&person(2).id, "shop").await;
        assert_eq!(others.unwrap(), Some(vault_entry(2, "shop")));
    }
}

/// Nobody else's.
pub async fn entries_of_a_person_are_listed_and_removed_one_by_one(store: &Arc<dyn Store>) {
    let (shop, bank) = (vault_entry(1, "shop"), vault_entry(1, "bank"));
    let (one, other) = (person(1).id, person(2).id);
    let mut tx = store.begin().await.unwrap();
    insert(
        tx.as_mut(),
        &[shop.clone(), bank.clone(), vault_entry(2, "shop")],
    )
    .await;
    let listed = tx.list_vault_entries_by_person(&one).await.unwrap();
    assert_eq!(listed, [bank.clone(), shop]);
    tx.delete_vault_entry(&one, "shop").await.unwrap();
    let again = tx.delete_vault_entry(&one, "shop").await;
    assert!(matches!(again, Err(StoreError::NotFound("vault entry"))));
    let listed = tx.list_vault_entries_by_person(&one).await.unwrap();
    assert_eq!(listed, [bank]);
    let listed = tx.list_vault_entries_by_person(&other).await.unwrap();
    assert_eq!(listed.len(), 1);
}

/// Unless somebody has changed it meanwhile.
pub async fn an_entry_is_put_under_another_key(store: &Arc<dyn Store>) {
    let (one, two) = (vault_entry(1, "shop"), vault_entry(2, "shop"));
    let wrapped = SealedSecret {
        key_id: "new".to_owned(),
        ..two.secret.clone()
    };
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), &[one.clone(), two.clone()]).await;
    let waiting = tx.list_vault_entries_under_other_keys("new", 9).await;
    assert_eq!(waiting.unwrap().len(), 2);
    let few = tx.list_vault_entries_under_other_keys("new", 1).await;
    assert_eq!(few.unwrap().len(), 1);
    tx.rewrap_vault_entry(&one, &wrapped).await.unwrap();
    let waiting = tx.list_vault_entries_under_other_keys("new", 9).await;
    assert_eq!(waiting.unwrap(), std::slice::from_ref(&two));
    let waiting = tx.list_vault_entries_under_other_keys("old", 9).await;
    let rewrapped = VaultEntry {
        secret: wrapped.clone(),
        ..one.clone()
    };
    assert_eq!(waiting.unwrap(), [rewrapped]);
    let late = tx.rewrap_vault_entry(&one, &wrapped).await;
    assert!(matches!(late, Err(StoreError::Conflict("vault entry"))));
    let newer = VaultEntry {
        secret: SealedSecret {
            ciphertext: vec![0],
            ..two.secret.clone()
        },
        ..two.clone()
    };
    tx.put_vault_entry(&newer).await.unwrap();
    let late = tx.rewrap_vault_entry(&two, &wrapped).await;
    assert!(matches!(late, Err(StoreError::Conflict("vault entry"))));
}

/// At the latest when it is committed.
pub async fn an_entry_needs_its_person_and_goes_with_them(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    tx.put_vault_entry(&vault_entry(1, "shop")).await.unwrap();
    assert!(matches!(tx.commit().await, Err(StoreError::NotFound(_))));

    let mut tx = store.begin().await.unwrap();
    insert(
        tx.as_mut(),
        &[vault_entry(1, "shop"), vault_entry(2, "shop")],
    )
    .await;
    tx.delete_person(&person(1).id).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = store.read().await.unwrap();
    let gone = tx.find_vault_entry(&person(1).id, "shop").await.unwrap();
    assert_eq!(gone, None);
    let left = tx.find_vault_entry(&person(2).id, "shop").await.unwrap();
    assert_eq!(left, Some(vault_entry(2, "shop")));
}

/// With the persons they may belong to.
async fn insert(tx: &mut dyn Transaction, entries: &[VaultEntry]) {
    for number in 1..=2 {
        tx.insert_person(&person(number)).await.unwrap();
    }
    for entry in entries {
        tx.put_vault_entry(entry).await.unwrap();
    }
}
