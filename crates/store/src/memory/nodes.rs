use std::sync::Arc;

use async_trait::async_trait;

use super::MemoryTransaction;
use crate::StoreResult;
use crate::nodes::{NodeId, NodeStore};

#[async_trait]
impl NodeStore for MemoryTransaction {
    async fn beat(&mut self, node: &NodeId) -> StoreResult<()> {
        let nodes = Arc::make_mut(&mut self.change()?.nodes);
        *nodes.entry(node.clone()).or_default() += 1;
        Ok(())
    }

    async fn list_nodes(&mut self) -> StoreResult<Vec<(NodeId, i64)>> {
        let nodes = self.state.nodes.iter();
        Ok(nodes.map(|(node, beats)| (node.clone(), *beats)).collect())
    }

    async fn delete_node(&mut self, node: &NodeId) -> StoreResult<()> {
        Arc::make_mut(&mut self.change()?.nodes).remove(node);
        Ok(())
    }
}
