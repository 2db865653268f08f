//! The fields in which a person sets bounds on one item, as the page shows them.

use procura_keys::clock::Timestamp;
use procura_people::consent::{ConsentItem, Range};
use serde_json::{Number, Value};

use super::bounds::{
    ON_A_DAY, Problems, SPANS, among_name, day_name, ends_name, least_name, most_name, one_of_name,
    uses_name,
};
use crate::web::form::Fields;
use crate::web::text::visible;
use crate::web::when;
use crate::web::words::say;

/// All fields of one item.
pub(super) struct Adjust {
    pub(super) ends: Field,
    pub(super) spans: Vec<Choice>,
    pub(super) day: Field,
    pub(super) uses: Field,
    pub(super) among: String,
    pub(super) limits: Vec<Adjustable>,
    /// Whether something was filled in, so that the fields are shown at once.
    pub(super) is_open: bool,
}

/// A field with what was typed and what is wrong with it.
pub(super) struct Field {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) problem: Option<String>,
}

/// One thing to choose.
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) label: String,
    pub(super) is_chosen: bool,
}

/// One argument.
pub(super) struct Adjustable {
    pub(super) argument: String,
    pub(super) place: usize,
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    Numbers {
        least: Field,
        most: Field,
        asked: String,
    },
    OneOf {
        name: String,
        choices: Vec<Choice>,
        problem: Option<String>,
    },
}

impl Adjust {
    /// The fields of an item: empty, or as `form` has them.
    pub(super) fn new(
        item: &ConsentItem,
        ends_by: Option<Timestamp>,
        now: Timestamp,
        form: Option<&Fields>,
        problems: &Problems,
    ) -> Self {
        let filled = Filled { form, problems };
        let ends = filled.field(ends_name(&item.id));
        let limits: Vec<_> = (item.adjustable.iter().enumerate())
            .map(|(place, limit)| Adjustable {
                argument: visible(&limit.field),
                place,
                kind: filled.kind(&item.id, place, &limit.range),
            })
            .collect();
        let (day, uses) = (
            filled.field(day_name(&item.id)),
            filled.field(uses_name(&item.id)),
        );
        let is_open = [&ends, &uses].iter().any(|field| !field.value.is_empty())
            || limits.iter().any(Adjustable::is_touched);
        Self {
            spans: spans(&ends.value, ends_by, now),
            ends,
            day,
            uses,
            among: among_name(&item.id),
            limits,
            is_open,
        }
    }
}

impl Adjustable {
    fn is_touched(&self) -> bool {
        match &self.kind {
            Kind::Numbers { least, most, .. } => !least.value.is_empty() || !most.value.is_empty(),
            Kind::OneOf { choices, .. } => choices.iter().any(|choice| !choice.is_chosen),
        }
    }
}

struct Filled<'f> {
    form: Option<&'f Fields>,
    problems: &'f Problems,
}

impl Filled<'_> {
    fn field(&self, name: String) -> Field {
        let typed = self.form.map(|form| form.text(&name)).unwrap_or_default();
        Field {
            value: typed.chars().take(MAX_TYPED).collect(),
            problem: self.problems.get(&name).cloned(),
            name,
        }
    }

    fn kind(&self, id: &str, place: usize, range: &Range) -> Kind {
        match range {
            Range::Numbers { min, max } => Kind::Numbers {
                least: self.field(least_name(id, place)),
                most: self.field(most_name(id, place)),
                asked: asked(min.as_ref(), max.as_ref()),
            },
            Range::OneOf(values) => {
                let name = one_of_name(id, place);
                Kind::OneOf {
                    choices: self.choices(&name, &among_name(id), place, values),
                    problem: self.problems.get(&name).cloned(),
                    name,
                }
            }
        }
    }

    /// Everything is chosen until somebody leaves something out.
    fn choices(&self, name: &str, among: &str, place: usize, values: &[Value]) -> Vec<Choice> {
        let sent = self.form.filter(|form| {
            let mut shown = form.all(among);
            shown.any(|shown| shown == place.to_string())
        });
        let choice = |(at, value): (usize, &Value)| Choice {
            value: at.to_string(),
            label: match value {
                Value::String(text) => visible(text),
                other => other.to_string(),
            },
            is_chosen: sent.is_none_or(|form| form.all(name).any(|one| one == at.to_string())),
        };
        values.iter().enumerate().map(choice).collect()
    }
}

fn spans(chosen: &str, ends_by: Option<Timestamp>, now: Timestamp) -> Vec<Choice> {
    let choice = |value: &str, label: String| Choice {
        value: value.to_owned(),
        label,
        is_chosen: value == chosen,
    };
    let longest = match ends_by {
        Some(end) => say("until it is taken back, at most until {end}")
            .with("end", when::moment(end, now))
            .to_string(),
        None => "until it is taken back".to_owned(),
    };
    let spans = SPANS
        .iter()
        .map(|(name, label, _)| choice(name, (*label).to_owned()));
    let mut choices = vec![choice("", longest)];
    choices.extend(spans);
    choices.push(choice(
        ON_A_DAY,
        "until the end of the day below".to_owned(),
    ));
    choices
}

fn asked(min: Option<&Number>, max: Option<&Number>) -> String {
    let words = match (min, max) {
        (None, None) => say("Any number was asked for."),
        (Some(min), None) => say("From {min} on was asked for.").with("min", min),
        (None, Some(max)) => say("Up to {max} was asked for.").with("max", max),
        (Some(min), Some(max)) => {
            let words = say("From {min} to {max} was asked for.");
            words.with("min", min).with("max", max)
        }
    };
    words.to_string()
}

/// Nothing that anybody means is longer; the rest is not shown again.
const MAX_TYPED: usize = 40;
