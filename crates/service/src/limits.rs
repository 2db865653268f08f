//! Rate limits (AAP §8.13): per address for strangers, per agent for agents, per account for sign-in.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use procura_agent_auth::refusal::Refusal;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// Calls of one agent.
    Agent,
    /// Calls of one host.
    Host,
    /// Registrations of hosts never seen before, from one address.
    UnknownHost,
    /// Introspections from one address.
    Introspection,
    /// Attempts to sign in from one address, or to one account.
    SignIn,
    /// User codes tried by one person.
    UserCode,
}

/// So many per such a time, and as many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: NonZeroU32,
    /// In which time.
    pub per: Duration,
}

/// The rates of all budgets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// [`Budget::Agent`].
    pub agent: Rate,
    /// [`Budget::Host`].
    pub host: Rate,
    /// [`Budget::UnknownHost`].
    pub unknown_host: Rate,
    /// [`Budget::Introspection`].
    pub introspection: Rate,
    /// [`Budget::SignIn`].
    pub sign_in: Rate,
    /// [`Budget::UserCode`].
    pub user_code: Rate,
}

/// The counters.
#[derive(Debug)]
pub struct Limits {
    /// Absent when the operator switched limits off.
    counters: Option<Counters>,
}

type Counter = RateLimiter<String, DefaultKeyedStateStore<String>, DefaultClock>;

#[derive(Debug)]
struct Counters {
    agent: Counter,
    host: Counter,
    unknown_host: Counter,
    introspection: Counter,
    sign_in: Counter,
    user_code: Counter,
}

impl Limits {
    /// Counters with these rates.
    pub fn new(rates: &Rates) -> Self {
        let counter = |rate: Rate| RateLimiter::keyed(quota(rate));
        Self {
            counters: Some(Counters {
                agent: counter(rates.agent),
                host: counter(rates.host),
                unknown_host: counter(rates.unknown_host),
                introspection: counter(rates.introspection),
                sign_in: counter(rates.sign_in),
                user_code: counter(rates.user_code),
            }),
        }
    }

    /// No limits, for benchmarks.
    pub fn off() -> Self {
        Self { counters: None }
    }

    /// Counts one use, or refuses it and says when to come back.
    pub fn count(&self, budget: Budget, key: &str) -> Result<(), Refusal> {
        let Some(counters) = &self.counters else {
            return Ok(());
        };
        let counter = counters.of(budget);
        counter
            .check_key(&key.to_owned())
            .map_err(|until| Refusal::RateLimited {
                retry_after: until.wait_time_from(DefaultClock::default().now()),
            })
    }

    /// Drops counters that are full again. Call it now and then.
    pub fn sweep(&self) {
        for counter in self.counters.iter().flat_map(Counters::each) {
            counter.retain_recent();
        }
    }
}

impl Counters {
    fn of(&self, budget: Budget) -> &Counter {
        match budget {
            Budget::Agent => &self.agent,
            Budget::Host => &self.host,
            Budget::UnknownHost => &self.unknown_host,
            Budget::Introspection => &self.introspection,
            Budget::SignIn => &self.sign_in,
            Budget::UserCode => &self.user_code,
        }
    }

    fn each(&self) -> [&Counter; 6] {
        [
            &self.agent,
            &self.host,
            &self.unknown_host,
            &self.introspection,
            &self.sign_in,
            &self.user_code,
        ]
    }
}

fn quota(rate: Rate) -> Quota {
    let one = rate.per / rate.count.get();
    // A rate beyond one per nanosecond is no limit; the crate refuses a period of zero.
    let one = one.max(Duration::from_nanos(1));
    Quota::with_period(one)
        .unwrap_or(Quota::per_second(rate.count))
        .allow_burst(rate.count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(count: u32, seconds: u64) -> Rates {
        let rate = Rate {
            count: NonZeroU32::new(count).unwrap(),
            per: Duration::from_secs(seconds),
        };
        Rates {
            agent: rate,
            host: rate,
            unknown_host: rate,
            introspection: rate,
            sign_in: rate,
            user_code: rate,
        }
    }

    // AA-8.13-03
    #[test]
    fn a_budget_runs_out_per_key_and_says_when_to_come_back() {
        let limits = Limits::new(&rates(2, 3600));
        assert_eq!(limits.count(Budget::Agent, "a"), Ok(()));
        assert_eq!(limits.count(Budget::Agent, "a"), Ok(()));
        let Err(Refusal::RateLimited { retry_after }) = limits.count(Budget::Agent, "a") else {
            panic!()
        };
        assert!(
            (1700..=1800).contains(&retry_after.as_secs()),
            "{retry_after:?}"
        );
        assert_eq!(limits.count(Budget::Agent, "b"), Ok(()));
        assert_eq!(limits.count(Budget::Host, "a"), Ok(()));
    }

    #[test]
    fn switched_off_nothing_is_refused() {
        let limits = Limits::off();
        assert!((0..1000).all(|_| limits.count(Budget::SignIn, "a").is_ok()));
    }
}
