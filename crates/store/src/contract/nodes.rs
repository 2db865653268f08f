//! Signs of life.

use std::sync::Arc;

use crate::Store;
use crate::nodes::NodeId;

/// Until it is forgotten. Then they are counted from the start.
pub async fn signs_of_life_are_counted_for_each_node(store: &Arc<dyn Store>) {
    let (one, two) = (NodeId("node_1".to_owned()), NodeId("node_2".to_owned()));
    let mut tx = store.begin().await.unwrap();
    for node in [&two, &one, &two] {
        tx.beat(node).await.unwrap();
    }
    tx.commit().await.unwrap();
    let mut tx = store.begin().await.unwrap();
    tx.beat(&two).await.unwrap();
    let found = tx.list_nodes().await.unwrap();
    assert_eq!(found, [(one.clone(), 1), (two.clone(), 3)]);
    tx.delete_node(&two).await.unwrap();
    tx.delete_node(&two).await.unwrap();
    assert_eq!(tx.list_nodes().await.unwrap(), [(one.clone(), 1)]);
    tx.beat(&two).await.unwrap();
    assert_eq!(tx.list_nodes().await.unwrap(), [(one, 1), (two, 1)]);
}
