use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use procura_keys::clock::Timestamp;

use super::MemoryTransaction;
use crate::StoreResult;
use crate::replay::{ReplayStore, SeenToken};

#[async_trait]
impl ReplayStore for MemoryTransaction {
    async fn insert_seen(&mut self, tokens: &[SeenToken], now: Timestamp) -> StoreResult<u64> {
        let seen = Arc::make_mut(&mut self.change()?.seen);
        let mut new = HashSet::new();
        for token in tokens {
            let name = (token.signer.clone(), token.jti.clone());
            let known = seen.get(&name).is_some_and(|forget_at| now < *forget_at);
            if !known && new.insert(name.clone()) {
                seen.insert(name, token.forget_at);
            }
        }
        Ok(new.len() as u64)
    }

    async fn find_seen(
        &mut self,
        tokens: &[SeenToken],
        now: Timestamp,
    ) -> StoreResult<Vec<SeenToken>> {
        let asked: HashSet<_> = tokens.iter().map(|it| (&it.signer, &it.jti)).collect();
        let remembered = self.list_seen(now).await?.into_iter();
        Ok(remembered
            .filter(|it| asked.contains(&(&it.signer, &it.jti)))
            .collect())
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
