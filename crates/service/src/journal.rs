//! Group commit: what the path of every call has to make durable is written in batches by one task.
//!
//! A caller waits until its entry is in the store. While one batch commits the next one gathers, so that the
//! cost of a commit is shared by everybody who waits for it.
//!
//! Where several processes share a store, this is also where it shows whose a token is: that of the process which
//! was first to write it down. What another one tells of a token that is taken already is not written at all.

use std::collections::HashSet;
use std::sync::Arc;

use procura_agent_auth::id::{AgentId, HostId};
use procura_agent_auth::token::TokenDefect;
use procura_keys::clock::{Clock, Timestamp};
use procura_keys::entropy::{self, Entropy};
use procura_store::audit::AuditEntry;
use procura_store::replay::SeenToken;
use procura_store::{Store, StoreResult, Transaction};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::error::{Failure, ServiceResult};

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
    done: oneshot::Sender<Result<(), Undone>>,
}

/// Why an entry is not in the store.
#[derive(Clone, Debug)]
enum Undone {
    /// Another process has used its token.
    Replayed,
    Failed(String),
}

impl Journal {
    /// Starts the writer.
    pub(crate) fn start(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> (Self, JournalHandle) {
        let (queue, entries) = mpsc::channel(QUEUE);
        let writer = tokio::spawn(write_batches(store, clock, entropy, entries));
        (Self { queue }, JournalHandle { writer })
    }

    /// Hands in an entry that nobody has to wait for: it is written with the next batch.
    pub(crate) async fn note(&self, entry: Entry) -> Result<(), Failure> {
        let (done, _) = oneshot::channel();
        let sent = self.queue.send(Waiting { entry, done }).await;
        sent.map_err(|_| Failure::Journal("its writer has stopped".to_owned()))
    }

    /// Waits until everything handed in so far is durable.
    pub(crate) async fn settle(&self) -> ServiceResult<()> {
        self.write(Entry::default()).await
    }

    /// Writes an entry and waits until it is durable. Refused if another process has used its token.
    pub(crate) async fn write(&self, entry: Entry) -> ServiceResult<()> {
        let (done, written) = oneshot::channel();
        let gone = |()| Failure::Journal("its writer has stopped".to_owned());
        self.queue
            .send(Waiting { entry, done })
            .await
            .map_err(|_| gone(()))?;
        match written.await.map_err(|_| gone(()))? {
            Ok(()) => Ok(()),
            Err(Undone::Replayed) => Err(TokenDefect::Replayed.into()),
            Err(Undone::Failed(why)) => Err(Failure::Journal(why).into()),
        }
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
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    mut entries: mpsc::Receiver<Waiting>,
) {
    let mut batch = Vec::with_capacity(BATCH);
    while entries.recv_many(&mut batch, BATCH).await > 0 {
        let (entries, waiters): (Vec<_>, Vec<_>) =
            batch.drain(..).map(|w| (w.entry, w.done)).unzip();
        let salt = entropy::bytes(entropy.as_ref());
        let result = write_batch(store.as_ref(), salt, clock.now(), entries)
            .await
            .map_err(|error| error.to_string());
        if let Err(error) = &result {
            tracing::error!(%error, "the journal could not be written");
        }
        for (place, waiter) in waiters.into_iter().enumerate() {
            let done = match &result {
                Ok(replayed) if replayed.contains(&place) => Err(Undone::Replayed),
                Ok(_) => Ok(()),
                Err(error) => Err(Undone::Failed(error.clone())),
            };
            // A caller that hung up does not need to know.
            let _ = waiter.send(done);
        }
    }
}

/// Writes all entries but those whose token another process has used, and returns the places of those.
async fn write_batch(
    store: &dyn Store,
    salt: [u8; 32],
    now: Timestamp,
    mut entries: Vec<Entry>,
) -> StoreResult<HashSet<usize>> {
    let (places, seen): (Vec<_>, Vec<_>) = entries
        .iter_mut()
        .enumerate()
        .filter_map(|(place, entry)| Some((place, entry.seen.take()?)))
        .unzip();
    let (mut tx, replayed) = use_up(store, now, &places, &seen).await?;
    let mut agent_uses = Vec::new();
    let mut host_uses = Vec::new();
    let mut audit = Vec::new();
    for (place, entry) in entries.into_iter().enumerate() {
        if !replayed.contains(&place) {
            agent_uses.extend(entry.agent_use);
            host_uses.extend(entry.host_use);
            audit.extend(entry.audit);
        }
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
    tx.commit().await?;
    Ok(replayed)
}

/// Begins a transaction in which these tokens are used, and returns the places of those that were used before.
async fn use_up(
    store: &dyn Store,
    now: Timestamp,
    places: &[usize],
    seen: &[SeenToken],
) -> StoreResult<(Box<dyn Transaction>, HashSet<usize>)> {
    let mut tx = store.begin().await?;
    // Each statement is a trip to the database's own thread, so those with nothing to do are left out.
    if seen.is_empty() || tx.insert_seen(seen, now).await? == seen.len() as u64 {
        return Ok((tx, HashSet::new()));
    }
    // Which ones were there already cannot be told any more, so this is begun again. It is rare: this process has
    // let none pass that it knew itself.
    drop(tx);
    let mut tx = store.begin().await?;
    let used = tx.find_seen(seen, now).await?;
    let used: HashSet<_> = used.iter().map(|it| (&it.signer, &it.jti)).collect();
    let replayed = |token: &SeenToken| used.contains(&(&token.signer, &token.jti));
    let at = places.iter().zip(seen).filter(|(_, token)| replayed(token));
    let at = at.map(|(place, _)| *place).collect();
    tx.insert_seen(seen, now).await?;
    Ok((tx, at))
}

const BATCH: usize = 512;
const QUEUE: usize = 4096;
