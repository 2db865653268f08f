//! What people call their things.

use std::sync::Arc;

use super::samples::user;
use crate::Store;

/// It can be changed and taken away, and nobody else has it.
pub async fn a_label_belongs_to_one_person(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    tx.put_label(&user(1), "agt_1", Some("First"))
        .await
        .unwrap();
    tx.put_label(&user(2), "agt_1", Some("Other"))
        .await
        .unwrap();
    tx.put_label(&user(1), "agt_1", Some("Second"))
        .await
        .unwrap();
    tx.put_label(&user(2), "agt_2", None).await.unwrap();
    tx.commit().await.unwrap();

    let mut tx = store.begin().await.unwrap();
    let first = tx.find_label(&user(1), "agt_1").await.unwrap();
    assert_eq!(first.as_deref(), Some("Second"));
    tx.put_label(&user(1), "agt_1", None).await.unwrap();
    assert_eq!(tx.find_label(&user(1), "agt_1").await.unwrap(), None);
    let other = tx.find_label(&user(2), "agt_1").await.unwrap();
    assert_eq!(other.as_deref(), Some("Other"));
    assert_eq!(tx.find_label(&user(1), "agt_2").await.unwrap(), None);
}

/// And nobody else's.
pub async fn all_labels_of_a_person_go(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    for subject in ["agt_1", "agt_2"] {
        tx.put_label(&user(1), subject, Some("a")).await.unwrap();
        tx.put_label(&user(2), subject, Some("b")).await.unwrap();
    }
    tx.delete_labels_of_user(&user(1)).await.unwrap();
    for subject in ["agt_1", "agt_2"] {
        assert_eq!(tx.find_label(&user(1), subject).await.unwrap(), None);
        let kept = tx.find_label(&user(2), subject).await.unwrap();
        assert_eq!(kept.as_deref(), Some("b"));
    }
}
