//! Rate limits (AAP §8.13): for each agent, host, person, capability and address.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use procura_agent_auth::capability::CapabilityName;
use procura_agent_auth::id::AgentId;
use procura_agent_auth::refusal::Refusal;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// Requests of one agent, but for those that count as [`Polling`](Self::Polling).
    Agent,
    /// The same of one host and all its agents.
    Host,
    /// The same of all hosts of one person and their agents.
    Person,
    /// Questions of one host how its agents stand, or of one agent how its jobs do. Waiting costs nothing that
    /// working needs.
    Polling,
    /// Requests from one address that nobody has to authenticate for.
    Address,
    /// Registrations of hosts never seen before, from one address.
    UnknownHost,
    /// Introspections by one service, or from one address.
    Introspection,
    /// Attempts to sign in from one address, or to one account.
    SignIn,
    /// User codes tried by one person.
    UserCode,
    /// Challenges for authenticators, asked for from one address before anybody is signed in.
    Challenge,
    /// Messages to confirm an address, asked for by one person.
    Confirmation,
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rates {
    /// [`Budget::Agent`].
    pub agent: Rate,
    /// [`Budget::Host`].
    pub host: Rate,
    /// [`Budget::Person`].
    pub person: Rate,
    /// [`Budget::Polling`].
    pub polling: Rate,
    /// [`Budget::Address`].
    pub address: Rate,
    /// [`Budget::UnknownHost`].
    pub unknown_host: Rate,
    /// [`Budget::Introspection`].
    pub introspection: Rate,
    /// [`Budget::SignIn`].
    pub sign_in: Rate,
    /// [`Budget::UserCode`].
    pub user_code: Rate,
    /// [`Budget::Challenge`].
    pub challenge: Rate,
    /// [`Budget::Confirmation`].
    pub confirmation: Rate,
    /// Calls of one capability by one agent.
    pub capability: Rate,
    /// The same for capabilities that differ.
    pub capabilities: BTreeMap<CapabilityName, Rate>,
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
    rates: Rates,
    agent: Counter,
    host: Counter,
    person: Counter,
    polling: Counter,
    address: Counter,
    unknown_host: Counter,
    introspection: Counter,
    sign_in: Counter,
    user_code: Counter,
    challenge: Counter,
    confirmation: Counter,
    capability: Counter,
    /// One counter for each rate that any capability has of its own.
    differing: Vec<(Rate, Counter)>,
    capabilities: BTreeMap<CapabilityName, Rate>,
}

impl Limits {
    /// Counters with these rates.
    pub fn new(rates: &Rates) -> Self {
        let mut differing: Vec<(Rate, Counter)> = Vec::new();
        for rate in rates.capabilities.values() {
            if differing.iter().all(|(known, _)| known != rate) {
                differing.push((*rate, counter(*rate)));
            }
        }
        Self {
            counters: Some(Counters {
                rates: rates.clone(),
                agent: counter(rates.agent),
                host: counter(rates.host),
                person: counter(rates.person),
                polling: counter(rates.polling),
                address: counter(rates.address),
                unknown_host: counter(rates.unknown_host),
                introspection: counter(rates.introspection),
                sign_in: counter(rates.sign_in),
                user_code: counter(rates.user_code),
                challenge: counter(rates.challenge),
                confirmation: counter(rates.confirmation),
                capability: counter(rates.capability),
                differing,
                capabilities: rates.capabilities.clone(),
            }),
        }
    }

    /// No limits, for benchmarks.
    pub fn off() -> Self {
        Self { counters: None }
    }

    /// The rates in force, unless they are switched off.
    pub fn rates(&self) -> Option<&Rates> {
        self.counters.as_ref().map(|counters| &counters.rates)
    }

    /// Counts one use, or refuses it and says when to come back.
    pub fn count(&self, budget: Budget, key: &str) -> Result<(), Refusal> {
        match &self.counters {
            Some(counters) => check(counters.of(budget), key),
            None => Ok(()),
        }
    }

