//! Passkeys.

use std::sync::Arc;

use procura_people::passkey::{Passkey, PasskeyName};

use super::samples::{at, passkey, person};
use crate::{Store, StoreError, Transaction};

/// Used or not.
pub async fn a_passkey_comes_back_as_it_was(store: &Arc<dyn Store>) {
    let used = Passkey {
        sign_count: u32::MAX,
        synced: false,
        last_used_at: Some(at(9)),
        ..passkey(2, &person(1))
    };
    let passkeys = [passkey(1, &person(1)), used];
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), &passkeys).await;
    tx.commit().await.unwrap();

    let mut tx = store.read().await.unwrap();
    for passkey in passkeys {
        let found = tx.find_passkey_by_credential(&passkey.credential_id).await;
        assert_eq!(found.unwrap(), Some(passkey));
    }
    let unknown = passkey(3, &person(1)).credential_id;
    let found = tx.find_passkey_by_credential(&unknown).await;
    assert_eq!(found.unwrap(), None);
}

/// Whoever registers it.
pub async fn a_credential_belongs_to_one_passkey(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), &[passkey(1, &person(1))]).await;
    let second = Passkey {
        credential_id: passkey(1, &person(1)).credential_id,
        ..passkey(2, &person(2))
    };
    let second = tx.insert_passkey(&second).await;
    assert!(matches!(second, Err(StoreError::Conflict("passkey"))));
}

/// Nobody else's.
pub async fn passkeys_of_a_person_are_listed_oldest_first(store: &Arc<dyn Store>) {
    let passkeys = [
        passkey(3, &person(1)),
        passkey(2, &person(2)),
        passkey(1, &person(1)),
    ];
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), &passkeys).await;
    let listed = tx.list_passkeys_by_person(&person(1).id).await.unwrap();
    assert_eq!(listed, [passkeys[2].clone(), passkeys[0].clone()]);
}

/// Of one that exists.
pub async fn a_use_of_a_passkey_is_noted(store: &Arc<dyn Store>) {
    let before = passkey(1, &person(1));
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), std::slice::from_ref(&before)).await;
    tx.note_passkey_use(&before.id, 7, at(8)).await.unwrap();
    let used = Passkey {
        sign_count: 7,
        last_used_at: Some(at(8)),
        ..before
    };
    let listed = tx.list_passkeys_by_person(&person(1).id).await.unwrap();
    assert_eq!(listed, [used]);
    let gone = passkey(2, &person(1)).id;
    let missing = tx.note_passkey_use(&gone, 7, at(8)).await;
    assert!(matches!(missing, Err(StoreError::NotFound("passkey"))));
}

/// Renamed and removed.
pub async fn a_passkey_is_changed_by_its_person_only(store: &Arc<dyn Store>) {
    let before = passkey(1, &person(1));
    let name = PasskeyName::try_from("Phone".to_owned()).unwrap();
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), std::slice::from_ref(&before)).await;
    let other = person(2).id;
    let renamed = tx.rename_passkey(&other, &before.id, &name).await;
    assert!(matches!(renamed, Err(StoreError::NotFound("passkey"))));
    let deleted = tx.delete_passkey(&other, &before.id).await;
    assert!(matches!(deleted, Err(StoreError::NotFound("passkey"))));

    let owner = person(1).id;
    tx.rename_passkey(&owner, &before.id, &name).await.unwrap();
    let listed = tx.list_passkeys_by_person(&owner).await.unwrap();
    let id = before.id.clone();
    assert_eq!(listed, [Passkey { name, ..before }]);
    tx.delete_passkey(&owner, &id).await.unwrap();
    assert_eq!(tx.list_passkeys_by_person(&owner).await.unwrap(), []);
    let again = tx.delete_passkey(&owner, &id).await;
    assert!(matches!(again, Err(StoreError::NotFound("passkey"))));
}

/// At the latest when it is committed.
pub async fn a_passkey_needs_its_person(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    tx.insert_passkey(&passkey(1, &person(1))).await.unwrap();
    assert!(matches!(tx.commit().await, Err(StoreError::NotFound(_))));
}

/// And nobody else's do.
pub async fn passkeys_and_codes_go_with_their_person(store: &Arc<dyn Store>) {
    let passkeys = [passkey(1, &person(1)), passkey(2, &person(2))];
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), &passkeys).await;
    for number in [1, 2] {
        let owner = person(number).id;
        let codes = tx.replace_recovery_codes(&owner, &[[7; 32]]);
        codes.await.unwrap();
    }
    tx.commit().await.unwrap();

    let mut tx = store.begin().await.unwrap();
    tx.delete_person(&person(1).id).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = store.read().await.unwrap();
    for (number, left) in [(1, 0), (2, 1)] {
        let person = person(number).id;
        let passkeys = tx.list_passkeys_by_person(&person).await.unwrap();
        assert_eq!(passkeys.len(), left);
        let codes = tx.count_recovery_codes(&person).await.unwrap();
        assert_eq!(usize::try_from(codes).unwrap(), left);
    }
}

/// With the persons they may belong to.
async fn insert(tx: &mut dyn Transaction, passkeys: &[Passkey]) {
    for number in 1..=2 {
        tx.insert_person(&person(number)).await.unwrap();
    }
    for passkey in passkeys {
        tx.insert_passkey(passkey).await.unwrap();
    }
}
