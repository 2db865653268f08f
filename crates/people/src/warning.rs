//! What a person should look at twice before they approve a request (AAP §8.10).

use crate::consent::{ConsentItem, ConsentView};
use crate::lookalike::{mixes_alphabets, resembles};
use crate::presence::Strength;

/// Something unusual about a request. The words are for the person who decides.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// A name that can be taken for somebody else's.
    #[error(
        "The name looks like “{brand}”. The app chose it itself; nobody has checked whether it has to do with {brand}."
    )]
    Resembles {
        /// Whose.
        brand: String,
    },
    /// A name with letters that look like others.
    #[error(
        "A name mixes letters of different alphabets, which is a way to look like somebody else."
    )]
    MixedAlphabets,
    /// More than people weigh one by one.
    #[error(
        "This is a lot to ask for at once: {0} capabilities. Leave out what the agent does not need; it can ask again \
         later."
    )]
    Many(usize),
    /// What changes something, without any limit.
    #[error(
        "Some of this can change things without any limit. Approve it only if you trust the app with all of it."
    )]
    Unlimited,
    /// Nothing ends by itself.
    #[error("What you approve does not end by itself.")]
    Endless,
}

impl Warning {
    /// Whether it is about who asks, rather than about what.
    pub fn is_about_names(&self) -> bool {
        match self {
            Self::Resembles { .. } | Self::MixedAlphabets => true,
            Self::Many(_) | Self::Unlimited | Self::Endless => false,
        }
    }
}

/// What is unusual about a request. `brands` are names that no stranger should be taken for.
pub fn warnings(view: &ConsentView, brands: &[String]) -> Vec<Warning> {
    let names: Vec<_> = view.app.iter().chain([&view.agent]).collect();
    let mut found = Vec::new();
    let taken_for = |brand: &&String| names.iter().any(|name| resembles(name, brand));
    if let Some(brand) = brands.iter().find(taken_for) {
        let brand = brand.clone();
        found.push(Warning::Resembles { brand });
    }
    if names.iter().any(|name| mixes_alphabets(name)) {
        found.push(Warning::MixedAlphabets);
    }
    if view.items.len() >= MANY {
        found.push(Warning::Many(view.items.len()));
    }
    if view.items.iter().any(is_unlimited) {
        found.push(Warning::Unlimited);
    }
    if view.ends_by.is_none() && view.items.iter().any(changes_something) {
        found.push(Warning::Endless);
    }
    found
}

fn changes_something(item: &ConsentItem) -> bool {
    item.strength == Strength::Verified
}

fn is_unlimited(item: &ConsentItem) -> bool {
    changes_something(item) && item.limits.is_empty()
}

/// From how many capabilities on a request is broad.
const MANY: usize = 8;

#[cfg(test)]
mod tests {
    use procura_keys::clock::Timestamp;

    use super::*;
    use crate::consent::ConsentKind;
    use crate::limit::{Bound, HeldTo};

    fn limit(field: &str) -> HeldTo {
        HeldTo {
            field: field.to_owned(),
            bounds: vec![Bound::AtMost("5".to_owned())],
        }
    }

    fn item(strength: Strength, limits: &[&str]) -> ConsentItem {
        ConsentItem {
            id: String::new(),
            name: String::new(),
            description: String::new(),
            limits: limits.iter().map(|field| limit(field)).collect(),
            adjustable: Vec::new(),
            strength,
            form: None,
        }
    }

    fn view(app: &str, agent: &str, items: Vec<ConsentItem>) -> ConsentView {
        ConsentView {
            reference: String::new(),
            app: Some(app.to_owned()),
            agent: agent.to_owned(),
            known_app: false,
            kind: ConsentKind::Connect,
            reason: None,
            message: None,
            items,
            expires_at: Timestamp::from_millis(0),
            ends_by: Some(Timestamp::from_millis(1)),
        }
    }

    fn found(view: &ConsentView) -> Vec<Warning> {
        warnings(view, &["Acme Bank".to_owned(), "PayPal".to_owned()])
    }

    // AA-8.10-02
    #[test]
    fn a_broad_request_is_noticed_and_an_ordinary_one_is_not() {
        let (read, change) = (Strength::FreshSignIn, Strength::Verified);
        let asks = |items| view("Laptop", "Helper", items);
        assert_eq!(found(&asks(vec![item(read, &[])])), []);
        assert_eq!(found(&asks(vec![item(change, &["up to 5"])])), []);
        assert_eq!(found(&asks(vec![item(change, &[])])), [Warning::Unlimited]);
        assert_eq!(found(&asks(vec![item(read, &[]); 7])), []);
        assert_eq!(found(&asks(vec![item(read, &[]); 8])), [Warning::Many(8)]);
        let endless = |items| ConsentView {
            ends_by: None,
            ..asks(items)
        };
        assert_eq!(found(&endless(vec![item(read, &[])])), []);
        let changing = endless(vec![item(change, &["up to 5"])]);
        assert_eq!(found(&changing), [Warning::Endless]);
    }

    // AA-8.10-04
    #[test]
    fn a_name_like_somebody_elses_is_noticed_in_app_and_agent() {
        let resembles = |brand: &str| Warning::Resembles {
            brand: brand.to_owned(),
        };
        let named = |app, agent| found(&view(app, agent, Vec::new()));
        assert_eq!(named("Acme Bank", "Helper"), [resembles("Acme Bank")]);
        assert_eq!(named("Laptop", "paypal"), [resembles("PayPal")]);
        let mixed = [resembles("PayPal"), Warning::MixedAlphabets];
        assert_eq!(named("Рaypal", "Helper"), mixed);
        assert_eq!(named("Laptop", "Bоt"), [Warning::MixedAlphabets]);
    }
}
