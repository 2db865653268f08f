//! Who is first to use a token: one atomic insert-if-absent in memory, restored from the store at start.
//!
//! Entries are never evicted early: they go when the token could no longer be accepted anyway (AAP §4.6, §8.2).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use procura_keys::clock::Timestamp;
use procura_keys::digest::sha256;
use procura_store::replay::SeenToken;

/// The set of tokens seen.
#[derive(Debug)]
pub(crate) struct ReplayGuard {
    shards: Vec<Mutex<Shard>>,
}

#[derive(Debug, Default)]
struct Shard {
    seen: HashMap<[u8; 32], Timestamp>,
    /// The size at which to look for entries that may go.
    sweep_at: usize,
}

impl ReplayGuard {
    /// A guard that remembers `seen` already.
    pub(crate) fn restored(seen: &[SeenToken]) -> Self {
        let guard = Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        };
        for token in seen {
            guard.claim(token, Timestamp::from_millis(i64::MIN));
        }
        guard
    }

    /// Whether this call is the first to see the token. Exactly one of any number of callers gets `true`.
    pub(crate) fn claim(&self, token: &SeenToken, now: Timestamp) -> bool {
        let key = key(token);
        let mut shard = self.shard(&key);
        shard.sweep(now);
        match shard.seen.get(&key) {
            Some(forget_at) if now < *forget_at => false,
            _ => {
                shard.seen.insert(key, token.forget_at);
                true
            }
        }
    }

    /// Whether the token was seen. Whoever gets `false` has still to [`claim`](Self::claim) it.
    pub(crate) fn has_seen(&self, token: &SeenToken, now: Timestamp) -> bool {
        let key = key(token);
        let shard = self.shard(&key);
        let seen = shard.seen.get(&key);
        seen.is_some_and(|forget_at| now < *forget_at)
    }

    fn shard(&self, key: &[u8; 32]) -> MutexGuard<'_, Shard> {
        let shard = &self.shards[usize::from(key[0]) % SHARDS];
        // A poisoned lock means a panic elsewhere; the map itself is whole after every operation.
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(token: &SeenToken) -> [u8; 32] {
    sha256(&[token.signer.as_bytes(), &[0], token.jti.as_bytes()].concat())
}

impl Shard {
    /// Drops what may be forgotten, each time the map has doubled: constant work per entry.
    fn sweep(&mut self, now: Timestamp) {
        if self.seen.len() >= self.sweep_at.max(MIN_SWEEP) {
            self.seen.retain(|_, forget_at| now < *forget_at);
            self.sweep_at = self.seen.len() * 2;
        }
    }
}

const SHARDS: usize = 64;
const MIN_SWEEP: usize = 256;

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn token(signer: &str, jti: &str, forget_at: i64) -> SeenToken {
        SeenToken {
            signer: signer.into(),
            jti: jti.into(),
            forget_at: Timestamp::from_millis(forget_at),
        }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    // AA-4.6-01, AA-4.6-02, AA-8.4-01, AA-10.3-01
    #[test]
    fn a_name_counts_once_per_signer_until_its_token_is_too_old() {
        let guard = ReplayGuard::restored(&[]);
        assert!(!guard.has_seen(&token("agt_1", "j", 90), at(0)));
        assert!(guard.claim(&token("agt_1", "j", 90), at(0)));
        assert!(guard.has_seen(&token("agt_1", "j", 90), at(89)));
        assert!(!guard.has_seen(&token("agt_1", "j", 90), at(90)));
        assert!(!guard.claim(&token("agt_1", "j", 90), at(0)));
        assert!(!guard.claim(&token("agt_1", "j", 90), at(89)));
        assert!(guard.claim(&token("agt_2", "j", 90), at(0)));
        assert!(guard.claim(&token("agt_1", "j", 200), at(90)));
    }

    #[test]
    fn signer_and_name_cannot_be_shifted_into_each_other() {
        let guard = ReplayGuard::restored(&[]);
        assert!(guard.claim(&token("ab", "c", 90), at(0)));
        assert!(guard.claim(&token("a", "bc", 90), at(0)));
    }

    #[test]
    fn a_restored_guard_remembers() {
        let guard = ReplayGuard::restored(&[token("agt_1", "j", 90)]);
        assert!(!guard.claim(&token("agt_1", "j", 90), at(10)));
    }

    // AA-8.2-04
    #[test]
    fn nothing_is_forgotten_early_however_many_come() {
        let guard = ReplayGuard::restored(&[]);
        for n in 0..100_000 {
            assert!(guard.claim(&token("agt_1", &n.to_string(), 90), at(0)));
        }
        assert!((0..100_000).all(|n| !guard.claim(&token("agt_1", &n.to_string(), 90), at(89))));
        for n in 0..100_000 {
            guard.claim(&token("agt_2", &n.to_string(), 1000), at(500));
        }
        let held: usize = guard
            .shards
            .iter()
            .map(|shard| shard.lock().unwrap().seen.len())
            .sum();
        assert!(held <= 200_000, "old entries go: {held}");
    }

    #[test]
    fn of_many_threads_exactly_one_is_first() {
        let guard = Arc::new(ReplayGuard::restored(&[]));
        for round in 0..100 {
            let wins = AtomicU32::new(0);
            std::thread::scope(|scope| {
                for _ in 0..16 {
                    scope.spawn(|| {
                        if guard.claim(&token("agt_1", &format!("r{round}"), 90), at(0)) {
                            wins.fetch_add(1, Ordering::Relaxed);
                        }
                    });
                }
            });
            assert_eq!(wins.into_inner(), 1);
        }
    }
}
