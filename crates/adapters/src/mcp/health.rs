//! When a process may be started again, and when it has been silent for too long.

use std::time::Duration;

use tokio::time::Instant;

/// What a server's process did lately.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// How often it was started since it last answered.
    starts: u32,
    /// Before then it is not started again.
    next_start: Option<Instant>,
    /// How many calls in a row it left without an answer.
    silences: u32,
}

impl Health {
    /// Counts a start, or says how long to wait for it. A start counts as failed until an answer comes, so one that
    /// is given up halfway leaves its pause behind.
    pub(super) fn start(&mut self, now: Instant) -> Result<(), Duration> {
        if let Some(at) = self.next_start
            && at > now
        {
            return Err(at - now);
        }
        let pause = FIRST_PAUSE.saturating_mul(1 << self.starts.min(10));
        self.next_start = Some(now + pause.min(LONGEST_PAUSE));
        self.starts = self.starts.saturating_add(1);
        self.silences = 0;
        Ok(())
    }

    /// It answered: whenever it ends now, it is started again at once.
    pub(super) fn answered(&mut self) {
        *self = Self::default();
    }

    /// It left a call without an answer.
    pub(super) fn silent(&mut self) {
        self.silences = self.silences.saturating_add(1);
    }

    /// Whether it is given up.
    pub(super) fn is_silent(&self) -> bool {
        self.silences >= MAX_SILENCES
    }
}

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// A slow call or two say nothing of a process; three in a row do.
const MAX_SILENCES: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_start_without_an_answer_doubles_the_pause_up_to_a_minute() {
        let mut health = Health::default();
        let mut now = Instant::now();
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(health.start(now), Ok(()));
            assert_eq!(health.start(now), Err(Duration::from_secs(seconds)));
            now += Duration::from_secs(seconds);
        }
        health.answered();
        assert_eq!(health.start(now), Ok(()));
    }

    #[test]
    fn three_silences_in_a_row_are_too_many_and_an_answer_clears_them() {
        let mut health = Health::default();
        for _ in 0..2 {
            health.silent();
        }
        assert!(!health.is_silent());
        health.answered();
        for _ in 0..3 {
            health.silent();
        }
        assert!(health.is_silent());
    }
}
