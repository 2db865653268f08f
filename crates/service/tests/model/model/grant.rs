//! Grants, and for how long and how often they are good (§3.3).

use serde_json::{Map, Value};

use super::{Model, Result};
use crate::offers::{Sheet, allows};

#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) name: &'static str,
    pub(crate) status: GrantStatus,
    /// All limits that hold at once: the agent's own, the server's and the approver's.
    pub(crate) sheets: Vec<Sheet>,
    /// When it ends, if it ends before its agent.
    pub(crate) ends: Option<i64>,
    /// How often it may be used, if not without end.
    pub(crate) uses: Option<Uses>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GrantStatus {
    /// Of this request.
    Pending(usize),
    Active,
    Denied {
        by_policy: bool,
    },
    /// Taken back by somebody.
    Withdrawn,
    /// Over together with something else.
    Ended,
}

/// How many uses a grant came with, and how many it still has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Uses {
    pub(crate) allowed: u32,
    pub(crate) left: u32,
}

impl Grant {
    pub(super) fn is_over(&self, now: i64) -> bool {
        self.ends.is_some_and(|end| now >= end)
    }

    pub(super) fn is_in_force(&self, now: i64) -> bool {
        self.status == GrantStatus::Active && !self.is_over(now)
    }

    pub(super) fn has_uses_left(&self) -> bool {
        self.uses.is_none_or(|uses| uses.left > 0)
    }

    pub(super) fn allows(&self, arguments: &Map<String, Value>) -> bool {
        let mut sheets = self.sheets.iter();
        sheets.all(|sheet| allows(sheet.value(), arguments))
    }
}

impl Model {
    /// Which grant a permitted call goes by: one that may be used without end, or else the first that has a use
    /// left.
    pub(super) fn good_for_a_call(&self, agent: usize, permitting: &[usize]) -> Result<usize> {
        let uses = |place: &&usize| self.agents[agent].grants[**place].uses;
        let without_end = permitting.iter().find(|place| uses(place).is_none());
        let mut counted = permitting.iter();
        let counted = counted.find(|place| uses(place).is_some_and(|uses| uses.left > 0));
        without_end.or(counted).copied().ok_or("limit_exceeded")
    }

    pub(super) fn take_a_use(&mut self, agent: usize, grant: usize) {
        if let Some(uses) = &mut self.agents[agent].grants[grant].uses {
            uses.left -= 1;
        }
    }
}

/// Grants as agents see them. Those that were taken back or are over are not among them.
pub(super) fn shown<'a>(grants: impl IntoIterator<Item = &'a Grant>, now: i64) -> String {
    let shown = |grant: &Grant| {
        let status = match grant.status {
            GrantStatus::Pending(_) => "pending",
            GrantStatus::Active => "active",
            GrantStatus::Denied { .. } => "denied",
            GrantStatus::Withdrawn | GrantStatus::Ended => return None,
        };
        let uses = grant.uses.map_or(String::new(), |uses| {
            format!(":{} of {}", uses.left, uses.allowed)
        });
        (!grant.is_over(now)).then(|| format!("{}:{status}{uses}", grant.name))
    };
    let shown: Vec<_> = grants.into_iter().filter_map(shown).collect();
    shown.join(" ")
}
