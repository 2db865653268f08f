use async_trait::async_trait;
use procura_keys::clock::Timestamp;
use procura_keys::cose::CoseKey;
use procura_people::passkey::{CredentialId, Passkey, PasskeyId, PasskeyName};
use procura_people::person::PersonId;
use procura_store::people::PasskeyStore;
use procura_store::{StoreError, StoreResult};

use crate::column::{self, corrupt, records};
use crate::error::{failed, failed_on};
use crate::transaction::SqlTransaction;

#[async_trait]
impl PasskeyStore for SqlTransaction {
    async fn insert_passkey(&mut self, passkey: &Passkey) -> StoreResult<()> {
        sqlx::query!(
            "INSERT INTO passkeys (id, person_id, credential_id, public_key, sign_count, synced,
                name, created_at, last_used_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            passkey.id.0,
            passkey.person_id.0,
            passkey.credential_id.as_bytes(),
            passkey.public_key.as_bytes(),
            i64::from(passkey.sign_count),
            passkey.synced,
            passkey.name.as_str(),
            passkey.created_at.as_millis(),
            column::millis(passkey.last_used_at),
        )
        .execute(self.connection())
        .await
        .map_err(failed_on(PASSKEY))?;
        Ok(())
    }

    async fn find_passkey_by_credential(
        &mut self,
        credential_id: &CredentialId,
    ) -> StoreResult<Option<Passkey>> {
        let row = sqlx::query_as!(
            PasskeyRow,
            "SELECT * FROM passkeys WHERE credential_id = $1",
            credential_id.as_bytes(),
        );
        let row = row.fetch_optional(self.connection()).await;
        row.map_err(failed)?.map(Passkey::try_from).transpose()
    }

    async fn list_passkeys_by_person(&mut self, person: &PersonId) -> StoreResult<Vec<Passkey>> {
        let rows = sqlx::query_as!(
            PasskeyRow,
            "SELECT * FROM passkeys WHERE person_id = $1 ORDER BY id",
            person.0,
        );
        records(rows.fetch_all(self.connection()).await.map_err(failed)?)
    }

    async fn note_passkey_use(
        &mut self,
        id: &PasskeyId,
        sign_count: u32,
        at: Timestamp,
    ) -> StoreResult<()> {
        let done = sqlx::query!(
            "UPDATE passkeys SET sign_count = $2, last_used_at = $3 WHERE id = $1",
            id.0,
            i64::from(sign_count),
            at.as_millis(),
        )
        .execute(self.connection())
        .await
        .map_err(failed)?;
        one(done.rows_affected())
    }

    async fn rename_passkey(
        &mut self,
        person: &PersonId,
        id: &PasskeyId,
        name: &PasskeyName,
    ) -> StoreResult<()> {
        let done = sqlx::query!(
            "UPDATE passkeys SET name = $3 WHERE id = $1 AND person_id = $2",
            id.0,
            person.0,
            name.as_str(),
        )
        .execute(self.connection())
        .await
        .map_err(failed)?;
        one(done.rows_affected())
    }

    async fn delete_passkey(&mut self, person: &PersonId, id: &PasskeyId) -> StoreResult<()> {
        let done = sqlx::query!(
            "DELETE FROM passkeys WHERE id = $1 AND person_id = $2",
            id.0,
            person.0,
        )
        .execute(self.connection())
        .await
        .map_err(failed)?;
        one(done.rows_affected())
    }
}

fn one(rows: u64) -> StoreResult<()> {
    (rows == 1)
        .then_some(())
        .ok_or(StoreError::NotFound(PASSKEY))
}

struct PasskeyRow {
    id: String,
    person_id: String,
    credential_id: Vec<u8>,
    public_key: Vec<u8>,
    sign_count: i64,
    synced: bool,
    name: String,
    created_at: i64,
    last_used_at: Option<i64>,
}

impl TryFrom<PasskeyRow> for Passkey {
    type Error = StoreError;

    fn try_from(row: PasskeyRow) -> StoreResult<Self> {
        let credential_id = CredentialId::try_from(row.credential_id);
        let public_key = CoseKey::parse(&row.public_key);
        Ok(Self {
            id: PasskeyId(row.id),
            person_id: PersonId(row.person_id),
            credential_id: credential_id.map_err(|error| corrupt(PASSKEY, &error))?,
            public_key: public_key.map_err(|error| corrupt(PASSKEY, &error))?,
            sign_count: u32::try_from(row.sign_count).map_err(|error| corrupt(PASSKEY, &error))?,
            synced: row.synced,
            name: column::text(PASSKEY, row.name)?,
            created_at: Timestamp::from_millis(row.created_at),
            last_used_at: column::time(row.last_used_at),
        })
    }
}

const PASSKEY: &str = "passkey";
