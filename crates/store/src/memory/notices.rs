use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;

use async_trait::async_trait;
use procura_agent_auth::id::{NoticeId, UserId};
use procura_agent_auth::notice::{Audience, Notice, NoticeState};
use procura_keys::clock::Timestamp;
use procura_people::mail::MailChoice;
use procura_people::push::PushDevice;

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

    async fn put_mail_choice(&mut self, user: &UserId, choice: MailChoice) -> StoreResult<()> {
        let choices = Arc::make_mut(&mut self.change()?.mail_choices);
        choices.insert(user.0.clone(), choice);
        Ok(())
    }

    async fn find_mail_choice(&mut self, user: &UserId) -> StoreResult<MailChoice> {
        let choice = self.state.mail_choices.get(&user.0);
        Ok(choice.copied().unwrap_or(MailChoice::On))
    }

    async fn put_push_device(&mut self, device: &PushDevice) -> StoreResult<()> {
        let devices = Arc::make_mut(&mut self.change()?.push_devices);
        devices.insert(device.endpoint.clone(), device.clone());
        Ok(())
    }

    async fn list_push_devices(&mut self, user: &UserId) -> StoreResult<Vec<PushDevice>> {
        let devices = self.state.push_devices.values();
        let theirs = devices.filter(|device| device.person_id.0 == user.0);
        let mut theirs: Vec<_> = theirs.cloned().collect();
        theirs.sort_by(|a, b| (a.created_at, &a.endpoint).cmp(&(b.created_at, &b.endpoint)));
        Ok(theirs)
    }

    async fn delete_push_device(&mut self, endpoint: &str) -> StoreResult<()> {
        Arc::make_mut(&mut self.change()?.push_devices).remove(endpoint);
        Ok(())
    }

    async fn delete_notices_of_user(&mut self, user: &UserId) -> StoreResult<()> {
        let state = self.change()?;
        let notices = Arc::make_mut(&mut state.notices);
        notices.retain(|_, notice| notice.audience.user_id() != Some(user));
        Arc::make_mut(&mut state.mail_choices).remove(&user.0);
        Arc::make_mut(&mut state.push_devices).retain(|_, device| device.person_id.0 != user.0);
        Ok(())
    }
}

fn waits(notice: &Notice) -> bool {
    notice.state == NoticeState::Waiting
}
