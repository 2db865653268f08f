use std::sync::Arc;

use async_trait::async_trait;

use super::MemoryTransaction;
use crate::secrets::{Secret, SecretStore};
use crate::{StoreError, StoreResult};

#[async_trait]
impl SecretStore for MemoryTransaction {
    async fn insert_secret(&mut self, secret: &Secret) -> StoreResult<()> {
        let secrets = Arc::make_mut(&mut self.change()?.secrets);
        let key = (secret.purpose.clone(), secret.number);
        if secrets.contains_key(&key) {
            return Err(StoreError::Conflict("secret"));
        }
        secrets.insert(key, secret.clone());
        Ok(())
    }

    async fn list_secrets(&mut self, purpose: &str) -> StoreResult<Vec<Secret>> {
        let all = self.state.secrets.values().rev();
        Ok(all.filter(|it| it.purpose == purpose).cloned().collect())
    }

    async fn delete_secrets_before(&mut self, purpose: &str, number: i64) -> StoreResult<()> {
        let secrets = Arc::make_mut(&mut self.change()?.secrets);
        secrets.retain(|_, it| it.purpose != purpose || it.number >= number);
        Ok(())
    }
}
