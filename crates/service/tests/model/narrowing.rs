//! Narrowing never widens (§2.13): what an answer makes of grants, held against what was asked for and what the
//! approver set. Looks at nothing but the records of the service.

use std::num::NonZeroU32;

use procura_agent_auth::constraint::Constraints;
use procura_agent_auth::grant::{Grant, GrantState, Uses};
use procura_agent_auth::id::AgentId;
use procura_keys::clock::Timestamp;
use serde_json::{Map, Value};

use crate::offers::{PROBES, allows};
use crate::step::{Answer, Bounds, Step};
use crate::world::World;

/// The grants of a request before its answer, and the bounds in that answer.
pub(crate) struct Asked {
    agent: AgentId,
    grants: Vec<Grant>,
    bounds: Bounds,
    /// When what is granted ends at the latest.
    end: Option<Timestamp>,
}

impl Asked {
    /// `None` for what is no answer of a person's to a request.
    pub(crate) async fn before(world: &World, step: &Step) -> Option<Self> {
        let Step::Answer {
            request,
            by,
            answer,
        } = *step
        else {
            return None;
        };
        let id = world.request(request)?;
        let mut tx = world.store.read().await.unwrap();
        let agent = tx.find_approval(id).await.unwrap()?.agent_id;
        let grants = tx.list_grants_by_approval(id).await.unwrap();
        let bounds = match answer {
            Answer::Within(bounds) if by.person().is_some() => bounds,
            _ => Bounds::default(),
        };
        let now = world.millis();
        let end = bounds
            .ends_in
            .map(|wait| Timestamp::from_millis(now + wait));
        Some(Self {
            agent,
            grants,
            bounds,
            end,
        })
    }

    /// The first grant that is good for more than was asked for or set, in words.
    pub(crate) async fn widened(&self, world: &World) -> Option<String> {
        let mut tx = world.store.read().await.unwrap();
        let answered = tx.list_grants_by_agent(&self.agent).await.unwrap();
        let active = answered
            .iter()
            .filter(|grant| matches!(grant.state, GrantState::Active { .. }));
        let mut pairs = active.filter_map(|after| {
            let before = self.grants.iter().find(|grant| grant.id == after.id)?;
            Some((before, after))
        });
        pairs.find_map(|(before, after)| self.wider(before, after))
    }

    fn wider(&self, before: &Grant, after: &Grant) -> Option<String> {
        let of = format!("a grant of {}", after.capability);
        let set = self.bounds.limits;
        let forbidden = |probe: &&Map<String, Value>| {
            !allowed(before, probe) || set.is_some_and(|sheet| !allows(sheet.value(), probe))
        };
        let mut let_through = PROBES.iter().filter(|probe| allowed(after, probe));
        if let Some(probe) = let_through.find(forbidden) {
            return Some(format!("{of} allows {probe:?}, which was not to be"));
        }
        for bound in [before.expires_at, self.end].into_iter().flatten() {
            if after.expires_at.is_none_or(|end| end > bound) {
                return Some(format!("{of} ends after {bound}"));
            }
        }
        let counts = [
            before.uses.map(Uses::left),
            self.bounds.uses.map(NonZeroU32::get),
        ];
        let mut counts = counts.into_iter().flatten();
        let most = counts.find(|count| after.uses.is_none_or(|uses| uses.left() > *count));
        most.map(|most| format!("{of} is good for more than {most} uses"))
    }
}

fn allowed(grant: &Grant, arguments: &Map<String, Value>) -> bool {
    let limits = grant.constraints.as_ref().map(Constraints::to_value);
    limits.is_none_or(|limits| allows(&limits, arguments))
}
