//! Persons.

use std::sync::Arc;

use procura_people::password::PasswordHash;
use procura_people::person::Person;

use super::samples::{at, page, person, session};
use crate::{Store, StoreError};

/// By identifier and by address, with a password and without.
pub async fn a_person_comes_back_as_they_were(store: &Arc<dyn Store>) {
    let passkey_only = Person {
        password: None,
        administrator: true,
        disabled: true,
        updated_at: at(3),
        ..person(2)
    };
    let mut tx = store.begin().await.unwrap();
    for person in [&person(1), &passkey_only] {
        tx.insert_person(person).await.unwrap();
    }
    tx.commit().await.unwrap();

    let mut tx = store.read().await.unwrap();
    for person in [person(1), passkey_only] {
        let found = tx.find_person(&person.id).await.unwrap();
        assert_eq!(found.as_ref(), Some(&person));
        let found = tx.find_person_by_email(&person.email).await.unwrap();
        assert_eq!(found, Some(person));
    }
}

/// However they are looked for.
pub async fn an_unknown_person_is_absent(store: &Arc<dyn Store>) {
    let mut tx = store.read().await.unwrap();
    assert_eq!(tx.find_person(&person(1).id).await.unwrap(), None);
    let found = tx.find_person_by_email(&person(1).email).await;
    assert_eq!(found.unwrap(), None);
}

/// Also when that person is barred.
pub async fn an_address_belongs_to_one_person(store: &Arc<dyn Store>) {
    let barred = Person {
        disabled: true,
        ..person(1)
    };
    let mut tx = store.begin().await.unwrap();
    tx.insert_person(&barred).await.unwrap();
    tx.commit().await.unwrap();
    let same_email = Person {
        email: barred.email.clone(),
        ..person(2)
    };
    let same_id = Person {
        id: barred.id,
        ..person(2)
    };
    for double in [same_email, same_id] {
        let mut tx = store.begin().await.unwrap();
        let refused = tx.insert_person(&double).await;
        assert!(matches!(refused, Err(StoreError::Conflict("person"))));
    }
}

/// A page starts after the last key of the one before.
pub async fn persons_are_listed_oldest_first_page_by_page(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    for number in [3, 1, 2] {
        tx.insert_person(&person(number)).await.unwrap();
    }
    let first = tx.list_persons(page(None, 2)).await.unwrap();
    assert_eq!(first, [person(1), person(2)]);
    let second = tx.list_persons(page(Some(person(2).id), 2)).await.unwrap();
    assert_eq!(second, [person(3)]);
}

/// Nobody else is, and whoever is not there cannot be.
pub async fn a_person_is_barred_and_let_in_again(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    tx.insert_person(&person(1)).await.unwrap();
    tx.insert_person(&person(2)).await.unwrap();
    for (disabled, second) in [(true, 5), (false, 6)] {
        let time = at(second);
        tx.disable_person(&person(1).id, disabled, time)
            .await
            .unwrap();
        let expected = Person {
            disabled,
            updated_at: time,
            ..person(1)
        };
        assert_eq!(tx.find_person(&expected.id).await.unwrap(), Some(expected));
    }
    assert_eq!(
        tx.find_person(&person(2).id).await.unwrap(),
        Some(person(2))
    );
    let missing = tx.disable_person(&person(3).id, true, at(7)).await;
    assert!(matches!(missing, Err(StoreError::NotFound(_))));
}

