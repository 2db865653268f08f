//! What a person is asked to decide, whatever protocol asks: the one meeting point of pages and protocols.
//!
//! A protocol turns its pending thing into a [`ConsentView`] and gets a [`ConsentAnswer`] back. Names, reasons
//! and messages in it come from strangers: a page shows them as text and never as anything else.

use std::num::NonZeroU32;

use procura_keys::clock::Timestamp;
use procura_keys::digest::{sha256, to_base64url};
use serde::Serialize;
use serde_json::{Number, Value};

use crate::limit::HeldTo;
use crate::presence::Strength;

/// One pending request as a person sees it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConsentView {
    /// Which request, in its protocol's own terms.
    pub reference: String,
    /// The app that asks, in its own words.
    pub app: Option<String>,
    /// The agent that asks, in its own words.
    pub agent: String,
    /// Whether this person has connected the app before.
    pub known_app: bool,
    /// Whether the agent is new, or asks for more than it has.
    pub kind: ConsentKind,
    /// Why, in the agent's words.
    pub reason: Option<String>,
    /// A message from the app to compare with what it shows.
    pub message: Option<String>,
    /// What is asked for.
    pub items: Vec<ConsentItem>,
    /// When the request can no longer be answered.
    pub expires_at: Timestamp,
    /// When what is approved ends at the latest, whatever the person chooses. Without it, never by itself.
    pub ends_by: Option<Timestamp>,
}

/// What kind of request it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentKind {
    /// A new agent wants to connect.
    Connect,
    /// A connected agent wants more.
    Extend,
    /// A connected agent whose time ran out wants to go on.
    Resume,
}

/// One thing that is asked for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConsentItem {
    /// Which, in the protocol's own terms.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it does, in the server's words.
    pub description: String,
    /// Its limits.
    pub limits: Vec<HeldTo>,
    /// Where the person may draw limits of their own, each within what is asked for.
    pub adjustable: Vec<Limit>,
    /// What deciding it takes.
    pub strength: Strength,
    /// What else the decision is about, where that may change. Not for reading: a request with another one is another
    /// request.
    pub form: Option<String>,
}

/// What one argument may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Limit {
    /// The argument.
    pub field: String,
    /// Its values.
    pub range: Range,
}

/// A set of values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Range {
    /// Numbers, from the least to the most; without end where there is none.
    Numbers {
        /// The least.
        min: Option<Number>,
        /// The most.
        max: Option<Number>,
    },
    /// These texts, numbers, yes or no.
    OneOf(Vec<Value>),
}

impl ConsentView {
    /// Names exactly what is shown. A decision carries it back, so that nobody approves what they did not see.
    pub fn digest(&self) -> String {
        // Every member is text, number or list, so there is nothing that could fail to print.
        to_base64url(&sha256(&serde_json::to_vec(self).unwrap_or_default()))
    }

    /// What it takes to approve the chosen items, and the request as such.
    pub fn strength_of(&self, chosen: &[Chosen]) -> Strength {
        let is_chosen = |item: &&ConsentItem| chosen.iter().any(|one| one.id == item.id);
        let chosen = self.items.iter().filter(is_chosen);
        chosen
            .map(|item| item.strength)
            .max()
            .unwrap_or(Strength::FreshSignIn)
            .max(Strength::FreshSignIn)
    }
}

/// What a person decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentAnswer {
    /// Yes to these items; no to the others.
    Approve {
        /// What is approved, and within which bounds.
        items: Vec<Chosen>,
    },
    /// No to all of it.
    Deny {
        /// Shown to the agent.
        reason: Option<String>,
    },
}

impl ConsentAnswer {
    /// Names exactly this answer to what has the digest `shown`. A passkey says yes to it and to nothing else.
    pub fn subject(&self, shown: &str) -> [u8; 32] {
        // Every member is text, number or list, so there is nothing that could fail to print.
        sha256(&serde_json::to_vec(&(shown, self)).unwrap_or_default())
    }
}

/// One item that is approved, with bounds on top of those asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Chosen {
    /// The item.
    pub id: String,
    /// When it ends; with the agent if absent.
    pub expires_at: Option<Timestamp>,
    /// How often it may be used; without end if absent.
    pub uses: Option<NonZeroU32>,
    /// Limits on its arguments.
    pub limits: Vec<Limit>,
}

impl Chosen {
    /// The item exactly as it was asked for.
    pub fn as_asked(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            expires_at: None,
            uses: None,
            limits: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::Bound;

    fn at_most(most: &str) -> HeldTo {
        HeldTo {
            field: "amount".to_owned(),
            bounds: vec![Bound::AtMost(most.to_owned())],
        }
    }

    fn view() -> ConsentView {
        let item = |id: &str, strength| ConsentItem {
            id: id.into(),
            name: id.into(),
            description: "x".into(),
            limits: vec![at_most("5")],
            adjustable: Vec::new(),
            strength,
            form: None,
        };
        ConsentView {
            reference: "apr_1".into(),
            app: None,
            agent: "a".into(),
            known_app: false,
            kind: ConsentKind::Connect,
            reason: None,
            message: None,
            items: vec![
                item("read", Strength::FreshSignIn),
                item("pay", Strength::Verified),
            ],
            expires_at: Timestamp::from_millis(1),
            ends_by: None,
        }
    }

    #[test]
    fn any_change_to_what_is_shown_changes_its_digest() {
        let shown = view();
        assert_eq!(shown.digest(), view().digest());
        let mut swapped = view();
        swapped.items[1].limits[0] = at_most("5000");
        assert_ne!(shown.digest(), swapped.digest());
    }

    // AA-8.10-07
    #[test]
    fn the_strongest_chosen_item_decides() {
        let view = view();
        let strength = |ids: &[&str]| {
            let chosen: Vec<_> = ids.iter().map(|id| Chosen::as_asked(*id)).collect();
            view.strength_of(&chosen)
        };
        assert_eq!(strength(&["read"]), Strength::FreshSignIn);
        assert_eq!(strength(&["read", "pay"]), Strength::Verified);
        assert_eq!(strength(&[]), Strength::FreshSignIn);
    }

    // AA-8.11-05
    #[test]
    fn a_subject_is_of_one_view_and_one_answer() {
        let approve = |items: &[&str]| ConsentAnswer::Approve {
            items: items.iter().map(|id| Chosen::as_asked(*id)).collect(),
        };
        let subject = approve(&["read"]).subject("shown");
        assert_eq!(approve(&["read"]).subject("shown"), subject);
        for other in [
            approve(&["read"]).subject("other"),
            approve(&["read", "pay"]).subject("shown"),
            ConsentAnswer::Deny { reason: None }.subject("shown"),
        ] {
            assert_ne!(other, subject);
        }
    }
}
