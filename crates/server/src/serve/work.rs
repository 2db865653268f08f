//! What goes on beside the requests: the administrator's socket, housekeeping and notices.

use std::time::Duration;

use procura_service::{Context, JournalHandle, housekeeping, nodes, secrets};
use procura_store::StoreError;
use tokio::net::UnixListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::Opened;
use crate::admin_socket;
use crate::data_dir::DataDir;
use crate::gateway::live::Live;
use crate::notify::{self, Sender};
use crate::storage::Storage;

/// Goes on until it is ended.
pub(crate) struct Work {
    admin: JoinHandle<()>,
    housekeeping: JoinHandle<()>,
    notices: JoinHandle<()>,
    live: Live,
    stopping: watch::Sender<()>,
    journal: JournalHandle,
    store: Storage,
    // Last, so that the lock goes when everything else is gone.
    dir: DataDir,
}

impl Work {
    pub(crate) fn begin(
        opened: Opened,
        live: Live,
        admin: UnixListener,
        senders: Vec<Box<dyn Sender>>,
        housekeeping_every: Duration,
    ) -> Self {
        let Opened {
            ctx,
            journal,
            store,
            dir,
        } = opened;
        let (stopping, stopped) = watch::channel(());
        let notices = notify::run(ctx.clone(), senders, stopped.clone());
        Self {
            admin: tokio::spawn(admin_socket::serve(ctx.clone(), admin)),
            notices: tokio::spawn(notices),
            housekeeping: tokio::spawn(keep_house(ctx, housekeeping_every, stopped)),
            live,
            stopping,
            journal,
            store,
            dir,
        }
    }

    /// Waits until the store can never be used again by this process, and returns why. Mostly for ever.
    pub(crate) async fn lost(&self) -> StoreError {
        self.store.lost().await
    }

    /// Lets what is under way finish, writes the last records and closes the store.
    pub(crate) async fn end(self) -> anyhow::Result<()> {
        self.admin.abort();
        drop(self.stopping);
        self.live.end().await;
        // All are gone, and with them the last users of the journal, before it is waited for.
        let _ = tokio::join!(self.admin, self.housekeeping, self.notices);
        let written = tokio::time::timeout(LAST_WRITES, self.journal.finished());
        if written.await.is_err() {
            tracing::warn!("a request was still open when the server stopped");
        }
        self.store.close().await;
        self.dir.fresh_socket()?;
        Ok(())
    }
}

/// Runs soon after the start and then now and again. A run that is under way ends before the server does.
async fn keep_house(ctx: Context, every: Duration, mut stopped: watch::Receiver<()>) {
    let mut next_run = Instant::now() + FIRST_RUN.min(every);
    let mut next_tidying = Instant::now() + TIDY_EVERY;
    loop {
        tokio::select! {
            _ = stopped.changed() => {
                if let Err(error) = nodes::leave(&ctx, LAST_JOBS).await {
                    tracing::error!(%error, "the jobs that were running cannot be noted as interrupted");
                }
                return;
            }
            () = sleep_until(next_tidying) => {
                ctx.tidy();
                if let Err(error) = secrets::reload(&ctx).await {
                    tracing::error!(%error, "secrets of the installation cannot be read");
                }
                next_tidying = Instant::now() + TIDY_EVERY;
            }
            () = sleep_until(next_run) => {
                if let Err(error) = housekeeping::run(&ctx, "policy", ctx.now()).await {
                    tracing::error!(%error, "housekeeping failed");
                }
                next_run = Instant::now() + every;
            }
        }
    }
}

const FIRST_RUN: Duration = Duration::from_secs(5);
const TIDY_EVERY: Duration = Duration::from_mins(1);
/// How long jobs may go on once the server is told to stop.
const LAST_JOBS: Duration = Duration::from_secs(10);
const LAST_WRITES: Duration = Duration::from_secs(10);