/// Their address is free then. Nobody else goes, and whoever is not there cannot.
pub async fn a_person_goes_with_their_sessions(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    for number in [1, 2] {
        tx.insert_person(&person(number)).await.unwrap();
        let session = session(number, &person(number));
        tx.insert_session(&session).await.unwrap();
    }
    tx.commit().await.unwrap();

    let mut tx = store.begin().await.unwrap();
    tx.delete_person(&person(1).id).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.list_persons(page(None, 9)).await.unwrap(), [person(2)]);
    let sessions = [1, 2].map(|number| session(number, &person(number)));
    let gone = tx.find_session(&sessions[0].token_digest).await;
    assert_eq!(gone.unwrap(), None);
    let kept = tx.find_session(&sessions[1].token_digest).await;
    assert_eq!(kept.unwrap(), Some(sessions[1].clone()));
    let missing = tx.delete_person(&person(1).id).await;
    assert!(matches!(missing, Err(StoreError::NotFound(_))));
    drop(tx);
    let mut tx = store.begin().await.unwrap();
    let heir = Person {
        email: person(1).email,
        ..person(3)
    };
    tx.insert_person(&heir).await.unwrap();
}

/// Nobody else's is.
pub async fn a_password_is_set_and_taken_away(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    for number in [1, 2] {
        tx.insert_person(&person(number)).await.unwrap();
    }
    let hash = PasswordHash::from_stored("other".to_owned());
    let id = person(1).id;
    for (password, second) in [(None, 5), (Some(hash), 6)] {
        let set = tx.set_password(&id, password.as_ref(), at(second));
        set.await.unwrap();
        let expected = Person {
            password,
            updated_at: at(second),
            ..person(1)
        };
        assert_eq!(tx.find_person(&expected.id).await.unwrap(), Some(expected));
    }
    let other = tx.find_person(&person(2).id).await.unwrap();
    assert_eq!(other, Some(person(2)));
    let missing = tx.set_password(&person(3).id, None, at(7)).await;
    assert!(matches!(missing, Err(StoreError::NotFound(_))));
}

/// And keeps what is not theirs to change.
pub async fn a_person_is_brought_up_to_date(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    for number in [1, 2] {
        tx.insert_person(&person(number)).await.unwrap();
    }
    let changed = Person {
        email: "new@example.com".parse().unwrap(),
        name: "New Name".to_owned(),
        administrator: true,
        updated_at: at(9),
        ..person(1)
    };
    let sent = Person {
        password: None,
        disabled: true,
        created_at: at(8),
        ..changed.clone()
    };
    tx.update_person(&sent).await.unwrap();
    tx.commit().await.unwrap();

    let mut tx = store.begin().await.unwrap();
    let found = tx.find_person_by_email(&changed.email).await.unwrap();
    assert_eq!(found, Some(changed.clone()));
    let found = tx.find_person_by_email(&person(1).email).await.unwrap();
    assert_eq!(found, None);
    let missing = tx.update_person(&person(3)).await;
    assert!(matches!(missing, Err(StoreError::NotFound(_))));
    let taken = Person {
        email: person(2).email,
        ..changed
    };
    let taken = tx.update_person(&taken).await;
    assert!(matches!(taken, Err(StoreError::Conflict(_))));
}

/// Others never do.
pub async fn an_administrator_counts_while_not_barred(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    tx.insert_person(&person(1)).await.unwrap();
    assert!(!tx.has_administrator().await.unwrap());
    let administrator = Person {
        administrator: true,
        ..person(2)
    };
    tx.insert_person(&administrator).await.unwrap();
    assert!(tx.has_administrator().await.unwrap());
    tx.set_administrator(&administrator.id, false, at(5))
        .await
        .unwrap();
    assert!(!tx.has_administrator().await.unwrap());
    tx.set_administrator(&administrator.id, true, at(6))
        .await
        .unwrap();
    let expected = Person {
        updated_at: at(6),
        ..administrator.clone()
    };
    let found = tx.find_person(&administrator.id).await.unwrap();
    assert_eq!(found, Some(expected));
    let missing = tx.set_administrator(&person(3).id, true, at(6)).await;
    assert!(matches!(missing, Err(StoreError::NotFound(_))));
    let barring = tx.disable_person(&administrator.id, true, at(7));
    barring.await.unwrap();
    assert!(!tx.has_administrator().await.unwrap());
}
