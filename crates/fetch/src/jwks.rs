//! Published key sets, fetched when needed and kept for a while (Agent Auth §8.12, §10.4).
//!
//! Anybody may name a URL and a key, so neither may make the server fetch as often as they like: a set that
//! is fresh is asked for again only when a key is missing from it, and then once per
//! [`min_refresh`](JwksPolicy::min_refresh). A set that cannot be refreshed is used on, up to
//! [`max_age`](JwksPolicy::max_age).

mod cache_control;
mod entry;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::StatusCode;
use procura_keys::clock::Clock;
use procura_keys::jwk_set::{JwkSet, JwkSetError, KeyName};
use url::Url;

use self::entry::{Entry, Fetched};
use crate::error::{FetchError, host_of};
use crate::fetcher::{Fetcher, Request};

/// Where published key sets come from.
pub trait KeySets: Send + Sync {
    /// The set at `url`, as new as it has to be to contain `wanted`. It may still lack that key: then it was
    /// asked for recently.
    fn key_set<'a>(
        &'a self,
        url: &'a Url,
        wanted: KeyName<'a>,
    ) -> BoxFuture<'a, Result<Arc<JwkSet>, JwksError>>;

    /// How long a set is usually kept, and with it a key that the set no longer has.
    fn usual_age(&self) -> Duration;
}

/// Stands in where nothing can be fetched: every set is refused for this reason.
#[derive(Clone, Debug)]
pub struct NoKeySets(pub FetchError);

impl KeySets for NoKeySets {
    fn key_set<'a>(
        &'a self,
        _url: &'a Url,
        _wanted: KeyName<'a>,
    ) -> BoxFuture<'a, Result<Arc<JwkSet>, JwksError>> {
        Box::pin(async { Err(self.0.clone().into()) })
    }

    fn usual_age(&self) -> Duration {
        JwksPolicy::default().usual_age
    }
}

/// Why there is no key set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwksError {
    /// It could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// Another status than 200.
    #[error("{host} answered with status {status} instead of a key set")]
    Status {
        /// The host that answered.
        host: String,
        /// The status.
        status: StatusCode,
    },
    /// What came is no acceptable set.
    #[error("the key set is refused: {0}")]
    Content(#[from] JwkSetError),
}

/// How long sets are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JwksPolicy {
    /// How long a set is kept that says nothing about it.
    pub usual_age: Duration,
    /// The shortest time between two fetches of one set, whatever its headers say.
    pub min_refresh: Duration,
    /// The longest time a set is used without having been fetched again.
    pub max_age: Duration,
    /// How long a failed fetch is not repeated.
    pub retry_after: Duration,
    /// How many sets are kept.
    pub max_sets: usize,
}

impl Default for JwksPolicy {
    fn default() -> Self {
        Self {
            usual_age: Duration::from_mins(5),
            min_refresh: Duration::from_mins(5),
            max_age: Duration::from_hours(24),
            retry_after: Duration::from_mins(1),
            max_sets: 10_000,
        }
    }
}

/// Key sets fetched under a [`FetchPolicy`](crate::FetchPolicy) and kept in memory.
pub struct JwksCache {
    fetcher: Fetcher,
    clock: Arc<dyn Clock>,
    policy: JwksPolicy,
    entries: Mutex<HashMap<Url, Arc<Entry>>>,
}

impl JwksCache {
    /// An empty cache.
    pub fn new(fetcher: Fetcher, clock: Arc<dyn Clock>, policy: JwksPolicy) -> Self {
        Self {
            fetcher,
            clock,
            policy,
            entries: Mutex::default(),
        }
    }

    async fn load(&self, url: &Url, wanted: KeyName<'_>) -> Result<Arc<JwkSet>, JwksError> {
        let entry = self.entry(url);
        if let Some(answer) = entry.answer(wanted, &self.policy, self.clock.now()) {
            return answer;
        }
        let _flight = entry.flight.lock().await;
        // Whoever waited for another's fetch finds its result here.
        if let Some(answer) = entry.answer(wanted, &self.policy, self.clock.now()) {
            return answer;
        }
        let fetched = self.fetch(url).await;
        entry.put(fetched, wanted, &self.policy, self.clock.now())
    }

    async fn fetch(&self, url: &Url) -> Result<Fetched, JwksError> {
        let response = self.fetcher.send(Request::get(url.clone())).await?;
        if response.status != StatusCode::OK {
            return Err(JwksError::Status {
                host: host_of(&response.url),
                status: response.status,
            });
        }
        Ok(Fetched {
            set: Arc::new(JwkSet::parse(&response.body)?),
            asked_age: cache_control::max_age(&response.headers),
        })
    }

    fn entry(&self, url: &Url) -> Arc<Entry> {
        // A poisoned lock means a panic elsewhere; the map itself is whole after every operation.
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.get(url) {
            return Arc::clone(entry);
        }
        if entries.len() >= self.policy.max_sets {
            // Which ones go matters little: whoever is busy is back after one fetch.
            let mut keep = false;
            entries.retain(|_, _| {
                keep = !keep;
                !keep
            });
        }
        Arc::clone(entries.entry(url.clone()).or_default())
    }
}

impl KeySets for JwksCache {
    fn key_set<'a>(
        &'a self,
        url: &'a Url,
        wanted: KeyName<'a>,
    ) -> BoxFuture<'a, Result<Arc<JwkSet>, JwksError>> {
        Box::pin(self.load(url, wanted))
    }

    fn usual_age(&self) -> Duration {
        self.policy.usual_age
    }
}
