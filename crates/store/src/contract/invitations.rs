//! Links that let somebody in once.

use std::sync::Arc;

use procura_people::invitation::Invitation;

use super::samples::{at, invitation};
use crate::{Store, StoreError, Transaction};

/// With an address and without.
pub async fn an_invitation_comes_back_as_it_was(store: &Arc<dyn Store>) {
    let invitations = [invitation(1), open(2)];
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), &invitations).await;
    tx.commit().await.unwrap();
    let mut tx = store.begin().await.unwrap();
    for invitation in &invitations {
        let found = tx.find_invitation(&invitation.token_digest).await.unwrap();
        assert_eq!(found.as_ref(), Some(invitation));
    }
    assert_eq!(left(tx.as_mut(), &[invitation(3)]).await, [false]);
    let second = tx.insert_invitation(&invitation(1)).await;
    assert!(matches!(second, Err(StoreError::Conflict("invitation"))));
}

/// Ending it again is no error.
pub async fn an_invitation_ends_once_and_for_all(store: &Arc<dyn Store>) {
    let invitations = [invitation(1), invitation(2)];
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), &invitations).await;
    for _ in 0..2 {
        let ending = tx.delete_invitation(&invitations[0].token_digest);
        ending.await.unwrap();
        assert_eq!(left(tx.as_mut(), &invitations).await, [false, true]);
    }
}

/// The others stay.
pub async fn invitations_that_name_nobody_end_together(store: &Arc<dyn Store>) {
    let invitations = [invitation(1), open(2), open(3)];
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), &invitations).await;
    tx.delete_open_invitations().await.unwrap();
    assert_eq!(left(tx.as_mut(), &invitations).await, [true, false, false]);
}

/// At their end, and not before.
pub async fn expired_invitations_are_forgotten(store: &Arc<dyn Store>) {
    let invitations = [60, 61].map(|end| Invitation {
        expires_at: at(end.into()),
        ..invitation(end)
    });
    let mut tx = store.begin().await.unwrap();
    insert(tx.as_mut(), &invitations).await;
    tx.delete_expired_invitations(at(59)).await.unwrap();
    assert_eq!(left(tx.as_mut(), &invitations).await, [true, true]);
    tx.delete_expired_invitations(at(60)).await.unwrap();
    assert_eq!(left(tx.as_mut(), &invitations).await, [false, true]);
}

/// One whose holder chooses an address.
fn open(number: u32) -> Invitation {
    Invitation {
        email: None,
        administrator: true,
        ..invitation(number)
    }
}

async fn insert(tx: &mut dyn Transaction, invitations: &[Invitation]) {
    for invitation in invitations {
        tx.insert_invitation(invitation).await.unwrap();
    }
}

async fn left(tx: &mut dyn Transaction, invitations: &[Invitation]) -> Vec<bool> {
    let mut left = Vec::new();
    for invitation in invitations {
        let found = tx.find_invitation(&invitation.token_digest).await.unwrap();
        left.push(found.is_some());
    }
    left
}
