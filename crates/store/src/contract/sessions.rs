//! Sign-in sessions.

use std::sync::Arc;

use procura_people::presence::{Method, Proof};
use procura_people::session::Session;

use super::samples::{at, person, session};
use crate::{Store, StoreError, Transaction};

/// Whether or not it has ended. A digest is in use once.
pub async fn a_session_comes_back_as_it_was(store: &Arc<dyn Store>) {
    let ended = Session {
        proof: Proof {
            method: Method::Passkey,
            at: at(1),
        },
        expires_at: at(0),
        ..session(2, &person(2))
    };
    let sessions = [session(1, &person(1)), ended];
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), &sessions).await;
    tx.commit().await.unwrap();

    let mut tx = store.begin().await.unwrap();
    for session in &sessions {
        let found = tx.find_session(&session.token_digest).await.unwrap();
        assert_eq!(found.as_ref(), Some(session));
    }
    let unknown = session(3, &person(1));
    assert_eq!(tx.find_session(&unknown.token_digest).await.unwrap(), None);
    let second = tx.insert_session(&session(1, &person(2))).await;
    assert!(matches!(second, Err(StoreError::Conflict("session"))));
}

/// A session that is gone cannot be proved.
pub async fn a_new_proof_replaces_the_old(store: &Arc<dyn Store>) {
    let before = session(1, &person(1));
    let proof = Proof {
        method: Method::Passkey,
        at: at(20),
    };
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), std::slice::from_ref(&before)).await;
    tx.prove_session(&before.token_digest, proof).await.unwrap();
    let proved = Session { proof, ..before };
    let found = tx.find_session(&proved.token_digest).await.unwrap();
    assert_eq!(found, Some(proved));
    let gone = session(2, &person(1)).token_digest;
    let missing = tx.prove_session(&gone, proof).await;
    assert!(matches!(missing, Err(StoreError::NotFound(_))));
}

/// Ending it again is no error.
pub async fn a_session_ends_once_and_for_all(store: &Arc<dyn Store>) {
    let sessions = [session(1, &person(1)), session(2, &person(1))];
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), &sessions).await;
    for _ in 0..2 {
        tx.delete_session(&sessions[0].token_digest).await.unwrap();
        assert_eq!(left(tx.as_mut(), &sessions).await, [false, true]);
    }
}

/// Nobody else's do.
pub async fn all_sessions_of_a_person_end(store: &Arc<dyn Store>) {
    let sessions = [
        session(1, &person(1)),
        session(2, &person(2)),
        session(3, &person(1)),
    ];
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), &sessions).await;
    tx.delete_sessions_of_person(&person(1).id).await.unwrap();
    assert_eq!(left(tx.as_mut(), &sessions).await, [false, true, false]);
}

/// A session has ended at its end, and not before.
pub async fn sessions_that_have_ended_are_forgotten(store: &Arc<dyn Store>) {
    let sessions = [60, 61].map(|end| Session {
        expires_at: at(end.into()),
        ..session(end, &person(1))
    });
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), &sessions).await;
    tx.delete_expired_sessions(at(59), 9).await.unwrap();
    assert_eq!(left(tx.as_mut(), &sessions).await, [true, true]);
    tx.delete_expired_sessions(at(60), 9).await.unwrap();
    assert_eq!(left(tx.as_mut(), &sessions).await, [false, true]);
}

/// At the latest when it is committed.
pub async fn a_session_needs_its_person(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    tx.insert_session(&session(1, &person(1))).await.unwrap();
    assert!(matches!(tx.commit().await, Err(StoreError::NotFound(_))));
}

/// Oldest first, and nobody else's.
pub async fn sessions_of_a_person_are_listed(store: &Arc<dyn Store>) {
    let younger = Session {
        created_at: at(9),
        ..session(1, &person(1))
    };
    let sessions = [younger, session(2, &person(2)), session(3, &person(1))];
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), &sessions).await;
    let listed = tx.list_sessions_by_person(&person(1).id).await.unwrap();
    assert_eq!(listed, [sessions[2].clone(), sessions[0].clone()]);
}

/// With the persons they may belong to.
async fn insert(tx: &mut dyn Transaction, sessions: &[Session]) {
    for number in 1..=2 {
        tx.insert_person(&person(number)).await.unwrap();
    }
    for session in sessions {
        tx.insert_session(session).await.unwrap();
    }
}

async fn left(tx: &mut dyn Transaction, sessions: &[Session]) -> Vec<bool> {
    let mut left = Vec::new();
    for session in sessions {
        let found = tx.find_session(&session.token_digest).await.unwrap();
        left.push(found.is_some());
    }
    left
}
