use async_trait::async_trait;
use procura_agent_auth::id::{NoticeId, UserId};
use procura_agent_auth::notice::{Audience, Notice, NoticeEvent, NoticeState};
use procura_keys::clock::Timestamp;
use procura_people::mail::MailChoice;
use procura_people::person::PersonId;
use procura_people::push::PushDevice;
use procura_store::notices::NoticeStore;
use procura_store::{Page, StoreError, StoreResult};

use crate::column::{self, corrupt};
use crate::error::{failed, failed_on};
use crate::transaction::SqlTransaction;

#[async_trait]
impl NoticeStore for SqlTransaction {
    async fn insert_notice(&mut self, notice: &Notice) -> StoreResult<()> {
        sqlx::query!(
            "INSERT INTO notices (id, receiver, event, user_id, requests, status, attempts, planned_at,
                due_at, error, created_at, updated_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            notice.id.as_str(),
            notice.receiver,
            notice.audience.event().as_str(),
            notice.audience.user_id().map(|id| id.0.as_str()),
            requests(notice)?,
            notice.state.as_str(),
            i64::from(notice.attempts),
            notice.planned_at.as_millis(),
            notice.due_at.as_millis(),
            notice.error,
            notice.created_at.as_millis(),
            notice.updated_at.as_millis(),
        )
        .execute(self.connection())
        .await
        .map_err(failed_on(NOTICE))?;
        Ok(())
    }

    async fn apply_notice(&mut self, notice: &Notice, attempts: u32) -> StoreResult<()> {
        let done = sqlx::query!(
            "UPDATE notices
            SET requests = $3, status = $4, attempts = $5, planned_at = $6, due_at = $7, error = $8,
                updated_at = $9
            WHERE id = $1 AND attempts = $2 AND status = 'waiting'",
            notice.id.as_str(),
            i64::from(attempts),
            requests(notice)?,
            notice.state.as_str(),
            i64::from(notice.attempts),
            notice.planned_at.as_millis(),
            notice.due_at.as_millis(),
            notice.error,
            notice.updated_at.as_millis(),
        );
        let done = done.execute(self.connection()).await.map_err(failed)?;
        if done.rows_affected() == 0 {
            return Err(StoreError::Conflict(NOTICE));
        }
        Ok(())
    }

    async fn list_notices_to(
        &mut self,
        receiver: &str,
        audience: &Audience,
        since: Timestamp,
    ) -> StoreResult<Vec<Notice>> {
        let rows = sqlx::query_as!(
            NoticeRow,
            "SELECT id, receiver, event, user_id, requests, status, attempts, planned_at, due_at, error,
                created_at, updated_at
            FROM notices
            WHERE receiver = $1 AND coalesce(user_id, '') = $2 AND planned_at >= $3",
            receiver,
            audience.user_id().map_or("", |id| id.0.as_str()),
            since.as_millis(),
        );
        let rows = rows.fetch_all(self.connection()).await.map_err(failed)?;
        // Few of one audience lie within a quiet period: sorting them here leaves the index to find them by.
        let mut notices: Vec<Notice> = column::records(rows)?;
        notices.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(notices)
    }

    async fn find_due_notice(
        &mut self,
        receiver: &str,
        now: Timestamp,
    ) -> StoreResult<Option<Notice>> {
        let row = sqlx::query_as!(
            NoticeRow,
            "SELECT id, receiver, event, user_id, requests, status, attempts, planned_at, due_at, error,
                created_at, updated_at
            FROM notices
            WHERE receiver = $1 AND status = 'waiting' AND due_at <= $2
            ORDER BY due_at, id LIMIT 1",
            receiver,
            now.as_millis(),
        );
        let row = row.fetch_optional(self.connection()).await;
        row.map_err(failed)?.map(Notice::try_from).transpose()
    }

