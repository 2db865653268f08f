use async_trait::async_trait;
use procura_keys::clock::Timestamp;
use procura_people::password::PasswordHash;
use procura_people::person::{Email, Person, PersonId};
use procura_store::people::PersonStore;
use procura_store::{Page, StoreError, StoreResult};

use crate::column::{self, records};
use crate::error::{failed, failed_on};
use crate::transaction::SqlTransaction;

#[async_trait]
impl PersonStore for SqlTransaction {
    async fn insert_person(&mut self, person: &Person) -> StoreResult<()> {
        let password = person.password.as_ref().map(PasswordHash::expose);
        sqlx::query!(
            "INSERT INTO persons (id, email, name, password, administrator, disabled, created_at,
                updated_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            person.id.0,
            person.email.as_str(),
            person.name,
            password,
            person.administrator,
            person.disabled,
            person.created_at.as_millis(),
            person.updated_at.as_millis(),
        )
        .execute(self.connection())
        .await
        .map_err(failed_on(PERSON))?;
        Ok(())
    }

    async fn find_person(&mut self, id: &PersonId) -> StoreResult<Option<Person>> {
        let row = sqlx::query_as!(PersonRow, "SELECT * FROM persons WHERE id = $1", id.0);
        let row = row.fetch_optional(self.connection()).await;
        row.map_err(failed)?.map(Person::try_from).transpose()
    }

    async fn find_person_by_email(&mut self, email: &Email) -> StoreResult<Option<Person>> {
        let row = sqlx::query_as!(
            PersonRow,
            "SELECT * FROM persons WHERE email = $1",
            email.as_str(),
        );
        let row = row.fetch_optional(self.connection()).await;
        row.map_err(failed)?.map(Person::try_from).transpose()
    }

    async fn list_persons(&mut self, page: Page<PersonId>) -> StoreResult<Vec<Person>> {
        let after = page.after.as_ref().map_or("", |id| id.0.as_str());
        let rows = sqlx::query_as!(
            PersonRow,
            "SELECT * FROM persons WHERE id > $1 ORDER BY id LIMIT $2",
            after,
            i64::from(page.limit),
        );
        records(rows.fetch_all(self.connection()).await.map_err(failed)?)
    }

    async fn has_administrator(&mut self) -> StoreResult<bool> {
        let row = sqlx::query!(
            "SELECT id FROM persons WHERE administrator = TRUE AND disabled = FALSE LIMIT 1"
        );
        let row = row.fetch_optional(self.connection()).await;
        Ok(row.map_err(failed)?.is_some())
    }

    async fn set_password(
        &mut self,
        id: &PersonId,
        password: Option<&PasswordHash>,
        at: Timestamp,
    ) -> StoreResult<()> {
        let done = sqlx::query!(
            "UPDATE persons SET password = $2, updated_at = $3 WHERE id = $1",
            id.0,
            password.map(PasswordHash::expose),
            at.as_millis(),
        )
        .execute(self.connection())
        .await
        .map_err(failed)?;
        (done.rows_affected() == 1)
            .then_some(())
            .ok_or(StoreError::NotFound(PERSON))
    }

    async fn set_administrator(
        &mut self,
        id: &PersonId,
        administrator: bool,
        at: Timestamp,
    ) -> StoreResult<()> {
        let done = sqlx::query!(
            "UPDATE persons SET administrator = $2, updated_at = $3 WHERE id = $1",
            id.0,
            administrator,
            at.as_millis(),
        )
        .execute(self.connection())
        .await
        .map_err(failed)?;
        (done.rows_affected() == 1)
            .then_some(())
            .ok_or(StoreError::NotFound(PERSON))
    }

    async fn update_person(&mut self, person: &Person) -> StoreResult<()> {
        let done = sqlx::query!(
            "UPDATE persons SET email = $2, name = $3, administrator = $4, updated_at = $5 WHERE id = $1",
            person.id.0,
            person.email.as_str(),
            person.name,
            person.administrator,
            person.updated_at.as_millis(),
        )
        .execute(self.connection())
        .await
        .map_err(failed_on(PERSON))?;
        (done.rows_affected() == 1)
            .then_some(())
            .ok_or(StoreError::NotFound(PERSON))
    }

    async fn delete_person(&mut self, id: &PersonId) -> StoreResult<()> {
        let sessions = sqlx::query!("DELETE FROM sessions WHERE person_id = $1", id.0);
        sessions.execute(self.connection()).await.map_err(failed)?;
        let passkeys = sqlx::query!("DELETE FROM passkeys WHERE person_id = $1", id.0);
        passkeys.execute(self.connection()).await.map_err(failed)?;
        let codes = sqlx::query!("DELETE FROM recovery_codes WHERE person_id = $1", id.0);
        codes.execute(self.connection()).await.map_err(failed)?;
        let identities = sqlx::query!("DELETE FROM identities WHERE person_id = $1", id.0);
        let identities = identities.execute(self.connection()).await;
        identities.map_err(failed)?;
        let entries = sqlx::query!("DELETE FROM vault_entries WHERE person_id = $1", id.0);
        entries.execute(self.connection()).await.map_err(failed)?;
        let done = sqlx::query!("DELETE FROM persons WHERE id = $1", id.0)
            .execute(self.connection())
            .await
            .map_err(failed)?;
        (done.rows_affected() == 1)
            .then_some(())
            .ok_or(StoreError::NotFound(PERSON))
    }

    async fn disable_person(
        &mut self,
        id: &PersonId,
        disabled: bool,
        at: Timestamp,
    ) -> StoreResult<()> {
        let done = sqlx::query!(
            "UPDATE persons SET disabled = $2, updated_at = $3 WHERE id = $1",
            id.0,
            disabled,
            at.as_millis(),
        )
        .execute(self.connection())
        .await
        .map_err(failed)?;
        (done.rows_affected() == 1)
            .then_some(())
            .ok_or(StoreError::NotFound(PERSON))
    }
}

pub(crate) struct PersonRow {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) password: Option<String>,
    pub(crate) administrator: bool,
    pub(crate) disabled: bool,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

impl TryFrom<PersonRow> for Person {
    type Error = StoreError;

    fn try_from(row: PersonRow) -> StoreResult<Self> {
        Ok(Self {
            id: PersonId(row.id),
            email: column::text(PERSON, row.email)?,
            name: row.name,
            password: row.password.map(PasswordHash::from_stored),
            administrator: row.administrator,
            disabled: row.disabled,
            created_at: Timestamp::from_millis(row.created_at),
            updated_at: Timestamp::from_millis(row.updated_at),
        })
    }
}

const PERSON: &str = "person";
