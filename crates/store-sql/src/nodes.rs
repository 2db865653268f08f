use async_trait::async_trait;
use procura_store::StoreResult;
use procura_store::nodes::{NodeId, NodeStore};

use crate::error::failed;
use crate::transaction::SqlTransaction;

#[async_trait]
impl NodeStore for SqlTransaction {
    async fn beat(&mut self, node: &NodeId) -> StoreResult<()> {
        let beat = sqlx::query!(
            "INSERT INTO nodes (id, beats) VALUES ($1, 1)
            ON CONFLICT (id) DO UPDATE SET beats = nodes.beats + 1",
            node.0,
        );
        beat.execute(self.connection()).await.map_err(failed)?;
        Ok(())
    }

    async fn list_nodes(&mut self) -> StoreResult<Vec<(NodeId, i64)>> {
        let rows = sqlx::query!("SELECT id, beats FROM nodes ORDER BY id");
        let rows = rows.fetch_all(self.connection()).await.map_err(failed)?;
        Ok(rows
            .into_iter()
            .map(|row| (NodeId(row.id), row.beats))
            .collect())
    }

    async fn delete_node(&mut self, node: &NodeId) -> StoreResult<()> {
        let removed = sqlx::query!("DELETE FROM nodes WHERE id = $1", node.0);
        removed.execute(self.connection()).await.map_err(failed)?;
        Ok(())
    }
}
