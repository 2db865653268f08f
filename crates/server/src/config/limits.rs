//! `[limits]`: how often (AAP §8.13).

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use procura_agent_auth::capability::{ApprovalStrength, CapabilityName};
use procura_service::catalogue::Catalogue;
use procura_service::limits::{Rate, Rates};
use serde::Deserialize;

use super::span::CountPer;

/// The section.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LimitsSection {
    agent: CountPer,
    host: CountPer,
    person: CountPer,
    polling: CountPer,
    address: CountPer,
    unknown_host: CountPer,
    introspection: CountPer,
    sign_in: CountPer,
    user_code: CountPer,
    challenge: CountPer,
    confirmation: CountPer,
    capability: CountPer,
    presence_capability: CountPer,
}

impl LimitsSection {
    /// The rates of all budgets. `own` are those of capabilities that state one.
    pub(super) fn rates(
        &self,
        catalogue: &Catalogue,
        own: BTreeMap<CapabilityName, Rate>,
    ) -> Rates {
        // What needs a person's presence is what does harm, so it is limited more tightly unless it says itself.
        let sensitive = catalogue
            .iter()
            .filter(|offered| offered.approval == ApprovalStrength::Presence)
            .map(|offered| (offered.shown.name.clone(), self.presence_capability.rate()));
        let mut capabilities: BTreeMap<_, _> = sensitive.collect();
        capabilities.extend(own);
        Rates {
            agent: self.agent.rate(),
            host: self.host.rate(),
            person: self.person.rate(),
            polling: self.polling.rate(),
            address: self.address.rate(),
            unknown_host: self.unknown_host.rate(),
            introspection: self.introspection.rate(),
            sign_in: self.sign_in.rate(),
            user_code: self.user_code.rate(),
            challenge: self.challenge.rate(),
            confirmation: self.confirmation.rate(),
            capability: self.capability.rate(),
            capabilities,
        }
    }
}

impl CountPer {
    pub(super) fn rate(self) -> Rate {
        let Self(count, per) = self;
        Rate { count, per }
    }
}

impl Default for LimitsSection {
    fn default() -> Self {
        let minute = Duration::from_mins(1);
        let hour = Duration::from_hours(1);
        let per =
            |count: u32, span| CountPer(NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN), span);
        Self {
            agent: per(600, minute),
            host: per(3000, minute),
            person: per(6000, minute),
            polling: per(600, minute),
            address: per(300, minute),
            unknown_host: per(20, hour),
            introspection: per(600, minute),
            sign_in: per(10, minute),
            user_code: per(10, minute),
            challenge: per(60, minute),
            confirmation: per(3, hour),
            capability: per(600, minute),
            presence_capability: per(60, minute),
        }
    }
}
