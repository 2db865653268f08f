use std::sync::Arc;

use async_trait::async_trait;

use super::MemoryTransaction;
use super::state::length;
use crate::StoreResult;
use crate::audit::{AuditEntry, AuditRecord, AuditStore};

#[async_trait]
impl AuditStore for MemoryTransaction {
    async fn append_audit(&mut self, entries: Vec<AuditEntry>) -> StoreResult<()> {
        let log = Arc::make_mut(&mut self.change()?.audit);
        for entry in entries {
            let last = log.last().map(|record| (record.sequence, record.hash));
            log.push(Arc::new(AuditRecord::following(last, entry)));
        }
        Ok(())
    }

    async fn list_audit(&mut self, after: i64, limit: u32) -> StoreResult<Vec<AuditRecord>> {
        let start = usize::try_from(after).unwrap_or(0);
        let records = self.state.audit.iter().skip(start).take(length(limit));
        Ok(records.map(|record| record.as_ref().clone()).collect())
    }

    async fn list_last_audit(&mut self, limit: u32) -> StoreResult<Vec<AuditRecord>> {
        let log = &self.state.audit;
        let records = log.iter().skip(log.len().saturating_sub(length(limit)));
        Ok(records.map(|record| record.as_ref().clone()).collect())
    }
}