    /// Counts one call of a capability by an agent, or refuses it and says when to come back.
    pub fn count_capability(
        &self,
        agent: &AgentId,
        capability: &CapabilityName,
    ) -> Result<(), Refusal> {
        match &self.counters {
            Some(counters) => {
                let key = format!("{agent} {capability}");
                check(counters.of_capability(capability), key)
            }
            None => Ok(()),
        }
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
            Budget::Person => &self.person,
            Budget::Polling => &self.polling,
            Budget::Address => &self.address,
            Budget::UnknownHost => &self.unknown_host,
            Budget::Introspection => &self.introspection,
            Budget::SignIn => &self.sign_in,
            Budget::UserCode => &self.user_code,
            Budget::Challenge => &self.challenge,
            Budget::Confirmation => &self.confirmation,
        }
    }

    fn of_capability(&self, capability: &CapabilityName) -> &Counter {
        let own = self.capabilities.get(capability);
        let found = own.and_then(|own| self.differing.iter().find(|(rate, _)| rate == own));
        found.map_or(&self.capability, |(_, counter)| counter)
    }

    fn each(&self) -> impl Iterator<Item = &Counter> {
        let fixed = [
            &self.agent,
            &self.host,
            &self.person,
            &self.polling,
            &self.address,
            &self.unknown_host,
            &self.introspection,
            &self.sign_in,
            &self.user_code,
            &self.challenge,
            &self.confirmation,
            &self.capability,
        ];
        let differing = self.differing.iter().map(|(_, counter)| counter);
        fixed.into_iter().chain(differing)
    }
}

fn check(counter: &Counter, key: impl Into<String>) -> Result<(), Refusal> {
    counter
        .check_key(&key.into())
        .map_err(|until| Refusal::RateLimited {
            retry_after: until.wait_time_from(DefaultClock::default().now()),
        })
}

fn counter(rate: Rate) -> Counter {
    RateLimiter::keyed(quota(rate))
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
    use procura_keys::clock::Timestamp;

    use super::*;

    fn rate(count: u32, seconds: u64) -> Rate {
        Rate {
            count: NonZeroU32::new(count).unwrap(),
            per: Duration::from_secs(seconds),
        }
    }

    fn rates(rate: Rate) -> Rates {
        Rates {
            agent: rate,
            host: rate,
            person: rate,
            polling: rate,
            address: rate,
            unknown_host: rate,
            introspection: rate,
            sign_in: rate,
            user_code: rate,
            challenge: rate,
            confirmation: rate,
            capability: rate,
            capabilities: BTreeMap::new(),
        }
    }

    fn agent(number: u8) -> AgentId {
        AgentId::new(Timestamp::from_seconds(0), [number; 10])
    }

    // AA-8.13-03
    #[test]
    fn a_budget_runs_out_per_key_and_says_when_to_come_back() {
        let limits = Limits::new(&rates(rate(2, 3600)));
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
        for other in [
            Budget::Host,
            Budget::Person,
            Budget::Polling,
            Budget::Address,
        ] {
            assert_eq!(limits.count(other, "a"), Ok(()), "{other:?}");
        }
    }

    // AA-8.13-01, AA-8.13-02
    #[test]
    fn each_capability_has_its_own_budget_and_may_have_its_own_rate() {
        let name = |text: &str| text.parse::<CapabilityName>().unwrap();
        let limits = Limits::new(&Rates {
            capabilities: BTreeMap::from([(name("pay"), rate(1, 60)), (name("sell"), rate(1, 60))]),
            ..rates(rate(3, 60))
        });
        let left = |number, text: &str| {
            let calls = (0..10).take_while(|_| {
                let counted = limits.count_capability(&agent(number), &name(text));
                counted.is_ok()
            });
            calls.count()
        };
        assert_eq!(left(1, "read"), 3);
        assert_eq!(left(1, "list"), 3);
        assert_eq!(left(1, "pay"), 1);
        assert_eq!(left(1, "sell"), 1, "the same rate, another budget");
        assert_eq!(left(2, "pay"), 1, "another agent");
        assert_eq!(left(1, "pay"), 0);
    }

    #[test]
    fn switched_off_nothing_is_refused() {
        let limits = Limits::off();
        assert!((0..1000).all(|_| limits.count(Budget::SignIn, "a").is_ok()));
        let name = "pay".parse().unwrap();
        assert!((0..1000).all(|_| limits.count_capability(&agent(1), &name).is_ok()));
    }
}
