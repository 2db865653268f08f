use async_trait::async_trait;
use procura_keys::clock::Timestamp;
use procura_people::invitation::Invitation;
use procura_people::person::Email;
use procura_store::people::InvitationStore;
use procura_store::{StoreError, StoreResult};

use crate::column;
use crate::error::{failed, failed_on};
use crate::transaction::SqlTransaction;

#[async_trait]
impl InvitationStore for SqlTransaction {
    async fn insert_invitation(&mut self, invitation: &Invitation) -> StoreResult<()> {
        sqlx::query!(
            "INSERT INTO invitations (token_digest, email, administrator, created_at, expires_at)
            VALUES ($1, $2, $3, $4, $5)",
            invitation.token_digest.as_slice(),
            invitation.email.as_ref().map(Email::as_str),
            invitation.administrator,
            invitation.created_at.as_millis(),
            invitation.expires_at.as_millis(),
        )
        .execute(self.connection())
        .await
        .map_err(failed_on(INVITATION))?;
        Ok(())
    }

    async fn find_invitation(
        &mut self,
        token_digest: &[u8; 32],
    ) -> StoreResult<Option<Invitation>> {
        let row = sqlx::query_as!(
            InvitationRow,
            "SELECT * FROM invitations WHERE token_digest = $1",
            token_digest.as_slice(),
        );
        let row = row.fetch_optional(self.connection()).await;
        row.map_err(failed)?.map(Invitation::try_from).transpose()
    }

    async fn delete_invitation(&mut self, token_digest: &[u8; 32]) -> StoreResult<()> {
        sqlx::query!(
            "DELETE FROM invitations WHERE token_digest = $1",
            token_digest.as_slice(),
        )
        .execute(self.connection())
        .await
        .map_err(failed)?;
        Ok(())
    }

    async fn delete_open_invitations(&mut self) -> StoreResult<()> {
        sqlx::query!("DELETE FROM invitations WHERE email IS NULL")
            .execute(self.connection())
            .await
            .map_err(failed)?;
        Ok(())
    }

    async fn delete_expired_invitations(&mut self, now: Timestamp) -> StoreResult<()> {
        sqlx::query!(
            "DELETE FROM invitations WHERE expires_at <= $1",
            now.as_millis(),
        )
        .execute(self.connection())
        .await
        .map_err(failed)?;
        Ok(())
    }
}

struct InvitationRow {
    token_digest: Vec<u8>,
    email: Option<String>,
    administrator: bool,
    created_at: i64,
    expires_at: i64,
}

impl TryFrom<InvitationRow> for Invitation {
    type Error = StoreError;

    fn try_from(row: InvitationRow) -> StoreResult<Self> {
        let email = row.email.map(|email| column::text(INVITATION, email));
        Ok(Self {
            token_digest: column::digest(INVITATION, row.token_digest)?,
            email: email.transpose()?,
            administrator: row.administrator,
            created_at: Timestamp::from_millis(row.created_at),
            expires_at: Timestamp::from_millis(row.expires_at),
        })
    }
}

const INVITATION: &str = "invitation";
