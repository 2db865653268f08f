//! What the server of the histories offers, what agents ask for and call, and the limits in play.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use crate::step::Configuration;

/// What approving a capability takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    Nothing,
    SignIn,
    Presence,
}

/// A capability.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) name: &'static str,
    pub(crate) takes: Takes,
    pub(crate) is_default: bool,
    /// Absent in the smaller catalogue.
    pub(crate) is_always_offered: bool,
    /// Carried out elsewhere.
    pub(crate) location: Option<&'static str>,
    /// Limits on every grant.
    pub(crate) imposed: Option<Sheet>,
}

const fn offer(name: &'static str, takes: Takes, is_default: bool) -> Offer {
    Offer {
        name,
        takes,
        is_default,
        is_always_offered: true,
        location: None,
        imposed: None,
    }
}

/// By name, as the service lists them.
pub(crate) static OFFERS: [Offer; 8] = [
    offer("balance", Takes::SignIn, true),
    offer("echo", Takes::Nothing, true),
    Offer {
        is_always_offered: false,
        ..offer("letter", Takes::SignIn, true)
    },
    Offer {
        imposed: Some(Sheet(0)),
        ..offer("pay", Takes::Presence, false)
    },
    Offer {
        location: Some("https://elsewhere.example/execute"),
        ..offer("remote", Takes::Nothing, false)
    },
    Offer {
        is_always_offered: false,
        ..offer("stamp", Takes::Nothing, false)
    },
    offer("statement", Takes::SignIn, false),
    offer("watch", Takes::Nothing, false),
];

/// What is offered under this configuration.
pub(crate) fn offered(configuration: Configuration) -> impl Iterator<Item = &'static Offer> {
    OFFERS
        .iter()
        .filter(move |offer| offer.is_always_offered || !configuration.smaller)
}

pub(crate) fn find(name: &str, configuration: Configuration) -> Option<&'static Offer> {
    offered(configuration).find(|offer| offer.name == name)
}

/// A set of limits that somebody wrote down, by its place in [`SHEETS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sheet(usize);

static SHEETS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    vec![
        json!({ "amount": { "max": 1000 } }),
        json!({ "amount": { "max": 100 } }),
        json!({ "amount": { "min": 20, "max": 500 } }),
        json!({ "amount": 50 }),
        json!({ "currency": { "in": ["USD", "EUR"] } }),
        json!({ "currency": { "not_in": ["USD"] }, "amount": { "max": 300 } }),
        json!({ "amount": { "min": 2000 } }),
        json!({ "amount": { "regex": ".*" } }),
        json!({ "currency": "EUR" }),
        json!({ "amount": { "max": 100_000 } }),
        json!({ "currency": { "in": ["EUR", "GBP"] } }),
    ]
});

impl Sheet {
    /// What is written on it.
    pub(crate) fn value(self) -> &'static Value {
        &SHEETS[self.0]
    }

    /// Whether it uses an operator that the protocol does not have.
    pub(crate) fn is_unknown(self) -> bool {
        self.0 == 7
    }
}

/// The limits that an approver may draw: bounds for numbers, and choices. Some would widen what is asked for, if that
/// could be.
pub(crate) fn drawn(number: u8) -> Sheet {
    let sheets = [0, 1, 2, 4, 6, 9, 10];
    Sheet(sheets[usize::from(number) % sheets.len()])
}

/// A capability that an agent asks for, with limits of its own or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) name: &'static str,
    pub(crate) limits: Option<Sheet>,
}

const fn ask(name: &'static str) -> Ask {
    Ask { name, limits: None }
}

const fn limited(name: &'static str, sheet: usize) -> Ask {
    let limits = Some(Sheet(sheet));
    Ask { name, limits }
}

