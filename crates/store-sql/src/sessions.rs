use async_trait::async_trait;
use procura_keys::clock::Timestamp;
use procura_people::person::PersonId;
use procura_people::presence::{Method, Proof};
use procura_people::session::Session;
use procura_store::people::SessionStore;
use procura_store::{StoreError, StoreResult};

use crate::column::{self, corrupt, records};
use crate::error::{failed, failed_on};
use crate::transaction::SqlTransaction;

#[async_trait]
impl SessionStore for SqlTransaction {
    async fn insert_session(&mut self, session: &Session) -> StoreResult<()> {
        sqlx::query!(
            "INSERT INTO sessions (token_digest, person_id, proof_method, proof_at, created_at,
                expires_at)
            VALUES ($1, $2, $3, $4, $5, $6)",
            session.token_digest.as_slice(),
            session.person_id.0,
            session.proof.method.as_str(),
            session.proof.at.as_millis(),
            session.created_at.as_millis(),
            session.expires_at.as_millis(),
        )
        .execute(self.connection())
        .await
        .map_err(failed_on(SESSION))?;
        Ok(())
    }

    async fn find_session(&mut self, token_digest: &[u8; 32]) -> StoreResult<Option<Session>> {
        let row = sqlx::query_as!(
            SessionRow,
            "SELECT * FROM sessions WHERE token_digest = $1",
            token_digest.as_slice(),
        );
        let row = row.fetch_optional(self.connection()).await;
        row.map_err(failed)?.map(Session::try_from).transpose()
    }

    async fn list_sessions_by_person(&mut self, person: &PersonId) -> StoreResult<Vec<Session>> {
        let rows = sqlx::query_as!(
            SessionRow,
            "SELECT * FROM sessions WHERE person_id = $1 ORDER BY created_at, token_digest",
            person.0,
        );
        records(rows.fetch_all(self.connection()).await.map_err(failed)?)
    }

    async fn prove_session(&mut self, token_digest: &[u8; 32], proof: Proof) -> StoreResult<()> {
        let done = sqlx::query!(
            "UPDATE sessions SET proof_method = $2, proof_at = $3 WHERE token_digest = $1",
            token_digest.as_slice(),
            proof.method.as_str(),
            proof.at.as_millis(),
        )
        .execute(self.connection())
        .await
        .map_err(failed)?;
        (done.rows_affected() == 1)
            .then_some(())
            .ok_or(StoreError::NotFound(SESSION))
    }

    async fn delete_session(&mut self, token_digest: &[u8; 32]) -> StoreResult<()> {
        sqlx::query!(
            "DELETE FROM sessions WHERE token_digest = $1",
            token_digest.as_slice(),
        )
        .execute(self.connection())
        .await
        .map_err(failed)?;
        Ok(())
    }

    async fn delete_sessions_of_person(&mut self, person: &PersonId) -> StoreResult<()> {
        sqlx::query!("DELETE FROM sessions WHERE person_id = $1", person.0)
            .execute(self.connection())
            .await
            .map_err(failed)?;
        Ok(())
    }
}

struct SessionRow {
    token_digest: Vec<u8>,
    person_id: String,
    proof_method: String,
    proof_at: i64,
    created_at: i64,
    expires_at: i64,
}

impl TryFrom<SessionRow> for Session {
    type Error = StoreError;

    fn try_from(row: SessionRow) -> StoreResult<Self> {
        let method = Method::parse(&row.proof_method)
            .ok_or_else(|| corrupt(SESSION, &"it names an unknown kind of proof"))?;
        Ok(Self {
            token_digest: column::digest(SESSION, row.token_digest)?,
            person_id: PersonId(row.person_id),
            created_at: Timestamp::from_millis(row.created_at),
            proof: Proof {
                method,
                at: Timestamp::from_millis(row.proof_at),
            },
            expires_at: Timestamp::from_millis(row.expires_at),
        })
    }
}

const SESSION: &str = "session";
