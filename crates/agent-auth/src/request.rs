//! What an agent asks for, set against what the server offers: the part that registration (§5.3) and
//! capability requests (§5.4) share.

use crate::capability::{ApprovalStrength, CapabilityName, Offer};
use crate::constraint::{Constraints, narrow};
use crate::refusal::Refusal;

/// One requested capability, with the limits the agent proposes for itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// The capability.
    pub name: CapabilityName,
    /// The proposed limits.
    pub constraints: Option<Constraints>,
}

/// An ask for something the server offers, with the limits that would hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// The capability.
    pub name: CapabilityName,
    /// What approving it takes.
    pub approval: ApprovalStrength,
    /// Proposed and imposed limits at once; `Err` when nothing satisfies both.
    pub constraints: Result<Option<Constraints>, Unsatisfiable>,
}

/// The proposed limits and those the server imposes exclude each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsatisfiable;

/// What becomes of one ask.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The capability.
    pub capability: CapabilityName,
    /// The limits of the grant.
    pub constraints: Option<Constraints>,
    /// The outcome.
    pub outcome: Outcome,
}

/// How an ask is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Granted by policy.
    Grant,
    /// Somebody has to approve it.
    AskApprover,
    /// Turned down, with a reason shown to the agent.
    Deny(&'static str),
}

/// Who may answer a request for approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApproverKind {
    /// The person the agent acts for.
    Person,
    /// Whoever runs the server; for agents that act for nobody.
    Administrator,
}

impl ApproverKind {
    /// The storage form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Administrator => "administrator",
        }
    }
}

/// Sets asks against the offers. Equal repeats count once; unequal ones and unknown names are refused.
pub fn resolve(
    asks: Vec<Ask>,
    offer: impl Fn(&CapabilityName) -> Option<Offer>,
) -> Result<Vec<Wanted>, Refusal> {
    let mut wanted = Vec::with_capacity(asks.len());
    let mut unknown = Vec::new();
    for ask in distinct(asks)? {
        match offer(&ask.name) {
            Some(offer) => wanted.push(Wanted {
                constraints: narrow(ask.constraints.as_ref(), offer.imposed.as_ref())
                    .map_err(|_| Unsatisfiable),
                name: ask.name,
                approval: offer.approval,
            }),
            None => unknown.push(ask.name),
        }
    }
    if unknown.is_empty() {
        Ok(wanted)
    } else {
        Err(Refusal::InvalidCapabilities { names: unknown })
    }
}

impl Wanted {
    /// Whether nobody has to approve this under a host with these defaults. Being a default never stands in
    /// for a person's presence (§8.10, §8.11).
    pub fn is_automatic(&self, defaults: &[CapabilityName]) -> bool {
        match self.approval {
            ApprovalStrength::None => true,
            ApprovalStrength::Session => defaults.contains(&self.name),
            ApprovalStrength::Presence => false,
        }
    }

    /// The verdict with `outcome`, or a denial when no limits are possible.
    pub fn answered(self, outcome: Outcome) -> Verdict {
        match self.constraints {
            Ok(constraints) => Verdict {
                capability: self.name,
                constraints,
                outcome,
            },
            Err(Unsatisfiable) => Verdict {
                capability: self.name,
                constraints: None,
                outcome: Outcome::Deny(
                    "The proposed limits and those of the server exclude each other.",
                ),
            },
        }
    }
}

fn distinct(asks: Vec<Ask>) -> Result<Vec<Ask>, Refusal> {
    let mut distinct: Vec<Ask> = Vec::with_capacity(asks.len());
    for ask in asks {
        match distinct.iter().find(|other| other.name == ask.name) {
            None => distinct.push(ask),
            Some(other) if *other == ask => {}
            Some(_) => {
                let message = format!(
                    "{} is requested twice with different constraints.",
                    ask.name
                );
                return Err(Refusal::invalid(message));
            }
        }
    }
    Ok(distinct)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn ask(name: &str, limits: &Value) -> Ask {
        Ask {
            name: name.parse().unwrap(),
            constraints: Constraints::parse(limits).unwrap(),
        }
    }

    fn offers(name: &CapabilityName) -> Option<Offer> {
        (name.as_str() == "pay").then(|| Offer {
            name: name.clone(),
            approval: ApprovalStrength::Presence,
            imposed: Constraints::parse(&json!({"amount": {"max": 100}})).unwrap(),
        })
    }

    // AA-5.4-08
    #[test]
    fn every_unknown_name_is_listed() {
        let asks = vec![
            ask("pay", &json!({})),
            ask("fly", &json!({})),
            ask("swim", &json!({})),
        ];
        let names = vec!["fly".parse().unwrap(), "swim".parse().unwrap()];
        assert_eq!(
            resolve(asks, offers),
            Err(Refusal::InvalidCapabilities { names })
        );
    }

    // AA-2.13-06
    #[test]
    fn imposed_limits_narrow_proposed_ones() {
        let wanted = resolve(
            vec![ask("pay", &json!({"amount": {"max": 500, "min": 1}}))],
            offers,
        )
        .unwrap();
        let limits = wanted[0].constraints.clone().unwrap().unwrap();
        assert_eq!(limits.to_value(), json!({"amount": {"max": 100, "min": 1}}));
        let hopeless = resolve(vec![ask("pay", &json!({"amount": 500}))], offers)
            .unwrap()
            .remove(0);
        assert_eq!(hopeless.constraints, Err(Unsatisfiable));
        assert!(matches!(
            hopeless.answered(Outcome::Grant).outcome,
            Outcome::Deny(_)
        ));
    }

    #[test]
    fn equal_repeats_merge_and_different_ones_are_refused() {
        let same = vec![
            ask("pay", &json!({"to": "a"})),
            ask("pay", &json!({"to": "a"})),
        ];
        assert_eq!(resolve(same, offers).unwrap().len(), 1);
        let different = vec![ask("pay", &json!({"to": "a"})), ask("pay", &json!({}))];
        assert!(matches!(
            resolve(different, offers),
            Err(Refusal::InvalidRequest(_))
        ));
    }
}
