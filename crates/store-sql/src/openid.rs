use async_trait::async_trait;
use procura_keys::clock::Timestamp;
use procura_people::openid::{Flow, Identity, Purpose, Upstream};
use procura_people::person::PersonId;
use procura_store::people::OpenIdStore;
use procura_store::{StoreError, StoreResult};

use crate::column::{self, corrupt, records};
use crate::error::{failed, failed_on};
use crate::transaction::SqlTransaction;

#[async_trait]
impl OpenIdStore for SqlTransaction {
    async fn insert_flow(&mut self, flow: &Flow) -> StoreResult<()> {
        let (purpose, person_id) = columns(&flow.purpose);
        sqlx::query!(
            "INSERT INTO openid_flows (secret_digest, issuer, purpose, person_id, next, expires_at)
            VALUES ($1, $2, $3, $4, $5, $6)",
            flow.secret_digest.as_slice(),
            flow.issuer,
            purpose,
            person_id,
            flow.next,
            flow.expires_at.as_millis(),
        )
        .execute(self.connection())
        .await
        .map_err(failed_on(FLOW))?;
        Ok(())
    }

    async fn take_flow(&mut self, secret_digest: &[u8; 32]) -> StoreResult<Option<Flow>> {
        let row = sqlx::query_as!(
            FlowRow,
            "DELETE FROM openid_flows WHERE secret_digest = $1
            RETURNING secret_digest, issuer, purpose, person_id, next, expires_at",
            secret_digest.as_slice(),
        );
        let row = row.fetch_optional(self.connection()).await;
        row.map_err(failed)?.map(Flow::try_from).transpose()
    }

    async fn delete_expired_flows(&mut self, now: Timestamp) -> StoreResult<()> {
        sqlx::query!(
            "DELETE FROM openid_flows WHERE expires_at <= $1",
            now.as_millis(),
        )
        .execute(self.connection())
        .await
        .map_err(failed)?;
        Ok(())
    }

    async fn insert_identity(&mut self, identity: &Identity) -> StoreResult<()> {
        sqlx::query!(
            "INSERT INTO identities (issuer, subject, person_id, created_at)
            VALUES ($1, $2, $3, $4)",
            identity.upstream.issuer,
            identity.upstream.subject,
            identity.person_id.0,
            identity.created_at.as_millis(),
        )
        .execute(self.connection())
        .await
        .map_err(failed_on(IDENTITY))?;
        Ok(())
    }

    async fn find_identity(&mut self, upstream: &Upstream) -> StoreResult<Option<Identity>> {
        let row = sqlx::query_as!(
            IdentityRow,
            "SELECT * FROM identities WHERE issuer = $1 AND subject = $2",
            upstream.issuer,
            upstream.subject,
        );
        let row = row.fetch_optional(self.connection()).await;
        row.map_err(failed)?.map(Identity::try_from).transpose()
    }

    async fn list_identities_by_person(&mut self, person: &PersonId) -> StoreResult<Vec<Identity>> {
        let rows = sqlx::query_as!(
            IdentityRow,
            "SELECT * FROM identities WHERE person_id = $1 ORDER BY issuer",
            person.0,
        );
        records(rows.fetch_all(self.connection()).await.map_err(failed)?)
    }

    async fn delete_identity(&mut self, person: &PersonId, issuer: &str) -> StoreResult<()> {
        let done = sqlx::query!(
            "DELETE FROM identities WHERE person_id = $1 AND issuer = $2",
            person.0,
            issuer,
        )
        .execute(self.connection())
        .await
        .map_err(failed)?;
        (done.rows_affected() == 1)
            .then_some(())
            .ok_or(StoreError::NotFound(IDENTITY))
    }
}

fn columns(purpose: &Purpose) -> (&'static str, Option<&str>) {
    match purpose {
        Purpose::SignIn => (SIGN_IN, None),
        Purpose::FreshSignIn => (FRESH_SIGN_IN, None),
        Purpose::Connect(person) => (CONNECT, Some(&person.0)),
    }
}

struct FlowRow {
    secret_digest: Vec<u8>,
    issuer: String,
    purpose: String,
    person_id: Option<String>,
    next: Option<String>,
    expires_at: i64,
}

impl TryFrom<FlowRow> for Flow {
    type Error = StoreError;

    fn try_from(row: FlowRow) -> StoreResult<Self> {
        let purpose = match (row.purpose.as_str(), row.person_id) {
            (SIGN_IN, None) => Purpose::SignIn,
            (FRESH_SIGN_IN, None) => Purpose::FreshSignIn,
            (CONNECT, Some(person)) => Purpose::Connect(PersonId(person)),
            _ => return Err(corrupt(FLOW, &"its purpose is none")),
        };
        Ok(Self {
            issuer: row.issuer,
            secret_digest: column::digest(FLOW, row.secret_digest)?,
            purpose,
            next: row.next,
            expires_at: Timestamp::from_millis(row.expires_at),
        })
    }
}

struct IdentityRow {
    issuer: String,
    subject: String,
    person_id: String,
    created_at: i64,
}

impl TryFrom<IdentityRow> for Identity {
    type Error = StoreError;

    fn try_from(row: IdentityRow) -> StoreResult<Self> {
        Ok(Self {
            upstream: Upstream {
                issuer: row.issuer,
                subject: row.subject,
            },
            person_id: PersonId(row.person_id),
            created_at: Timestamp::from_millis(row.created_at),
        })
    }
}

const FLOW: &str = "sign-in";
const IDENTITY: &str = "identity";
const SIGN_IN: &str = "sign_in";
const FRESH_SIGN_IN: &str = "fresh_sign_in";
const CONNECT: &str = "connect";
