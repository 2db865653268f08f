use std::sync::Arc;

use async_trait::async_trait;
use procura_agent_auth::id::UserId;
use procura_keys::clock::Timestamp;

use super::MemoryTransaction;
use super::state::{State, length};
use crate::StoreResult;
use crate::audit::{AuditEntry, AuditRecord, AuditStore};

#[async_trait]
impl AuditStore for MemoryTransaction {
    fn salt_audit(&mut self, seed: [u8; 32]) {
        self.salt = seed;
    }

    async fn append_audit(&mut self, entries: Vec<AuditEntry>) -> StoreResult<()> {
        let salt = self.salt;
        let log = Arc::make_mut(&mut self.change()?.audit);
        for entry in entries {
            let last = log.values().next_back();
            let last = last.map(|record| (record.sequence, record.hash));
            let record = AuditRecord::following(last, entry, &salt);
            log.insert(record.sequence, Arc::new(record));
        }
        Ok(())
    }

    async fn list_audit(&mut self, after: i64, limit: u32) -> StoreResult<Vec<AuditRecord>> {
        let records = self.state.audit.range(after.saturating_add(1)..);
        let records = records.take(length(limit));
        Ok(records.map(|(_, record)| record.as_ref().clone()).collect())
    }

    async fn list_last_audit(&mut self, limit: u32) -> StoreResult<Vec<AuditRecord>> {
        let newest = self.state.audit.values().rev().take(length(limit));
        let mut records: Vec<_> = newest.map(|record| record.as_ref().clone()).collect();
        records.reverse();
        Ok(records)
    }

    async fn list_activity(
        &mut self,
        user: &UserId,
        after: i64,
        limit: u32,
    ) -> StoreResult<Vec<AuditRecord>> {
        let records = self.state.audit.range(after.saturating_add(1)..);
        let theirs = records.filter(|(_, record)| concerns(&self.state, record, user));
        let theirs = theirs.take(length(limit));
        Ok(theirs.map(|(_, record)| record.as_ref().clone()).collect())
    }

    async fn list_last_activity(
        &mut self,
        user: &UserId,
        before: i64,
        limit: u32,
    ) -> StoreResult<Vec<AuditRecord>> {
        let newest = self.state.audit.range(..before).rev();
        let theirs = newest.filter(|(_, record)| concerns(&self.state, record, user));
        let theirs = theirs.take(length(limit));
        Ok(theirs.map(|(_, record)| record.as_ref().clone()).collect())
    }

    async fn erase_activity_of(&mut self, user: &UserId, limit: u32) -> StoreResult<Vec<i64>> {
        let snapshot = self.state.clone();
        let log = Arc::make_mut(&mut self.change()?.audit);
        let theirs = |record: &AuditRecord| concerns(&snapshot, record, user);
        Ok(erase(log.values_mut(), limit, theirs))
    }

    async fn erase_activity_before(
        &mut self,
        before: Timestamp,
        limit: u32,
    ) -> StoreResult<Vec<i64>> {
        let log = Arc::make_mut(&mut self.change()?.audit);
        let mut oldest_first: Vec<_> = log.values_mut().collect();
        oldest_first.sort_by_key(|record| (record.at, record.sequence));
        let mut erased = erase(oldest_first.into_iter(), limit, |record| record.at < before);
        erased.sort_unstable();
        Ok(erased)
    }

    async fn cut_audit(&mut self, through: i64) -> StoreResult<()> {
        let log = Arc::make_mut(&mut self.change()?.audit);
        log.retain(|place, _| *place > through);
        Ok(())
    }
}

fn erase<'a>(
    records: impl Iterator<Item = &'a mut Arc<AuditRecord>>,
    limit: u32,
    goes: impl Fn(&AuditRecord) -> bool,
) -> Vec<i64> {
    let going = records.filter(|record| record.is_erasable() && goes(record));
    going
        .take(length(limit))
        .map(|record| {
            Arc::make_mut(record).activity = None;
            record.sequence
        })
        .collect()
}

fn concerns(state: &State, record: &AuditRecord, user: &UserId) -> bool {
    let Some(activity) = &record.activity else {
        return false;
    };
    let theirs = |owner: Option<&UserId>| owner == Some(user);
    let of_agent = |id: &String| {
        let mut agents = state.agents.values();
        agents.any(|agent| agent.id.as_str() == id && theirs(agent.user_id.as_ref()))
    };
    let of_host = |id: &String| {
        let mut hosts = state.hosts.values();
        hosts.any(|host| host.id.as_str() == id && theirs(host.user_id.as_ref()))
    };
    match (&activity.user_id, &activity.agent_id, &activity.host_id) {
        (Some(concerned), _, _) => concerned == &user.0,
        (None, Some(agent), _) => of_agent(agent),
        (None, None, Some(host)) => of_host(host),
        (None, None, None) => false,
    }
}
