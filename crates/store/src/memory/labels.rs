use std::sync::Arc;

use async_trait::async_trait;
use procura_agent_auth::id::UserId;

use super::MemoryTransaction;
use crate::StoreResult;
use crate::labels::LabelStore;

#[async_trait]
impl LabelStore for MemoryTransaction {
    async fn put_label(
        &mut self,
        user: &UserId,
        subject: &str,
        label: Option<&str>,
    ) -> StoreResult<()> {
        let labels = Arc::make_mut(&mut self.change()?.labels);
        let key = (user.0.clone(), subject.to_owned());
        match label {
            Some(label) => labels.insert(key, label.to_owned()),
            None => labels.remove(&key),
        };
        Ok(())
    }

    async fn find_label(&mut self, user: &UserId, subject: &str) -> StoreResult<Option<String>> {
        let key = (user.0.clone(), subject.to_owned());
        Ok(self.state.labels.get(&key).cloned())
    }

    async fn delete_labels_of_user(&mut self, user: &UserId) -> StoreResult<()> {
        let labels = Arc::make_mut(&mut self.change()?.labels);
        labels.retain(|(owner, _), _| *owner != user.0);
        Ok(())
    }
}
