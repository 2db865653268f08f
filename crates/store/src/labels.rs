//! What people call their apps and agents themselves.

use async_trait::async_trait;
use procura_agent_auth::id::UserId;

use crate::StoreResult;

/// Labels. A person has at most one for each thing; nobody else sees it.
#[async_trait]
pub trait LabelStore {
    /// Sets a person's label for the thing with this identifier, or takes it away.
    async fn put_label(
        &mut self,
        user: &UserId,
        subject: &str,
        label: Option<&str>,
    ) -> StoreResult<()>;
    /// A person's label for the thing with this identifier.
    async fn find_label(&mut self, user: &UserId, subject: &str) -> StoreResult<Option<String>>;
    /// Takes all labels of a person away.
    async fn delete_labels_of_user(&mut self, user: &UserId) -> StoreResult<()>;
}
