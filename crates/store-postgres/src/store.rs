//! Connecting to the database and leaving it.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use procura_store::nodes::Feed;
use procura_store::{BackupError, Store, StoreError, StoreResult, Transaction};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};
use tokio::time::timeout;

use crate::error::{OpenError, failed};
use crate::feed::PostgresFeed;
use crate::ownership::Ownership;
use crate::transaction::SqlTransaction;

/// A handle to one database. Clones of it share their connections.
#[derive(Clone, Debug)]
pub struct PostgresStore {
    writer: PgPool,
    readers: PgPool,
    ownership: Ownership,
    /// How to connect, and how a transaction that writes begins.
    options: Arc<PgConnectOptions>,
    begin: &'static str,
}

impl PostgresStore {
    /// Connects to the database at a `postgres://` URL, makes sure that no other process uses it, and
    /// brings its tables up to date. The error is an [`OpenError`].
    pub async fn connect(url: &str) -> StoreResult<Self> {
        let options = connect_options(url).map_err(OpenError::Url)?;
        let mut first = connect_once(&options).await?;
        let ownership = Ownership::take(&mut first).await?;
        first.close().await.map_err(OpenError::Connect)?;
        Self::open(options, ownership, BEGIN).await
    }

    /// Connects as [`connect`](Self::connect) does, but as one of several processes, all of which have
    /// connected in this way. Their programs may differ by one version of the schema.
    pub async fn join(url: &str) -> StoreResult<Self> {
        let options = connect_options(url).map_err(OpenError::Url)?;
        let options = options.options([
            // Whoever has its turn and is gone, or asleep, does not keep the others waiting.
            ("idle_in_transaction_session_timeout", "5s"),
            ("lock_timeout", "20s"),
        ]);
        let mut first = connect_once(&options).await?;
        let ownership = Ownership::share(&mut first).await?;
        first.close().await.map_err(OpenError::Connect)?;
        Self::open(options, ownership, BEGIN_IN_TURN).await
    }

    async fn open(
        options: PgConnectOptions,
        ownership: Ownership,
        begin: &'static str,
    ) -> StoreResult<Self> {
        let writer = writer_options(&ownership)
            .connect_with(options.clone())
            .await
            .map_err(OpenError::Connect)?;
        let reading = options.clone();
        let readers = pool_options(READERS)
            .connect_with(reading.options([("default_transaction_read_only", "on")]))
            .await
            .map_err(OpenError::Connect)?;
        Ok(Self {
            writer,
            readers,
            ownership,
            options: Arc::new(options),
            begin,
        })
    }

    /// Waits until another process has taken this one's place, which is noticed no later than at the first
    /// transaction after it. Nothing works from then on. Returns why.
    pub async fn replaced(&self) -> StoreError {
        self.ownership.wait_for_loss().await;
        OpenError::Replaced.into()
    }

    /// Waits for open transactions to end and leaves the database to others. Later transactions fail.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn begin(&self) -> StoreResult<Box<dyn Transaction>> {
        let begun = self.writer.begin_with(self.begin).await.map_err(failed)?;
        self.ownership.check()?;
        Ok(Box::new(SqlTransaction::new(begun)))
    }

    async fn read(&self) -> StoreResult<Box<dyn Transaction>> {
        let begun = self.readers.begin_with(BEGIN_READING).await;
        Ok(Box::new(SqlTransaction::new(begun.map_err(failed)?)))
    }

    async fn listen(&self) -> StoreResult<Option<Box<dyn Feed>>> {
        if !self.ownership.is_shared() {
            return Ok(None);
        }
        let feed = PostgresFeed::open(self.options.as_ref().clone()).await?;
        Ok(Some(Box::new(feed)))
    }

    /// The engine's own tool does it better, and its administrators know it.
    async fn back_up(&self, _file: &Path) -> Result<(), BackupError> {
        Err(BackupError::ByOtherMeans(BY_PG_DUMP))
    }
}

/// A pool would hide why it cannot connect.
async fn connect_once(options: &PgConnectOptions) -> Result<PgConnection, OpenError> {
    timeout(CONNECT_TIMEOUT, options.connect())
        .await
        .unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))
        .map_err(OpenError::Connect)
}

/// The server ends sessions whose other end is gone, so that the lock does not stay with the dead.
fn connect_options(url: &str) -> sqlx::Result<PgConnectOptions> {
    if !SCHEMES.iter().any(|scheme| url.starts_with(scheme)) {
        let problem = "it has to begin with postgres://";
        return Err(sqlx::Error::Configuration(problem.into()));
    }
    let options: PgConnectOptions = url.parse()?;
    Ok(options
        .application_name("procurad")
        .options([
            // Notices of what is there already.
            ("client_min_messages", "warning"),
            ("tcp_keepalives_idle", "10"),
            ("tcp_keepalives_interval", "5"),
            ("tcp_keepalives_count", "4"),
        ])
        .disable_statement_logging())
}

/// One session, which has to own the database.
fn writer_options(ownership: &Ownership) -> PgPoolOptions {
    let ownership = ownership.clone();
    pool_options(1).after_connect(move |connection, _| {
        let ownership = ownership.clone();
        Box::pin(async move { ownership.resume(connection).await })
    })
}

/// A new session would have to take the lock again, so none is replaced while it works.
fn pool_options(connections: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(connections)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(TURN_TIMEOUT)
}

const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
/// The number is the next after that of the lock that processes hold.
const BEGIN_IN_TURN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
    SELECT pg_advisory_xact_lock(31651020127171170)";
const BEGIN_READING: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

const READERS: u32 = 4;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a transaction waits for a connection.
const TURN_TIMEOUT: Duration = Duration::from_secs(30);

const BY_PG_DUMP: &str = "records are in PostgreSQL: back them up with pg_dump, for example \
    pg_dump --format=custom --file=FILE URL, which a running server does not mind";
