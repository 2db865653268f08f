//! What is known about one URL, and when it has to be asked again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use procura_keys::clock::Timestamp;
use procura_keys::jwk_set::{JwkSet, KeyName};

use super::{JwksError, JwksPolicy};

/// One URL.
#[derive(Default)]
pub(super) struct Entry {
    /// Held by whoever fetches, so that one request serves all who wait.
    pub(super) flight: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

/// A set as it came, and for how long its headers ask to keep it.
pub(super) struct Fetched {
    pub(super) set: Arc<JwkSet>,
    pub(super) asked_age: Option<Duration>,
}

#[derive(Default)]
struct State {
    kept: Option<Kept>,
    /// The latest failure, and until when it is not tried again.
    failed: Option<(JwksError, Timestamp)>,
    /// When a missing key last made the set be fetched before its time.
    missed_at: Option<Timestamp>,
}

struct Kept {
    set: Arc<JwkSet>,
    fetched_at: Timestamp,
    fresh_until: Timestamp,
}

impl Entry {
    /// What can be said without fetching; `None` when it is time to fetch.
    pub(super) fn answer(
        &self,
        wanted: KeyName<'_>,
        policy: &JwksPolicy,
        now: Timestamp,
    ) -> Option<Result<Arc<JwkSet>, JwksError>> {
        let state = self.state();
        let kept = state.usable(policy, now);
        if let Some((error, until)) = &state.failed
            && now < *until
        {
            return Some(kept.map_or_else(|| Err(error.clone()), |kept| Ok(kept.set.clone())));
        }
        let kept = kept.filter(|kept| now < kept.fresh_until)?;
        let may_miss = state
            .missed_at
            .is_none_or(|at| now >= at.plus(policy.min_refresh));
        let is_good = kept.set.find(wanted).is_some() || !may_miss;
        is_good.then(|| Ok(Arc::clone(&kept.set)))
    }

    /// Notes the result of a fetch and gives the answer that follows from it.
    pub(super) fn put(
        &self,
        fetched: Result<Fetched, JwksError>,
        wanted: KeyName<'_>,
        policy: &JwksPolicy,
        now: Timestamp,
    ) -> Result<Arc<JwkSet>, JwksError> {
        let mut state = self.state();
        if let Some(kept) = state.usable(policy, now)
            && now < kept.fresh_until
            && kept.set.find(wanted).is_none()
        {
            state.missed_at = Some(now);
        }
        match fetched {
            Ok(Fetched { set, asked_age }) => {
                let age = asked_age.unwrap_or(policy.usual_age);
                let age = age.min(policy.max_age).max(policy.min_refresh);
                state.failed = None;
                state.kept = Some(Kept {
                    set: Arc::clone(&set),
                    fetched_at: now,
                    fresh_until: now.plus(age),
                });
                Ok(set)
            }
            Err(error) => {
                state.failed = Some((error.clone(), now.plus(policy.retry_after)));
                let kept = state.usable(policy, now);
                kept.map_or(Err(error), |kept| Ok(Arc::clone(&kept.set)))
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A poisoned lock means a panic elsewhere; the state itself is whole after every operation.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn usable(&self, policy: &JwksPolicy, now: Timestamp) -> Option<&Kept> {
        let kept = self.kept.as_ref()?;
        (now < kept.fetched_at.plus(policy.max_age)).then_some(kept)
    }
}
