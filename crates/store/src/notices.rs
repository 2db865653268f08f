//! The notices that are to be sent, and what became of those that were.

use async_trait::async_trait;
use procura_agent_auth::id::{NoticeId, UserId};
use procura_agent_auth::notice::{Audience, Notice};
use procura_keys::clock::Timestamp;
use procura_people::mail::MailChoice;
use procura_people::push::PushDevice;

use crate::{Page, StoreResult};

/// Notices.
#[async_trait]
pub trait NoticeStore {
    /// Adds a notice.
    async fn insert_notice(&mut self, notice: &Notice) -> StoreResult<()>;
    /// Replaces what changes of a notice that waits and was sent `attempts` times.
    async fn apply_notice(&mut self, notice: &Notice, attempts: u32) -> StoreResult<()>;
    /// The notices to one receiver and audience that were planned for a moment or later, oldest first.
    async fn list_notices_to(
        &mut self,
        receiver: &str,
        audience: &Audience,
        since: Timestamp,
    ) -> StoreResult<Vec<Notice>>;
    /// The waiting notice to a receiver that has been due for the longest time at `now`.
    async fn find_due_notice(
        &mut self,
        receiver: &str,
        now: Timestamp,
    ) -> StoreResult<Option<Notice>>;
    /// How many notices wait for a receiver; counting stops at `at_most`.
    async fn count_waiting_notices(&mut self, receiver: &str, at_most: u32) -> StoreResult<u32>;
    /// Notices, newest first; a page goes on before its key.
    async fn list_notices(&mut self, page: Page<NoticeId>) -> StoreResult<Vec<Notice>>;
    /// Deletes notices that no longer wait and last changed before a moment, at most `limit` and 1000. Says how many.
    async fn delete_old_notices(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64>;
    /// Keeps whether a person gets e-mail.
    async fn put_mail_choice(&mut self, user: &UserId, choice: MailChoice) -> StoreResult<()>;
    /// Whether a person gets e-mail: they do if nothing is kept.
    async fn find_mail_choice(&mut self, user: &UserId) -> StoreResult<MailChoice>;
    /// Adds a device. One with the same endpoint is replaced, whosever it was: a browser is used by who is there now.
    async fn put_push_device(&mut self, device: &PushDevice) -> StoreResult<()>;
    /// The devices of a person, oldest first.
    async fn list_push_devices(&mut self, user: &UserId) -> StoreResult<Vec<PushDevice>>;
    /// Removes the device with this endpoint. Removing one that is gone is no error.
    async fn delete_push_device(&mut self, endpoint: &str) -> StoreResult<()>;
    /// Deletes all notices to a person, their choice and their devices.
    async fn delete_notices_of_user(&mut self, user: &UserId) -> StoreResult<()>;
}
