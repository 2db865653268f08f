//! What a command leaves to be printed.

use serde::Serialize;
use serde_json::Value;

use crate::exit::Exit;

/// A result in both forms.
#[derive(Debug)]
pub(crate) struct Printed {
    /// For programs.
    pub(crate) value: Value,
    /// For people.
    pub(crate) text: String,
}

/// The result of a command, and how it ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// What to print, unless all of it has been.
    pub(crate) result: Option<Printed>,
    /// How it ended.
    pub(crate) exit: Exit,
}

impl Outcome {
    /// A command that did what it was asked for.
    pub(crate) fn done(value: &impl Serialize, text: impl Into<String>) -> Self {
        let result = Printed {
            // Everything printed is plain data, which always has a JSON form.
            value: serde_json::to_value(value).unwrap_or_default(),
            text: text.into(),
        };
        Self {
            result: Some(result),
            exit: Exit::Done,
        }
    }

    /// A command that has printed its result as it arrived.
    pub(crate) fn printed() -> Self {
        Self {
            result: None,
            exit: Exit::Done,
        }
    }

    /// The same, ended in another way.
    pub(crate) fn with_exit(self, exit: Exit) -> Self {
        Self { exit, ..self }
    }
}
