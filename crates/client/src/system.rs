//! The real clock, the real source of randomness and real waiting, for programs to pass in.

use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use procura_keys::clock::{Clock, Timestamp};
use procura_keys::entropy::Entropy;

use crate::pause::Pause;

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the client reads the clock"
    )]
    fn now(&self) -> Timestamp {
        let now = std::time::SystemTime::now();
        let since_epoch = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(0).plus(since_epoch)
    }
}

/// The operating system's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the client draws randomness"
    )]
    #[expect(
        clippy::expect_used,
        reason = "a machine without randomness must not make keys"
    )]
    fn fill(&self, bytes: &mut [u8]) {
        aws_lc_rs::rand::fill(bytes).expect("the operating system gives random bytes");
    }
}

/// Sleeps on the tokio runtime that polls it.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemPause;

#[async_trait]
impl Pause for SystemPause {
    async fn pause(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
