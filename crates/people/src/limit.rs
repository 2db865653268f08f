//! What an argument is held to, as facts that each language can put into words.

use std::fmt;

use serde::Serialize;

/// One limited argument.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HeldTo {
    /// The argument.
    pub field: String,
    /// What holds for it, all at once.
    pub bounds: Vec<Bound>,
}

/// One thing that holds for an argument.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// Nothing smaller.
    AtLeast(String),
    /// Nothing greater.
    AtMost(String),
    /// One of these.
    Only(Vec<String>),
    /// None of these.
    Not(Vec<String>),
}

/// In English, such as `amount: at least 1 and at most 1000`.
impl fmt::Display for HeldTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bounds: Vec<_> = self.bounds.iter().map(Bound::to_string).collect();
        write!(f, "{}: {}", self.field, bounds.join(" and "))
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(least) => write!(f, "at least {least}"),
            Self::AtMost(most) => write!(f, "at most {most}"),
            Self::Only(values) => write!(f, "only {}", list(values, "or")),
            Self::Not(values) => write!(f, "not {}", list(values, "nor")),
        }
    }
}

fn list(values: &[String], joint: &str) -> String {
    match values {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} {joint} {last}", first.join(", ")),
    }
}
