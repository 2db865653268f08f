//! What the database tells each process of the others' changes.
//!
//! Triggers notify of every change, and PostgreSQL delivers that when the change is committed, in the order of
//! commits. A session that has died quietly would tell nothing, so it proves several times a second that it has not:
//! by a notification to itself. When that comes back, so has everything that was committed before it.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use procura_store::nodes::{Feed, News};
use procura_store::{StoreError, StoreResult};
use sqlx::postgres::{PgConnectOptions, PgListener, PgNotification, PgPoolOptions};
use tokio::time::{sleep_until, timeout};

use crate::error::failed;

/// An open session that listens.
pub(crate) struct PostgresFeed {
    listener: PgListener,
    /// Where only this session listens.
    echo: String,
    /// The number of the latest proof that was asked for, and when.
    proof: (u64, Instant),
}

impl PostgresFeed {
    pub(crate) async fn open(options: PgConnectOptions) -> StoreResult<Self> {
        // Nothing that it writes has to outlast a crash.
        let options = options.options([("synchronous_commit", "off")]);
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(PATIENCE)
            .connect_with(options);
        let pool = pool.await.map_err(failed)?;
        let mut listener = PgListener::connect_with(&pool).await.map_err(failed)?;
        // Whoever listens has to know that something was missed.
        listener.eager_reconnect(false);
        let session = sqlx::query_scalar!("SELECT pg_backend_pid() AS \"pid!\"");
        let session = session.fetch_one(&mut listener).await.map_err(failed)?;
        let echo = format!("procura_echo_{session}");
        let channels = [CHANGES, echo.as_str()];
        listener.listen_all(channels).await.map_err(failed)?;
        let proof = (0, Instant::now());
        let mut feed = Self {
            listener,
            echo,
            proof,
        };
        feed.ask_for_proof().await?;
        Ok(feed)
    }

    async fn ask_for_proof(&mut self) -> StoreResult<()> {
        let (number, asked) = (self.proof.0 + 1, Instant::now());
        let notify = sqlx::query!(
            "SELECT pg_notify($1, $2) AS \"notified: ()\"",
            self.echo,
            number.to_string(),
        );
        let asking = timeout(PATIENCE, notify.execute(&mut self.listener)).await;
        asking.map_err(|_| silent())?.map_err(failed)?;
        self.proof = (number, asked);
        Ok(())
    }

    /// What a notification says. Those that are not ours say nothing.
    fn read(&self, notification: &PgNotification) -> Option<News> {
        let text = notification.payload();
        if notification.channel() == self.echo {
            // An older one proves less than is known to be asked for; the next is on its way.
            let latest = text == self.proof.0.to_string();
            return latest.then_some(News::Current(self.proof.1));
        }
        let agent = text.parse().map(News::Agent);
        agent.or_else(|_| text.parse().map(News::Host)).ok()
    }
}

#[async_trait]
impl Feed for PostgresFeed {
    async fn next(&mut self) -> StoreResult<News> {
        loop {
            let next_proof = self.proof.1 + PROOF_EVERY;
            let heard = tokio::select! {
                biased;
                heard = self.listener.try_recv() => Some(heard),
                () = sleep_until(next_proof.into()) => None,
            };
            match heard {
                None => self.ask_for_proof().await?,
                Some(Ok(None)) => return Err(silent()),
                Some(Err(error)) => return Err(failed(error)),
                Some(Ok(Some(notification))) => {
                    if let Some(news) = self.read(&notification) {
                        return Ok(news);
                    }
                }
            }
        }
    }
}

fn silent() -> StoreError {
    StoreError::Unavailable("the session that listens to changes was lost".into())
}

/// Where triggers tell of changes.
const CHANGES: &str = "procura_changes";

const PROOF_EVERY: Duration = Duration::from_millis(150);

/// How long the database may take to answer before the session counts as lost.
const PATIENCE: Duration = Duration::from_secs(2);
