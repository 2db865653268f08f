//! Waiting as an argument: programs sleep, tests turn their clock and go on.

use std::time::Duration;

use async_trait::async_trait;

/// Lets time pass between two requests.
#[async_trait]
pub trait Pause: Send + Sync {
    /// Returns when `duration` has passed.
    async fn pause(&self, duration: Duration);
}
