use std::sync::Arc;

use async_trait::async_trait;
use procura_keys::clock::Timestamp;

use super::MemoryTransaction;
use crate::StoreResult;
use crate::replay::{ReplayStore, SeenToken};

#[async_trait]
impl ReplayStore for MemoryTransaction {
    async fn insert_seen(&mut self, tokens: &[SeenToken]) -> StoreResult<()> {
        let seen = Arc::make_mut(&mut self.change()?.seen);
        for token in tokens {
            let name = (token.signer.clone(), token.jti.clone());
            seen.entry(name).or_insert(token.forget_at);
        }
        Ok(())
    }

    async fn list_seen(&mut self, now: Timestamp) -> StoreResult<Vec<SeenToken>> {
        let seen = self.state.seen.iter();
        let remembered = seen.filter(|(_, forget_at)| now < **forget_at);
        Ok(remembered
            .map(|((signer, jti), forget_at)| SeenToken {
                signer: signer.clone(),
                jti: jti.clone(),
                forget_at: *forget_at,
            })
            .collect())
    }
}
