use async_trait::async_trait;
use procura_store::{StoreResult, Transaction};
use sqlx::{PgConnection, Postgres};

use crate::error::failed_to_commit;

/// An open transaction. Its connection undoes it when it is dropped without a commit.
#[derive(Debug)]
pub(crate) struct SqlTransaction {
    inner: sqlx::Transaction<'static, Postgres>,
    /// What the records it appends to the audit log are salted with.
    pub(crate) salt: [u8; 32],
}

impl SqlTransaction {
    pub(crate) fn new(inner: sqlx::Transaction<'static, Postgres>) -> Self {
        Self {
            inner,
            salt: [0; 32],
        }
    }

    /// Where statements go.
    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        &mut self.inner
    }
}

#[async_trait]
impl Transaction for SqlTransaction {
    /// After a failed statement, PostgreSQL answers `COMMIT` by undoing everything and reports no
    /// error. Any other statement is refused then, so one goes ahead.
    async fn commit(mut self: Box<Self>) -> StoreResult<()> {
        sqlx::query!("SET CONSTRAINTS ALL IMMEDIATE")
            .execute(self.connection())
            .await
            .map_err(failed_to_commit)?;
        self.inner.commit().await.map_err(failed_to_commit)
    }
}
