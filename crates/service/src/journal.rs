//! Group commit: what the path of every call has to make durable is written in batches by one task.
//!
//! A caller waits until its entry is in the store. While one batch commits the next one gathers, so that the
//! cost of a commit is shared by everybody who waits for it.

use std::sync::Arc;

use procura_agent_auth::id::{AgentId, HostId};
use procura_keys::clock::Timestamp;
use procura_keys::entropy::{self, Entropy};
use procura_store::audit::AuditEntry;
use procura_store::replay::SeenToken;
use procura_store::{Store, StoreResult};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::error::Failure;

/// What one call has to leave behind.
#[derive(Debug, Default)]
pub(crate) struct Entry {
    /// The token it used up.
    pub(crate) seen: Option<SeenToken>,
    /// Which agent acted, and when.
    pub(crate) agent_use: Option<(AgentId, Timestamp)>,
    /// Which host acted, and when.
    pub(crate) host_use: Option<(HostId, Timestamp)>,
    /// What happened.
    pub(crate) audit: Option<AuditEntry>,
}

/// Where entries go.
#[derive(Clone, Debug)]
pub(crate) struct Journal {
    queue: mpsc::Sender<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    entry: Entry,
    done: oneshot::Sender<Result<(), String>>,
}

impl Journal {
    /// Starts the writer.
    pub(crate) fn start(store: Arc<dyn Store>, entropy: Arc<dyn Entropy>) -> (Self, JournalHandle) {
        let (queue, entries) = mpsc::channel(QUEUE);
        let writer = tokio::spawn(write_batches(store, entropy, entries));
        (Self { queue }, JournalHandle { writer })
    }

    /// Hands in an entry that nobody has to wait for: it is written with the next batch.
    pub(crate) async fn note(&self, entry: Entry) -> Result<(), Failure> {
        let (done, _) = oneshot::channel();
        let sent = self.queue.send(Waiting { entry, done }).await;
        sent.map_err(|_| Failure::Journal("its writer has stopped".to_owned()))
    }

    /// Waits until everything handed in so far is durable.
    pub(crate) async fn settle(&self) -> Result<(), Failure> {
        self.write(Entry::default()).await
    }

    /// Writes an entry and waits until it is durable.
    pub(crate) async fn write(&self, entry: Entry) -> Result<(), Failure> {
        let (done, written) = oneshot::channel();
        let gone = |()| Failure::Journal("its writer has stopped".to_owned());
        self.queue
            .send(Waiting { entry, done })
            .await
            .map_err(|_| gone(()))?;
        written
            .await
            .map_err(|_| gone(()))?
            .map_err(Failure::Journal)
    }
}

/// The running writer. It ends by itself when every [`Context`](crate::Context) that feeds it is gone.
#[derive(Debug)]
pub struct JournalHandle {
    writer: JoinHandle<()>,
}

impl JournalHandle {
    /// Waits until everything handed in has been written.
    pub async fn finished(self) {
        if let Err(error) = self.writer.await {
            tracing::error!(%error, "the journal writer ended abnormally");
        }
    }
}

async fn write_batches(
    store: Arc<dyn Store>,
    entropy: Arc<dyn Entropy>,
    mut entries: mpsc::Receiver<Waiting>,
) {
    let mut batch = Vec::with_capacity(BATCH);
    while entries.recv_many(&mut batch, BATCH).await > 0 {
        let (entries, waiters): (Vec<_>, Vec<_>) =
            batch.drain(..).map(|w| (w.entry, w.done)).unzip();
        let salt = entropy::bytes(entropy.as_ref());
        let result = write_batch(store.as_ref(), salt, entries)
            .await
            .map_err(|error| error.to_string());
        if let Err(error) = &result {
            tracing::error!(%error, "the journal could not be written");
        }
        for waiter in waiters {
            // A caller that hung up does not need to know.
            let _ = waiter.send(result.clone());
        }
    }
}

async fn write_batch(store: &dyn Store, salt: [u8; 32], entries: Vec<Entry>) -> StoreResult<()> {
    let mut seen = Vec::new();
    let mut agent_uses = Vec::new();
    let mut host_uses = Vec::new();
    let mut audit = Vec::new();
    for entry in entries {
        seen.extend(entry.seen);
        agent_uses.extend(entry.agent_use);
        host_uses.extend(entry.host_use);
        audit.extend(entry.audit);
    }
    let mut tx = store.begin().await?;
    // Each statement is a trip to the database's own thread, so those with nothing to do are left out.
    if !seen.is_empty() {
        tx.insert_seen(&seen).await?;
    }
    if !agent_uses.is_empty() {
        tx.touch_agents(&agent_uses).await?;
    }
    for (host, at) in host_uses {
        tx.touch_host(&host, at, None).await?;
    }
    if !audit.is_empty() {
        tx.salt_audit(salt);
        tx.append_audit(audit).await?;
    }
    tx.commit().await
}

const BATCH: usize = 512;
const QUEUE: usize = 4096;
