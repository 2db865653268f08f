use async_trait::async_trait;
use procura_store::{StoreResult, Transaction};
use sqlx::{Sqlite, SqliteConnection};

use crate::error::failed_to_commit;

/// An open transaction. Its connection undoes it when it is dropped without a commit.
#[derive(Debug)]
pub(crate) struct SqlTransaction {
    inner: sqlx::Transaction<'static, Sqlite>,
    /// What the records it appends to the audit log are salted with.
    pub(crate) salt: [u8; 32],
}

impl SqlTransaction {
    pub(crate) fn new(inner: sqlx::Transaction<'static, Sqlite>) -> Self {
        Self {
            inner,
            salt: [0; 32],
        }
    }

    /// Where statements go.
    pub(crate) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.inner
    }
}

#[async_trait]
impl Transaction for SqlTransaction {
    async fn commit(self: Box<Self>) -> StoreResult<()> {
        self.inner.commit().await.map_err(failed_to_commit)
    }
}
