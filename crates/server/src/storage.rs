//! The opened store, whichever it is.

use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use procura_store::{Store, StoreError};
use procura_store_postgres::PostgresStore;
use procura_store_sqlite::SqliteStore;

use crate::config::{Nodes, StoreChoice};
use crate::data_dir::DataDir;

/// An open store.
pub(crate) enum Storage {
    Embedded(SqliteStore),
    Postgres(PostgresStore),
}

impl Storage {
    pub(crate) async fn open(choice: &StoreChoice, dir: &DataDir) -> anyhow::Result<Self> {
        match choice {
            StoreChoice::Embedded => {
                let database = dir.database();
                let store = SqliteStore::open(&database).await;
                let store = store.with_context(|| format!("cannot open {}", database.display()))?;
                Ok(Self::Embedded(store))
            }
            StoreChoice::Postgres(url, nodes) => {
                let store = match nodes {
                    Nodes::One => PostgresStore::connect(url.expose()).await,
                    Nodes::Several => PostgresStore::join(url.expose()).await,
                };
                // The text of the error has all its causes in it.
                let store = store.map_err(|error| anyhow!("cannot use PostgreSQL: {error}"))?;
                Ok(Self::Postgres(store))
            }
        }
    }

    pub(crate) fn shared(&self) -> Arc<dyn Store> {
        match self {
            Self::Embedded(store) => Arc::new(store.clone()),
            Self::Postgres(store) => Arc::new(store.clone()),
        }
    }

    /// Waits until the store can never be used again by this process, and returns why. Mostly for ever.
    pub(crate) async fn lost(&self) -> StoreError {
        match self {
            Self::Embedded(_) => std::future::pending().await,
            Self::Postgres(store) => store.replaced().await,
        }
    }

    /// Waits for open transactions to end.
    pub(crate) async fn close(&self) {
        match self {
            Self::Embedded(store) => store.close().await,
            Self::Postgres(store) => store.close().await,
        }
    }
}
