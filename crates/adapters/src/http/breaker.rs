//! A circuit breaker: a service that fails again and again is left alone for a while, so that callers learn at
//! once what they would have waited for.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use procura_keys::clock::Timestamp;

/// When a service is left alone, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// Failures in a row that open the circuit.
    pub failures: u32,
    /// How long nobody calls, and after that how long one call at a time may try.
    pub pause: Duration,
}

impl Default for BreakerPolicy {
    fn default() -> Self {
        Self {
            failures: 5,
            pause: Duration::from_secs(10),
        }
    }
}

#[derive(Debug)]
pub(super) struct Breaker {
    policy: BreakerPolicy,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Closed { failures: u32 },
    Open { until: Timestamp },
}

impl Breaker {
    pub(super) fn new(policy: BreakerPolicy) -> Self {
        Self {
            policy,
            state: Mutex::new(State::Closed { failures: 0 }),
        }
    }

    /// Lets a call through, or says how long to wait. When a pause is over, one call may try; if nothing is heard
    /// of it, the next one may after another pause.
    pub(super) fn admit(&self, now: Timestamp) -> Result<(), Duration> {
        let mut state = self.lock();
        match *state {
            State::Open { until } if now < until => Err(until.since(now)),
            State::Open { .. } => {
                let until = now.plus(self.policy.pause);
                *state = State::Open { until };
                Ok(())
            }
            State::Closed { .. } => Ok(()),
        }
    }

    /// Takes note of how a call went. Returns whether this opened the circuit.
    pub(super) fn record(&self, succeeded: bool, now: Timestamp) -> bool {
        let mut state = self.lock();
        let until = now.plus(self.policy.pause);
        let (next, opened) = match (*state, succeeded) {
            (_, true) => (State::Closed { failures: 0 }, false),
            (State::Closed { failures }, false) if failures + 1 < self.policy.failures => {
                let failures = failures + 1;
                (State::Closed { failures }, false)
            }
            (State::Closed { .. }, false) => (State::Open { until }, true),
            (State::Open { .. }, false) => (State::Open { until }, false),
        };
        *state = next;
        opened
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is one value, whole whatever happened to whoever held it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn broken() -> Breaker {
        let breaker = Breaker::new(BreakerPolicy {
            failures: 2,
            pause: Duration::from_secs(10),
        });
        assert!(!breaker.record(false, at(0)));
        assert!(breaker.record(false, at(0)));
        breaker
    }

    #[test]
    fn failures_in_a_row_open_the_circuit_and_a_success_forgets_them() {
        let breaker = Breaker::new(BreakerPolicy {
            failures: 2,
            pause: Duration::from_secs(10),
        });
        for _ in 0..3 {
            assert!(!breaker.record(false, at(0)));
            assert!(!breaker.record(true, at(0)));
        }
        assert_eq!(breaker.admit(at(0)), Ok(()));
        assert_eq!(broken().admit(at(4)), Err(Duration::from_secs(6)));
    }

    #[test]
    fn after_the_pause_one_call_tries_for_all() {
        let breaker = broken();
        assert_eq!(breaker.admit(at(10)), Ok(()));
        assert_eq!(breaker.admit(at(11)), Err(Duration::from_secs(9)));
        assert!(!breaker.record(true, at(12)));
        assert_eq!(breaker.admit(at(12)), Ok(()));
    }

    #[test]
    fn a_try_that_fails_or_is_never_heard_of_costs_another_pause() {
        let breaker = broken();
        assert_eq!(breaker.admit(at(10)), Ok(()));
        breaker.record(false, at(12));
        assert!(breaker.admit(at(21)).is_err());
        assert_eq!(breaker.admit(at(22)), Ok(()));
        assert!(breaker.admit(at(31)).is_err());
        assert_eq!(breaker.admit(at(32)), Ok(()));
    }
}