    async fn count_waiting_notices(&mut self, receiver: &str, at_most: u32) -> StoreResult<u32> {
        let count = sqlx::query_scalar!(
            r#"SELECT count(*) AS "count!: i64" FROM (
                SELECT id FROM notices WHERE receiver = $1 AND status = 'waiting' LIMIT $2
            ) AS counted"#,
            receiver,
            i64::from(at_most),
        );
        let count = count.fetch_one(self.connection()).await.map_err(failed)?;
        Ok(u32::try_from(count).unwrap_or(at_most))
    }

    async fn list_notices(&mut self, page: Page<NoticeId>) -> StoreResult<Vec<Notice>> {
        // No identifier sorts after this one.
        let before = page.after.as_ref().map_or("ntd", NoticeId::as_str);
        let rows = sqlx::query_as!(
            NoticeRow,
            "SELECT id, receiver, event, user_id, requests, status, attempts, planned_at, due_at, error,
                created_at, updated_at
            FROM notices WHERE id < $1 ORDER BY id DESC LIMIT $2",
            before,
            i64::from(page.limit),
        );
        column::records(rows.fetch_all(self.connection()).await.map_err(failed)?)
    }

    async fn delete_old_notices(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        let done = sqlx::query!(
            "DELETE FROM notices WHERE id IN (
                SELECT id FROM (
                    SELECT id FROM notices WHERE status <> 'waiting' AND updated_at < $1
                    ORDER BY updated_at LIMIT 1000
                ) AS picked LIMIT $2
            )",
            before.as_millis(),
            i64::from(limit),
        );
        let done = done.execute(self.connection()).await.map_err(failed)?;
        Ok(done.rows_affected())
    }

    async fn put_mail_choice(&mut self, user: &UserId, choice: MailChoice) -> StoreResult<()> {
        let put = sqlx::query!(
            "INSERT INTO mail_choices (user_id, choice) VALUES ($1, $2)
            ON CONFLICT (user_id) DO UPDATE SET choice = excluded.choice",
            user.0,
            choice.as_str(),
        );
        put.execute(self.connection()).await.map_err(failed)?;
        Ok(())
    }

    async fn find_mail_choice(&mut self, user: &UserId) -> StoreResult<MailChoice> {
        let choice =
            sqlx::query_scalar!("SELECT choice FROM mail_choices WHERE user_id = $1", user.0,);
        let found = choice.fetch_optional(self.connection()).await;
        found.map_err(failed)?.map_or(Ok(MailChoice::On), |choice| {
            column::name("mail choice", &MailChoice::ALL, MailChoice::as_str, &choice)
        })
    }

    async fn put_push_device(&mut self, device: &PushDevice) -> StoreResult<()> {
        let put = sqlx::query!(
            "INSERT INTO push_devices (endpoint, user_id, public_key, auth, name, created_at)
            VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (endpoint) DO UPDATE SET user_id = excluded.user_id,
                public_key = excluded.public_key, auth = excluded.auth, name = excluded.name,
                created_at = excluded.created_at",
            device.endpoint,
            device.person_id.0,
            device.public_key,
            device.auth,
            device.name,
            device.created_at.as_millis(),
        );
        put.execute(self.connection()).await.map_err(failed)?;
        Ok(())
    }

    async fn list_push_devices(&mut self, user: &UserId) -> StoreResult<Vec<PushDevice>> {
        let rows = sqlx::query!(
            "SELECT endpoint, user_id, public_key, auth, name, created_at FROM push_devices
            WHERE user_id = $1 ORDER BY created_at, endpoint",
            user.0,
        );
        let rows = rows.fetch_all(self.connection()).await.map_err(failed)?;
        let devices = rows.into_iter().map(|row| PushDevice {
            person_id: PersonId(row.user_id),
            endpoint: row.endpoint,
            public_key: row.public_key,
            auth: row.auth,
            name: row.name,
            created_at: Timestamp::from_millis(row.created_at),
        });
        Ok(devices.collect())
    }

    async fn delete_push_device(&mut self, endpoint: &str) -> StoreResult<()> {
        let removed = sqlx::query!("DELETE FROM push_devices WHERE endpoint = $1", endpoint);
        removed.execute(self.connection()).await.map_err(failed)?;
        Ok(())
    }

    async fn delete_notices_of_user(&mut self, user: &UserId) -> StoreResult<()> {
        let devices = sqlx::query!("DELETE FROM push_devices WHERE user_id = $1", user.0);
        devices.execute(self.connection()).await.map_err(failed)?;
        let choice = sqlx::query!("DELETE FROM mail_choices WHERE user_id = $1", user.0);
        choice.execute(self.connection()).await.map_err(failed)?;
        let removed = sqlx::query!("DELETE FROM notices WHERE user_id = $1", user.0);
        removed.execute(self.connection()).await.map_err(failed)?;
        Ok(())
    }
}

fn requests(notice: &Notice) -> StoreResult<String> {
    serde_json::to_string(&notice.requests).map_err(|error| corrupt(NOTICE, &error))
}

struct NoticeRow {
    id: String,
    receiver: String,
    event: String,
    user_id: Option<String>,
    requests: String,
    status: String,
    attempts: i64,
    planned_at: i64,
    due_at: i64,
    error: Option<String>,
    created_at: i64,
    updated_at: i64,
}

impl TryFrom<NoticeRow> for Notice {
    type Error = StoreError;

    fn try_from(row: NoticeRow) -> StoreResult<Self> {
        Ok(Self {
            id: column::text(NOTICE, row.id)?,
            receiver: row.receiver,
            audience: audience(&row.event, row.user_id)?,
            requests: column::json(NOTICE, &row.requests)?,
            state: column::name(NOTICE, &NoticeState::ALL, NoticeState::as_str, &row.status)?,
            attempts: row
                .attempts
                .try_into()
                .map_err(|error| corrupt(NOTICE, &error))?,
            planned_at: Timestamp::from_millis(row.planned_at),
            due_at: Timestamp::from_millis(row.due_at),
            error: row.error,
            created_at: Timestamp::from_millis(row.created_at),
            updated_at: Timestamp::from_millis(row.updated_at),
        })
    }
}

fn audience(event: &str, user_id: Option<String>) -> StoreResult<Audience> {
    let event = column::name(NOTICE, &NoticeEvent::ALL, NoticeEvent::as_str, event)?;
    match (event, user_id) {
        (NoticeEvent::InboxWaiting, Some(id)) => Ok(Audience::Person(UserId(id))),
        (NoticeEvent::DeskWaiting, None) => Ok(Audience::Administrators),
        _ => Err(corrupt(NOTICE, &"its event and person do not go together")),
    }
}

const NOTICE: &str = "notice";
