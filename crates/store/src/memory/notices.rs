use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;

use async_trait::async_trait;
use procura_agent_auth::id::{NoticeId, UserId};
use procura_agent_auth::notice::{Audience, Notice, NoticeState};
use procura_keys::clock::Timestamp;

use super::MemoryTransaction;
use super::state::length;
use crate::notices::NoticeStore;
use crate::{Page, StoreError, StoreResult};

#[async_trait]
impl NoticeStore for MemoryTransaction {
    async fn insert_notice(&mut self, notice: &Notice) -> StoreResult<()> {
        let notices = Arc::make_mut(&mut self.change()?.notices);
        if notices.contains_key(&notice.id) {
            return Err(StoreError::Conflict("notice"));
        }
        notices.insert(notice.id.clone(), notice.clone());
        Ok(())
    }

    async fn apply_notice(&mut self, notice: &Notice, attempts: u32) -> StoreResult<()> {
        let notices = Arc::make_mut(&mut self.change()?.notices);
        let expected = |kept: &&mut Notice| waits(kept) && kept.attempts == attempts;
        let kept = notices.get_mut(&notice.id).filter(expected);
        let kept = kept.ok_or(StoreError::Conflict("notice"))?;
        kept.requests.clone_from(&notice.requests);
        kept.state = notice.state;
        kept.attempts = notice.attempts;
        kept.planned_at = notice.planned_at;
        kept.due_at = notice.due_at;
        kept.error.clone_from(&notice.error);
        kept.updated_at = notice.updated_at;
        Ok(())
    }

    async fn list_notices_to(
        &mut self,
        receiver: &str,
        audience: &Audience,
        since: Timestamp,
    ) -> StoreResult<Vec<Notice>> {
        let theirs = |notice: &&Notice| {
            notice.receiver == receiver
                && notice.audience == *audience
                && notice.planned_at >= since
        };
        Ok(self
            .state
            .notices
            .values()
            .filter(theirs)
            .cloned()
            .collect())
    }

    async fn find_due_notice(
        &mut self,
        receiver: &str,
        now: Timestamp,
    ) -> StoreResult<Option<Notice>> {
        let due =
            |notice: &&Notice| waits(notice) && notice.receiver == receiver && notice.due_at <= now;
        let due = self.state.notices.values().filter(due);
        Ok(due
            .min_by_key(|notice| (notice.due_at, &notice.id))
            .cloned())
    }

    async fn count_waiting_notices(&mut self, receiver: &str, at_most: u32) -> StoreResult<u32> {
        let waiting = |notice: &&Notice| waits(notice) && notice.receiver == receiver;
        let count = self.state.notices.values().filter(waiting);
        Ok(u32::try_from(count.take(length(at_most)).count()).unwrap_or(at_most))
    }

    async fn list_notices(&mut self, page: Page<NoticeId>) -> StoreResult<Vec<Notice>> {
        let end = page.after.as_ref().map_or(Unbounded, Excluded);
        let notices = self.state.notices.range((Unbounded, end)).rev();
        let notices = notices.take(length(page.limit));
        Ok(notices.map(|(_, notice)| notice.clone()).collect())
    }

    async fn delete_old_notices(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        let notices = Arc::make_mut(&mut self.change()?.notices);
        let old = |notice: &&Notice| !waits(notice) && notice.updated_at < before;
        let old: Vec<_> = notices
            .values()
            .filter(old)
            .take(length(limit))
            .map(|notice| notice.id.clone())
            .collect();
        notices.retain(|id, _| !old.contains(id));
        Ok(old.len() as u64)
    }

    async fn delete_notices_of_user(&mut self, user: &UserId) -> StoreResult<()> {
        let notices = Arc::make_mut(&mut self.change()?.notices);
        notices.retain(|_, notice| notice.audience.user_id() != Some(user));
        Ok(())
    }
}

fn waits(notice: &Notice) -> bool {
    notice.state == NoticeState::Waiting
}
