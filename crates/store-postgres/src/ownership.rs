//! Which process a database belongs to.
//!
//! An advisory lock lets in one process at a time, or several that all said that they would be several. Since a broken
//! session loses it, every process also counts up the database's epoch when it starts: one that gets the lock back and
//! finds another epoch has been replaced meanwhile. What it remembers is out of date, so it must not go on. One of several may,
//! since it relies on nothing it remembers without having heard from the database in time.

use sqlx::PgConnection;
use sqlx::error::DatabaseError;
use sqlx::migrate::{Migrate as _, Migrator};
use tokio::sync::watch;

use crate::error::OpenError;

/// The right of this process to write.
#[derive(Clone, Debug)]
pub(crate) struct Ownership {
    epoch: i64,
    shared: bool,
    lost: watch::Sender<bool>,
}

impl Ownership {
    /// Makes the database this process's own and brings its tables up to date.
    pub(crate) async fn take(connection: &mut PgConnection) -> Result<Self, OpenError> {
        lock(connection, false).await.map_err(why_not_locked)?;
        MIGRATIONS.run(&mut *connection).await?;
        Self::count_up(connection, false).await
    }

    /// Makes this process one of several and brings the tables up to date. They may be one version ahead, which is what
    /// the next program brings while this one goes on.
    pub(crate) async fn share(connection: &mut PgConnection) -> Result<Self, OpenError> {
        lock(connection, true).await.map_err(why_not_shared)?;
        let mut migrations = Migrator::with_migrations(MIGRATIONS.iter().cloned().collect());
        migrations.set_ignore_missing(true);
        migrations.run(&mut *connection).await?;
        let own = MIGRATIONS.iter().map(|it| it.version).max();
        let applied = connection.list_applied_migrations(&MIGRATIONS.table_name);
        let newest = applied.await?.iter().map(|it| it.version).max();
        match newest {
            Some(newest) if own.is_none_or(|own| newest > own + 1) => {
                Err(OpenError::UnknownSchema(newest))
            }
            _ => Self::count_up(connection, true).await,
        }
    }

    async fn count_up(connection: &mut PgConnection, shared: bool) -> Result<Self, OpenError> {
        let epoch = sqlx::query_scalar!("UPDATE store_owner SET epoch = epoch + 1 RETURNING epoch")
            .fetch_one(connection)
            .await
            .map_err(OpenError::Connect)?;
        Ok(Self {
            epoch,
            shared,
            lost: watch::Sender::new(false),
        })
    }

    /// Whether this process is one of several.
    pub(crate) fn is_shared(&self) -> bool {
        self.shared
    }

    /// Takes the lock for a new session of the process, or finds out that it is no longer the owner. The
    /// lock is then left to the one that is.
    pub(crate) async fn resume(&self, connection: &mut PgConnection) -> sqlx::Result<()> {
        if self.shared {
            return lock(connection, true).await;
        }
        // Whoever was replaced need not wait for a lock that somebody holds, and its callers neither.
        if self.was_replaced(connection).await? {
            return Ok(());
        }
        lock(connection, false).await?;
        if self.was_replaced(connection).await? {
            sqlx::query!("SELECT pg_advisory_unlock_all()")
                .execute(connection)
                .await?;
        }
        Ok(())
    }

    /// Whether another process has counted up the epoch, which is noted for good.
    async fn was_replaced(&self, connection: &mut PgConnection) -> sqlx::Result<bool> {
        let epoch = sqlx::query_scalar!("SELECT epoch FROM store_owner")
            .fetch_one(connection)
            .await?;
        let replaced = epoch != self.epoch;
        if replaced {
            self.lost.send_replace(true);
        }
        Ok(replaced)
    }

    /// Waits until it is noticed that another process has been the owner: the next time that a session is made after
    /// the last one broke.
    pub(crate) async fn wait_for_loss(&self) {
        // The sender is right here, so that this ends in no other way.
        let _ = self.lost.subscribe().wait_for(|lost| *lost).await;
    }

    /// Fails once another process has been the owner.
    pub(crate) fn check(&self) -> Result<(), OpenError> {
        if *self.lost.borrow() {
            Err(OpenError::Replaced)
        } else {
            Ok(())
        }
    }
}

/// A process that has just ended may still hold the lock for a moment.
async fn lock(connection: &mut PgConnection, shared: bool) -> sqlx::Result<()> {
    sqlx::query!("SET lock_timeout = '3s'")
        .execute(&mut *connection)
        .await?;
    if shared {
        sqlx::query!("SELECT pg_advisory_lock_shared($1)", LOCK)
            .execute(&mut *connection)
            .await?;
    } else {
        sqlx::query!("SELECT pg_advisory_lock($1)", LOCK)
            .execute(&mut *connection)
            .await?;
    }
    sqlx::query!("RESET lock_timeout")
        .execute(connection)
        .await?;
    Ok(())
}

fn why_not_locked(error: sqlx::Error) -> OpenError {
    if was_held(&error) {
        OpenError::InUse
    } else {
        OpenError::Connect(error)
    }
}

fn why_not_shared(error: sqlx::Error) -> OpenError {
    if was_held(&error) {
        OpenError::InUseByOne
    } else {
        OpenError::Connect(error)
    }
}

fn was_held(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.as_deref() == Some(LOCK_NOT_AVAILABLE)
}

static MIGRATIONS: Migrator = sqlx::migrate!();

/// `procura` in ASCII: other programs in the same database will hardly lock the same number.
const LOCK: i64 = 0x0070_726f_6375_7261;

/// The code of a lock that was not to be had in time.
const LOCK_NOT_AVAILABLE: &str = "55P03";
