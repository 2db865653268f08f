use std::sync::Arc;

use async_trait::async_trait;
use procura_keys::clock::Timestamp;
use procura_people::invitation::Invitation;

use super::MemoryTransaction;
use crate::people::InvitationStore;
use crate::{StoreError, StoreResult};

#[async_trait]
impl InvitationStore for MemoryTransaction {
    async fn insert_invitation(&mut self, invitation: &Invitation) -> StoreResult<()> {
        let invitations = Arc::make_mut(&mut self.change()?.invitations);
        if invitations.contains_key(&invitation.token_digest) {
            return Err(StoreError::Conflict("invitation"));
        }
        invitations.insert(invitation.token_digest, invitation.clone());
        Ok(())
    }

    async fn find_invitation(
        &mut self,
        token_digest: &[u8; 32],
    ) -> StoreResult<Option<Invitation>> {
        Ok(self.state.invitations.get(token_digest).cloned())
    }

    async fn delete_invitation(&mut self, token_digest: &[u8; 32]) -> StoreResult<()> {
        Arc::make_mut(&mut self.change()?.invitations).remove(token_digest);
        Ok(())
    }

    async fn delete_open_invitations(&mut self) -> StoreResult<()> {
        let invitations = Arc::make_mut(&mut self.change()?.invitations);
        invitations.retain(|_, invitation| invitation.email.is_some());
        Ok(())
    }

    async fn delete_expired_invitations(&mut self, now: Timestamp) -> StoreResult<()> {
        let invitations = Arc::make_mut(&mut self.change()?.invitations);
        invitations.retain(|_, invitation| invitation.is_live(now));
        Ok(())
    }
}
