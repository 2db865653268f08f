//! May this agent run this capability with these arguments now? (§4.5 steps 10 to 12, §5.11)

use std::collections::BTreeSet;

use procura_keys::clock::Timestamp;
use serde_json::{Map, Value};

use crate::capability::{CapabilityName, Form};
use crate::constraint::{Constraints, Violation};
use crate::grant::Grant;
use crate::refusal::Refusal;
use crate::token::agent::VerifiedAgentToken;

/// One call, as the rules see it.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// What the agent wants to run.
    pub capability: &'a CapabilityName,
    /// Whether the server offers it today.
    pub offered: bool,
    /// What the capability is today.
    pub form: Option<Form>,
    /// With what.
    pub arguments: &'a Map<String, Value>,
}

/// Finds the grant that permits the call. The order is fixed: the name exists, the token covers it, a grant is
/// active and for what the capability is today, the arguments satisfy one grant's limits, that grant is not used up. One that may be used without end
/// comes before one whose uses are counted.
pub fn authorize<'g>(
    call: Call<'_>,
    token: &VerifiedAgentToken,
    grants: &'g [Grant],
    now: Timestamp,
) -> Result<&'g Grant, Refusal> {
    let of_this_name = || {
        grants
            .iter()
            .filter(|grant| grant.capability == *call.capability)
    };
    if !call.offered {
        // Only who once held it learns that it existed (§2.12).
        return Err(match of_this_name().next() {
            Some(_) => Refusal::CapabilityNotGranted {
                capability: call.capability.clone(),
                removed: true,
            },
            None => Refusal::CapabilityNotFound {
                name: call.capability.to_string(),
            },
        });
    }
    let not_granted = Refusal::CapabilityNotGranted {
        capability: call.capability.clone(),
        removed: false,
    };
    if !token.covers(call.capability) {
        return Err(not_granted);
    }
    let mut closest: Option<Vec<Violation>> = None;
    let mut unknown = BTreeSet::new();
    let mut counted = None;
    let mut used_up = None;
    let of_this_form = |grant: &&Grant| grant.is_effective(now) && grant.form == call.form;
    for grant in of_this_name().filter(of_this_form) {
        unknown.extend(
            grant
                .constraints
                .iter()
                .flat_map(Constraints::unknown_operators),
        );
        let violations = grant
            .constraints
            .as_ref()
            .map(|limits| limits.check(call.arguments))
            .unwrap_or_default();
        if violations.is_empty() {
            match grant.uses {
                None => return Ok(grant),
                Some(uses) if uses.left() > 0 => counted = counted.or(Some(grant)),
                Some(uses) => used_up = Some(uses.allowed()),
            }
        } else if closest
            .as_ref()
            .is_none_or(|least| violations.len() < least.len())
        {
            closest = Some(violations);
        }
    }
    if let Some(grant) = counted {
        return Ok(grant);
    }
    // An operator that is not understood is never passed over in silence (§2.13).
    if !unknown.is_empty() {
        return Err(Refusal::UnknownConstraintOperator {
            operators: unknown.into_iter().collect(),
        });
    }
    if let Some(uses_allowed) = used_up {
        return Err(Refusal::LimitExceeded {
            capability: call.capability.clone(),
            uses_allowed,
        });
    }
    Err(
        closest.map_or(not_granted, |violations| Refusal::ConstraintViolated {
            violations,
        }),
    )
}

#[cfg(test)]
mod tests;