static ASKS: [Ask; 32] = [
    ask("echo"),
    ask("echo"),
    ask("echo"),
    ask("watch"),
    ask("balance"),
    ask("balance"),
    ask("balance"),
    ask("balance"),
    ask("statement"),
    ask("statement"),
    ask("statement"),
    ask("remote"),
    ask("letter"),
    ask("letter"),
    ask("letter"),
    ask("stamp"),
    ask("pay"),
    ask("pay"),
    ask("pay"),
    limited("pay", 1),
    limited("pay", 2),
    limited("pay", 2),
    limited("pay", 3),
    limited("pay", 4),
    limited("pay", 5),
    limited("pay", 5),
    limited("pay", 6),
    limited("pay", 7),
    limited("pay", 8),
    limited("echo", 2),
    limited("balance", 4),
    ask("never_heard_of"),
];

/// What the numbers of a step ask for.
pub(crate) fn asks(numbers: &[u8]) -> Vec<Ask> {
    numbers
        .iter()
        .map(|number| ASKS[usize::from(*number) % ASKS.len()])
        .collect()
}

/// One call: a capability and arguments.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) capability: &'static str,
    pub(crate) arguments: Map<String, Value>,
}

/// What the number of a step calls.
pub(crate) fn call(number: u8) -> Call {
    let names = [
        "echo",
        "balance",
        "pay",
        "pay",
        "pay",
        "statement",
        "letter",
        "stamp",
        "remote",
        "never_heard_of",
        "watch",
    ];
    let capability = names[usize::from(number) % names.len()];
    let arguments = PROBES[usize::from(number) * 7 % PROBES.len()].clone();
    Call {
        capability,
        arguments,
    }
}

/// The call that is answered by a stream.
pub(crate) const WATCH: u8 = 10;

/// Arguments that tell all limits in play apart.
pub(crate) static PROBES: LazyLock<Vec<Map<String, Value>>> = LazyLock::new(|| {
    let amounts = [
        None,
        Some(json!(10)),
        Some(json!(20)),
        Some(json!(50)),
        Some(json!(100)),
        Some(json!(101)),
        Some(json!(300)),
        Some(json!(500)),
        Some(json!(1000)),
        Some(json!(1001)),
        Some(json!(2000)),
        Some(json!("50")),
    ];
    let currencies = [None, Some("USD"), Some("EUR"), Some("GBP")];
    let mut probes = Vec::new();
    for amount in &amounts {
        for currency in currencies {
            let mut arguments = Map::new();
            if let Some(amount) = amount {
                arguments.insert("amount".to_owned(), amount.clone());
            }
            if let Some(currency) = currency {
                arguments.insert("currency".to_owned(), json!(currency));
            }
            probes.push(arguments);
        }
    }
    probes
});

/// Whether limits, in the form of §2.13, allow a call. Numbers here are whole ones.
pub(crate) fn allows(limits: &Value, arguments: &Map<String, Value>) -> bool {
    let Some(fields) = limits.as_object() else {
        return false;
    };
    fields.iter().all(|(field, limit)| {
        let actual = arguments.get(field);
        match limit.as_object() {
            None => actual == Some(limit),
            Some(operators) => operators
                .iter()
                .all(|(operator, bound)| holds(operator, bound, actual)),
        }
    })
}

fn holds(operator: &str, bound: &Value, actual: Option<&Value>) -> bool {
    let list = || {
        bound
            .as_array()
            .is_some_and(|list| list.iter().any(|item| Some(item) == actual))
    };
    let number = actual.and_then(Value::as_i64);
    match operator {
        "max" => number.is_some_and(|number| Some(number) <= bound.as_i64()),
        "min" => number.is_some_and(|number| Some(number) >= bound.as_i64()),
        "in" => list(),
        "not_in" => !list(),
        _ => false,
    }
}

/// Whether `pay` takes these arguments: its input schema in words.
pub(crate) fn fits_schema(capability: &str, arguments: &Map<String, Value>) -> bool {
    capability != "pay" || arguments.get("amount").is_some_and(Value::is_number)
}

/// The input schema of `pay`.
pub(crate) fn schema(capability: &str) -> Option<Value> {
    (capability == "pay").then(|| {
        json!({
            "type": "object",
            "required": ["amount"],
            "properties": { "amount": { "type": "number" } },
        })
    })
}
