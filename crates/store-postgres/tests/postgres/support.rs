use std::sync::atomic::{AtomicU32, Ordering};

use procura_store::audit::AuditRecord;
use procura_store::contract::samples::{
    agent, approval, entry, grant, host, pending_grant, person, seen, session,
};
use procura_store::{Store, StoreError, StoreResult};
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
        Self::create("TEMPLATE template_procura").await
    }

    /// Without tables, too.
    pub(crate) async fn bare() -> Self {
        Self::create("").await
    }

    async fn create(how: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let main = Server::get().url("postgres");
        execute(&main, &format!("CREATE DATABASE {name} {how}"))
            .await
            .unwrap();
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

    /// Why it cannot be opened.
    pub(crate) async fn open_error(&self) -> OpenError {
        match self.try_open().await.unwrap_err() {
            StoreError::Unavailable(source) => *source.downcast().unwrap(),
            error => panic!("{error}"),
        }
    }

    /// A connection that obeys none of the store's rules.
    pub(crate) async fn raw(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.unwrap()
    }

    /// Runs statements past the store.
    pub(crate) async fn execute(&self, sql: &str) -> sqlx::Result<()> {
        execute(&self.url, sql).await
    }
}

async fn make_template() {
    let main = Server::get().url("postgres");
    execute(&main, "CREATE DATABASE template_procura")
        .await
        .unwrap();
    let store = PostgresStore::connect(&Server::get().url("template_procura")).await;
    store.unwrap().close().await;
}

async fn execute(url: &str, sql: &str) -> sqlx::Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&mut connection)
        .await?;
    connection.close().await
}

/// Commits a record of each kind; two grants.
pub(crate) async fn fill(store: &PostgresStore) {
    let one = agent(1, &host(1));
    let request = approval(1, &one);
    let mut tx = store.begin().await.unwrap();
    tx.insert_host(&host(1)).await.unwrap();
    tx.insert_agent(&one).await.unwrap();
    tx.insert_approval(&request).await.unwrap();
    tx.insert_grant(&grant(1, &one, "echo")).await.unwrap();
    tx.insert_grant(&pending_grant(2, &request, "pay"))
        .await
        .unwrap();
    tx.insert_person(&person(1)).await.unwrap();
    tx.insert_session(&session(1, &person(1))).await.unwrap();
    tx.append_audit((1..=4).map(entry).collect()).await.unwrap();
    tx.insert_seen(&[seen("a")]).await.unwrap();
    tx.commit().await.unwrap();
}

/// Whether what [`fill`] commits is there, as it was.
pub(crate) async fn assert_filled(store: &PostgresStore) {
    let one = agent(1, &host(1));
    let request = approval(1, &one);
    let session = session(1, &person(1));
    let mut tx = store.read().await.unwrap();
    assert_eq!(tx.load_host(&host(1).id).await.unwrap(), host(1));
    assert_eq!(tx.find_agent(&one.id).await.unwrap(), Some(one.clone()));
    let grants = [grant(1, &one, "echo"), pending_grant(2, &request, "pay")];
    assert_eq!(tx.list_grants_by_agent(&one.id).await.unwrap(), grants);
    let found = tx.find_approval(&request.id).await.unwrap();
    assert_eq!(found, Some(request));
    assert_eq!(
        tx.find_person(&person(1).id).await.unwrap(),
        Some(person(1))
    );
    let found = tx.find_session(&session.token_digest).await.unwrap();
    assert_eq!(found, Some(session));
    let log = tx.list_audit(0, 9).await.unwrap();
    let entries: Vec<_> = log
        .into_iter()
        .map(|record: AuditRecord| record.entry)
        .collect();
    assert_eq!(entries, (1..=4).map(entry).collect::<Vec<_>>());
    let now = seen("a").forget_at.minus(std::time::Duration::from_secs(1));
    assert_eq!(tx.list_seen(now).await.unwrap(), [seen("a")]);
}
