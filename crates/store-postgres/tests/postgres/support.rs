use std::sync::atomic::{AtomicU32, Ordering};

use procura_store::{StoreError, StoreResult};
use procura_store_postgres::{OpenError, PostgresStore};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::sync::OnceCell;

use crate::server::Server;

/// A database of its own, with all tables and no records.
pub(crate) struct Database {
    url: String,
}

impl Database {
    pub(crate) async fn new() -> Self {
        static TEMPLATE: OnceCell<()> = OnceCell::const_new();
        TEMPLATE.get_or_init(make_template).await;
        Self::create("TEMPLATE template_procura")
    }

    /// Without tables, too.
    pub(crate) fn bare() -> Self {
        Self::create("")
    }

    fn create(how: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        Server::get().run("postgres", &format!("CREATE DATABASE {name} {how}"));
        Self {
            url: Server::get().url(&name),
        }
    }

    pub(crate) async fn open(&self) -> PostgresStore {
        self.try_open().await.unwrap()
    }

    pub(crate) async fn try_open(&self) -> StoreResult<PostgresStore> {
        PostgresStore::connect(&self.url).await
    }

    pub(crate) async fn join(&self) -> StoreResult<PostgresStore> {
        PostgresStore::join(&self.url).await
    }

    /// Why it cannot be opened.
    pub(crate) async fn open_error(&self) -> OpenError {
        reason(self.try_open().await.unwrap_err())
    }

    /// A connection that obeys none of the store's rules.
    pub(crate) async fn raw(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.unwrap()
    }

    /// Runs statements past the store.
    pub(crate) async fn execute(&self, sql: &str) -> sqlx::Result<()> {
        let mut connection = self.raw().await;
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut connection)
            .await?;
        connection.close().await
    }
}

pub(crate) fn reason(error: StoreError) -> OpenError {
    match error {
        StoreError::Unavailable(source) => *source.downcast().unwrap(),
        error => panic!("{error}"),
    }
}

async fn make_template() {
    Server::get().run("postgres", "CREATE DATABASE template_procura");
    let store = PostgresStore::connect(&Server::get().url("template_procura")).await;
    store.unwrap().close().await;
}
