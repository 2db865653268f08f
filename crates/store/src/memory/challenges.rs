use std::sync::Arc;

use async_trait::async_trait;
use procura_keys::clock::Timestamp;
use procura_people::challenge::Challenge;

use super::MemoryTransaction;
use crate::people::ChallengeStore;
use crate::{StoreError, StoreResult};

#[async_trait]
impl ChallengeStore for MemoryTransaction {
    async fn insert_challenge(&mut self, challenge: &Challenge) -> StoreResult<()> {
        let challenges = Arc::make_mut(&mut self.change()?.challenges);
        if challenges.contains_key(&challenge.value) {
            return Err(StoreError::Conflict("challenge"));
        }
        challenges.insert(challenge.value, challenge.clone());
        Ok(())
    }

    async fn take_challenge(&mut self, value: &[u8; 32]) -> StoreResult<Option<Challenge>> {
        Ok(Arc::make_mut(&mut self.change()?.challenges).remove(value))
    }

    async fn delete_expired_challenges(&mut self, now: Timestamp) -> StoreResult<()> {
        let challenges = Arc::make_mut(&mut self.change()?.challenges);
        challenges.retain(|_, challenge| now < challenge.expires_at);
        Ok(())
    }
}
