//! Sign-ins by OpenID providers.

use std::sync::Arc;

use procura_people::openid::{Flow, Identity, Purpose};

use super::samples::{at, flow, identity, person};
use crate::{Store, StoreError, Transaction};

const ACME: &str = "https://id.acme.example";
const OTHER: &str = "https://id.other.example";

/// Whatever it is for.
pub async fn a_sign_in_comes_back_as_it_was_once(store: &Arc<dyn Store>) {
    let leading = Flow {
        next: Some("/device?code=WDJB-MJHT".to_owned()),
        ..flow(2, Purpose::FreshSignIn)
    };
    let connecting = Purpose::Connect(person(1).id);
    let flows = [flow(1, Purpose::SignIn), leading, flow(3, connecting)];
    let mut tx = store.begin().await.unwrap();
    for flow in &flows {
        tx.insert_flow(flow).await.unwrap();
    }
    tx.commit().await.unwrap();
    for flow in flows {
        for expected in [Some(flow.clone()), None] {
            let mut tx = store.begin().await.unwrap();
            let taken = tx.take_flow(&flow.secret_digest).await.unwrap();
            assert_eq!(taken, expected);
            tx.commit().await.unwrap();
        }
    }
    let mut tx = store.begin().await.unwrap();
    tx.insert_flow(&flow(1, Purpose::SignIn)).await.unwrap();
    let second = tx.insert_flow(&flow(1, Purpose::FreshSignIn)).await;
    assert!(matches!(second, Err(StoreError::Conflict("sign-in"))));
}

/// However many try at once.
pub async fn of_parallel_takers_one_gets_the_sign_in(store: &Arc<dyn Store>) {
    let begun = flow(1, Purpose::SignIn);
    let mut tx = store.begin().await.unwrap();
    tx.insert_flow(&begun).await.unwrap();
    tx.commit().await.unwrap();
    let takers = (0..8).map(|_| {
        let (store, digest) = (Arc::clone(store), begun.secret_digest);
        tokio::spawn(async move {
            let mut tx = store.begin().await.unwrap();
            let taken = tx.take_flow(&digest).await.unwrap();
            tx.commit().await.unwrap();
            taken
        })
    });
    let mut taken = Vec::new();
    for taker in takers.collect::<Vec<_>>() {
        taken.extend(taker.await.unwrap());
    }
    assert_eq!(taken, [begun]);
}

/// At their end, and not before.
pub async fn expired_sign_ins_are_forgotten(store: &Arc<dyn Store>) {
    let begun = flow(1, Purpose::SignIn);
    let mut tx = store.begin().await.unwrap();
    for (now, left) in [(at(599), Some(begun.clone())), (at(600), None)] {
        tx.insert_flow(&begun).await.unwrap();
        tx.delete_expired_flows(now).await.unwrap();
        let taken = tx.take_flow(&begun.secret_digest).await.unwrap();
        assert_eq!(taken, left);
    }
}

/// And under nothing else.
pub async fn an_identity_comes_back_as_it_was(store: &Arc<dyn Store>) {
    let one = identity(ACME, 1, &person(1));
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), std::slice::from_ref(&one)).await;
    tx.commit().await.unwrap();
    let mut tx = store.read().await.unwrap();
    let found = tx.find_identity(&one.upstream).await.unwrap();
    assert_eq!(found, Some(one));
    for (issuer, number) in [(ACME, 2), (OTHER, 1)] {
        let unknown = identity(issuer, number, &person(1)).upstream;
        assert_eq!(tx.find_identity(&unknown).await.unwrap(), None);
    }
}

/// So that nobody shares an account without knowing.
pub async fn an_identity_belongs_to_one_person_who_has_one_of_each_provider(
    store: &Arc<dyn Store>,
) {
    for (other, is_taken) in [
        (identity(ACME, 1, &person(2)), true),
        (identity(ACME, 2, &person(1)), true),
        (identity(ACME, 2, &person(2)), false),
        (identity(OTHER, 1, &person(1)), false),
    ] {
        let mut tx = store.begin().await.unwrap();
        insert(tx.as_mut(), &[identity(ACME, 1, &person(1))]).await;
        let second = tx.insert_identity(&other).await;
        let refused = matches!(second, Err(StoreError::Conflict("identity")));
        assert_eq!(refused, is_taken, "{other:?}");
    }
}

/// Nobody else's.
pub async fn identities_of_a_person_are_listed_and_forgotten_one_by_one(store: &Arc<dyn Store>) {
    let (one, other) = (person(1).id, person(2).id);
    let there = identity(OTHER, 7, &person(1));
    let mut tx = store.begin().await.unwrap();
    insert(
        tx.as_mut(),
        &[
            there.clone(),
            identity(ACME, 1, &person(1)),
            identity(ACME, 2, &person(2)),
        ],
    )
    .await;
    let listed = tx.list_identities_by_person(&one).await.unwrap();
    assert_eq!(listed, [identity(ACME, 1, &person(1)), there.clone()]);
    tx.delete_identity(&one, ACME).await.unwrap();
    let again = tx.delete_identity(&one, ACME).await;
    assert!(matches!(again, Err(StoreError::NotFound("identity"))));
    let listed = tx.list_identities_by_person(&one).await.unwrap();
    assert_eq!(listed, [there]);
    assert_eq!(tx.list_identities_by_person(&other).await.unwrap().len(), 1);
}

/// At the latest when it is committed.
pub async fn an_identity_needs_its_person_and_goes_with_them(store: &Arc<dyn Store>) {
    let one = identity(ACME, 1, &person(1));
    let mut tx = store.begin().await.unwrap();
    tx.insert_identity(&one).await.unwrap();
    assert!(matches!(tx.commit().await, Err(StoreError::NotFound(_))));

    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), &[one.clone(), identity(ACME, 2, &person(2))]).await;
    tx.delete_person(&person(1).id).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = store.read().await.unwrap();
    assert_eq!(tx.find_identity(&one.upstream).await.unwrap(), None);
    let left = identity(ACME, 2, &person(2));
    let found = tx.find_identity(&left.upstream).await.unwrap();
    assert_eq!(found, Some(left));
}

/// With the persons they may belong to.
async fn insert(tx: &mut dyn Transaction, identities: &[Identity]) {
    for number in 1..=2 {
        tx.insert_person(&person(number)).await.unwrap();
    }
    for identity in identities {
        tx.insert_identity(identity).await.unwrap();
    }
}
