use async_trait::async_trait;
use procura_store::{StoreResult, Transaction};
use sqlx::{PgConnection, Postgres};

use crate::error::failed_to_commit;

/// An open transaction. Its connection undoes it when it is dropped without a commit.
#[derive(Debug)]
pub(crate) struct SqlTransaction {
    inner: sqlx::Transaction<'static, Postgres>,
}

impl SqlTransaction {
    pub(crate) fn new(inner: sqlx::Transaction<'static, Postgres>) -> Self {
        Self { inner }
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
