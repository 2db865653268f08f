//! Time that moves when a test says so, and randomness that is the same in every run.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use procura_keys::clock::{Clock, Timestamp};
use procura_keys::digest::sha256;
use procura_keys::entropy::Entropy;

/// 2026-02-25T10:00:00Z.
pub(crate) const START: i64 = 1_772_013_600_000;

/// A clock that stands still until it is turned.
pub(crate) struct TestClock(AtomicI64);

impl Default for TestClock {
    fn default() -> Self {
        Self(AtomicI64::new(START))
    }
}

impl TestClock {
    pub(crate) fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap();
        self.0.fetch_add(by, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Bytes that never repeat and are the same in every run.
#[derive(Default)]
pub(crate) struct TestEntropy(AtomicU64);

impl Entropy for TestEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        let n = self.0.fetch_add(1, Ordering::SeqCst);
        for (at, chunk) in bytes.chunks_mut(32).enumerate() {
            let block = sha256(format!("{n}/{at}").as_bytes());
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }
}
