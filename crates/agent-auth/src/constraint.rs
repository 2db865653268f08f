//! Constraints: limits on the arguments a grant allows (§2.13).
//!
//! Three functions serve registration, approval and execution alike: [`Constraints::parse`] (an operator
//! nobody knows cannot exist past it), [`narrow`] and [`Constraints::check`].

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Map, Number, Value};

use self::number::compare;

mod number;

/// Limits by top-level argument name. A grant without limits has no `Constraints` at all.
#[derive(Clone, Debug, PartialEq)]
pub struct Constraints(BTreeMap<String, Limit>);

/// What one argument has to be.
#[derive(Clone, Debug, PartialEq)]
enum Limit {
    /// Exactly this string, number or boolean.
    Exact(Value),
    /// Within all of these.
    Within(Operators),
    /// Something a later version of the protocol may understand. Nothing satisfies it here.
    Unknown(Value),
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Operators {
    max: Option<Number>,
    min: Option<Number>,
    one_of: Option<Vec<Value>>,
    none_of: Option<Vec<Value>>,
}

impl Constraints {
    /// Reads the wire form. An empty object means no limits.
    pub fn parse(value: &Value) -> Result<Option<Self>, ConstraintError> {
        let constraints = Self::parse_stored(value)?;
        let unknown = constraints
            .iter()
            .flat_map(Self::unknown_operators)
            .collect::<Vec<_>>();
        if unknown.is_empty() {
            Ok(constraints)
        } else {
            Err(ConstraintError::UnknownOperators(unknown))
        }
    }

    /// Reads what a store holds, which a later version may have written: an operator unknown here is
    /// kept, is satisfied by nothing, and shows in [`unknown_operators`](Self::unknown_operators).
    pub fn parse_stored(value: &Value) -> Result<Option<Self>, ConstraintError> {
        let fields = value.as_object().ok_or(ConstraintError::NotAnObject)?;
        let mut limits = BTreeMap::new();
        for (field, limit) in fields {
            limits.insert(field.clone(), Limit::parse(field, limit)?);
        }
        Ok((!limits.is_empty()).then_some(Self(limits)))
    }

    /// The operators in it that this version does not know, each once.
    pub fn unknown_operators(&self) -> Vec<String> {
        let limits = self.0.values().filter_map(|limit| match limit {
            Limit::Unknown(Value::Object(members)) => Some(members),
            _ => None,
        });
        let unknown = limits.flat_map(Map::keys).filter(|name| !is_known(name));
        unknown
            .cloned()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect()
    }

    /// The wire form.
    pub fn to_value(&self) -> Value {
        let fields = self
            .0
            .iter()
            .map(|(field, limit)| (field.clone(), limit.to_value()));
        Value::Object(fields.collect())
    }

    /// The argument names that carry a limit.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Everything about `arguments` that breaks a limit. An argument that is missing breaks every limit but
    /// a list of forbidden values.
    pub fn check(&self, arguments: &Map<String, Value>) -> Vec<Violation> {
        let mut violations = Vec::new();
        for (field, limit) in &self.0 {
            let actual = arguments.get(field);
            for broken in limit.broken_by(actual) {
                violations.push(Violation {
                    field: field.clone(),
                    constraint: broken,
                    actual: actual.cloned(),
                });
            }
        }
        violations
    }
}

impl Serialize for Constraints {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_value().serialize(serializer)
    }
}

/// One limit that an argument breaks, in the wire form of §5.11.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Violation {
    /// The argument's name.
    pub field: String,
    /// The limit: a bare value, or an object of the one operator.
    pub constraint: Value,
    /// What was sent, if anything was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actual: Option<Value>,
}

/// Both sets of limits at once: the tighter bound wins, per argument and operator (§2.13).
pub fn narrow(
    one: Option<&Constraints>,
    other: Option<&Constraints>,
) -> Result<Option<Constraints>, Contradiction> {
    let (Some(one), Some(other)) = (one, other) else {
        return Ok(one.or(other).cloned());
    };
    let mut limits = one.0.clone();
    for (field, limit) in &other.0 {
        let both = match limits.get(field) {
            Some(present) => present.narrow(limit).ok_or_else(|| Contradiction {
                field: field.clone(),
            })?,
            None => limit.clone(),
        };
        limits.insert(field.clone(), both);
    }
    Ok(Some(Constraints(limits)))
}

/// Whether every set of arguments that `inner` allows is allowed by `outer` too.
pub fn covers(outer: Option<&Constraints>, inner: Option<&Constraints>) -> bool {
    // Narrowing normalises, so compare against `inner` narrowed by itself.
    match (narrow(outer, inner), narrow(inner, inner)) {
        (Ok(both), Ok(inner)) => both == inner,
        // Nothing satisfies `inner`, so nothing in it lies outside.
        (_, Err(_)) => true,
        (Err(_), Ok(_)) => false,
    }
}

/// No value of this argument can satisfy both sets of limits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no value of {field:?} satisfies both limits")]
pub struct Contradiction {
    /// The argument.
    pub field: String,
}

/// Why a value is not a set of constraints.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConstraintError {
    /// Operators outside this version of the protocol.
    #[error("unknown constraint operators: {}; known are max, min, in, not_in", .0.join(", "))]
    UnknownOperators(Vec<String>),
    /// Not an object.
    #[error("constraints are an object from argument names to limits")]
    NotAnObject,
    /// A limit that is neither a plain value nor an object of operators.
    #[error(
        "the limit on {0:?} has to be a string, number, boolean or a non-empty object of operators"
    )]
    NotALimit(String),
    /// `max` or `min` is not a number.
    #[error("the operator {operator:?} on {field:?} takes a number")]
    NotANumber {
        /// The argument.
        field: String,
        /// `max` or `min`.
        operator: &'static str,
    },
    /// `in` or `not_in` is not a usable list.
    #[error("the operator {operator:?} on {field:?} takes a list of strings, numbers or booleans")]
    NotAList {
        /// The argument.
        field: String,
        /// `in` or `not_in`.
        operator: &'static str,
    },
    /// `eq` beside another operator.
    #[error("an exact value on {0:?} cannot be combined with operators")]
    ExactWithOperators(String),
    /// The limits on one argument exclude each other.
    #[error("no value of {0:?} satisfies its limits")]
    Unsatisfiable(String),
}

impl Limit {
    fn parse(field: &str, value: &Value) -> Result<Self, ConstraintError> {
        match value {
            Value::String(_) | Value::Number(_) | Value::Bool(_) => Ok(Self::Exact(value.clone())),
            Value::Object(members) if !members.keys().all(|name| is_known(name)) => {
                Ok(Self::Unknown(value.clone()))
            }
            Value::Object(members) if !members.is_empty() => Self::parse_operators(field, members),
            _ => Err(ConstraintError::NotALimit(field.to_owned())),
        }
    }

    fn parse_operators(field: &str, members: &Map<String, Value>) -> Result<Self, ConstraintError> {
        // A deployed server writes equality as an operator; it means the bare value.
        if let Some(exact) = members.get("eq") {
            return match exact {
                _ if members.len() > 1 => {
                    Err(ConstraintError::ExactWithOperators(field.to_owned()))
                }
                exact if is_plain(exact) => Ok(Self::Exact(exact.clone())),
                _ => Err(ConstraintError::NotALimit(field.to_owned())),
            };
        }
        let number = |operator| match members.get(operator) {
            None => Ok(None),
            Some(Value::Number(number)) => Ok(Some(number.clone())),
            Some(_) => Err(ConstraintError::NotANumber {
                field: field.to_owned(),
                operator,
            }),
        };
        let list = |operator| match members.get(operator) {
            None => Ok(None),
            Some(Value::Array(items)) if items.iter().all(is_plain) => Ok(Some(items.clone())),
            Some(_) => Err(ConstraintError::NotAList {
                field: field.to_owned(),
                operator,
            }),
        };
        let operators = Operators {
            max: number("max")?,
            min: number("min")?,
            one_of: list("in")?,
            none_of: list("not_in")?,
        };
        let unsatisfiable = || ConstraintError::Unsatisfiable(field.to_owned());
        operators
            .normalised()
            .map(Self::Within)
            .ok_or_else(unsatisfiable)
    }

    fn to_value(&self) -> Value {
        match self {
            Self::Exact(value) | Self::Unknown(value) => value.clone(),
            Self::Within(operators) => Value::Object(
                operators
                    .each()
                    .map(|(name, bound)| (name.to_owned(), bound))
                    .collect(),
            ),
        }
    }

    /// The parts of this limit that `actual` breaks, each in wire form.
    fn broken_by(&self, actual: Option<&Value>) -> Vec<Value> {
        match self {
            Self::Exact(value) if actual.is_some_and(|actual| same(actual, value)) => Vec::new(),
            Self::Exact(value) | Self::Unknown(value) => vec![value.clone()],
            Self::Within(operators) => operators
                .each()
                .filter(|(name, bound)| !holds(name, bound, actual))
                .map(|(name, bound)| {
                    Value::Object([(name.to_owned(), bound)].into_iter().collect())
                })
                .collect(),
        }
    }

    fn narrow(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Within(one), Self::Within(other)) => one.narrow(other).map(Self::Within),
            (Self::Unknown(one), Self::Unknown(other)) if one == other => Some(self.clone()),
            (Self::Unknown(_), _) | (_, Self::Unknown(_)) => None,
            (Self::Exact(value), limit) | (limit, Self::Exact(value)) => limit
                .broken_by(Some(value))
                .is_empty()
                .then(|| Self::Exact(value.clone())),
        }
    }
}

impl Operators {
    fn each(&self) -> impl Iterator<Item = (&'static str, Value)> {
        let numbers = [("max", &self.max), ("min", &self.min)];
        let lists = [("in", &self.one_of), ("not_in", &self.none_of)];
        let numbers = numbers
            .into_iter()
            .filter_map(|(name, n)| Some((name, Value::Number(n.clone()?))));
        let lists = lists
            .into_iter()
            .filter_map(|(name, l)| Some((name, Value::Array(l.clone()?))));
        numbers.chain(lists)
    }

    fn narrow(&self, other: &Self) -> Option<Self> {
        let pick = |one: &Option<Number>, other: &Option<Number>, keep| match (one, other) {
            (Some(a), Some(b)) => Some(if compare(a, b) == keep {
                a.clone()
            } else {
                b.clone()
            }),
            (one, other) => one.clone().or_else(|| other.clone()),
        };
        let one_of = match (&self.one_of, &other.one_of) {
            (Some(a), Some(b)) => Some(
                a.iter()
                    .filter(|item| contains(b, item))
                    .cloned()
                    .collect::<Vec<_>>(),
            ),
            (one, other) => one.clone().or_else(|| other.clone()),
        };
        let none_of = match (&self.none_of, &other.none_of) {
            (Some(a), Some(b)) => Some(a.iter().chain(b).cloned().collect()),
            (one, other) => one.clone().or_else(|| other.clone()),
        };
        let max = pick(&self.max, &other.max, std::cmp::Ordering::Less);
        let min = pick(&self.min, &other.min, std::cmp::Ordering::Greater);
        Self {
            max,
            min,
            one_of,
            none_of,
        }
        .normalised()
    }

    /// The same limits written in one way only, so that equal limits compare equal: lists sorted and without
    /// repeats, allowed values that another operator excludes dropped. `None` when nothing is left.
    fn normalised(mut self) -> Option<Self> {
        if let (Some(min), Some(max)) = (&self.min, &self.max)
            && compare(min, max).is_gt()
        {
            return None;
        }
        if let Some(forbidden) = self.none_of.take() {
            self.none_of = Some(distinct(forbidden)).filter(|list| !list.is_empty());
        }
        if let Some(allowed) = self.one_of.take() {
            let left: Vec<_> = distinct(allowed)
                .into_iter()
                .filter(|item| {
                    self.each()
                        .all(|(name, bound)| holds(name, &bound, Some(item)))
                })
                .collect();
            if left.is_empty() {
                return None;
            }
            self.one_of = Some(left);
        }
        Some(self)
    }
}

/// Whether `actual` satisfies one operator. Types are never converted: a string is not a number.
fn holds(operator: &str, bound: &Value, actual: Option<&Value>) -> bool {
    match (operator, bound, actual) {
        ("max", Value::Number(bound), Some(Value::Number(actual))) => {
            compare(actual, bound).is_le()
        }
        ("min", Value::Number(bound), Some(Value::Number(actual))) => {
            compare(actual, bound).is_ge()
        }
        ("in", Value::Array(list), Some(actual)) => contains(list, actual),
        ("not_in", Value::Array(_), None) => true,
        // A list or an object hides a forbidden value from a comparison of whole values.
        ("not_in", Value::Array(list), Some(actual)) => {
            is_plain_or_null(actual) && !contains(list, actual)
        }
        _ => false,
    }
}

fn is_known(operator: &str) -> bool {
    KNOWN_OPERATORS.contains(&operator)
}

fn contains(list: &[Value], value: &Value) -> bool {
    list.iter().any(|item| same(item, value))
}

/// Equality by value: `1` and `1.0` are the same number.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => compare(one, other).is_eq(),
        _ => one == other,
    }
}

fn distinct(mut list: Vec<Value>) -> Vec<Value> {
    list.sort_by(|a, b| match (a, b) {
        (Value::Number(a), Value::Number(b)) => compare(a, b),
        _ => rank(a)
            .cmp(&rank(b))
            .then_with(|| a.to_string().cmp(&b.to_string())),
    });
    list.dedup_by(|a, b| same(a, b));
    list
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Bool(_) => 0,
        Value::Number(_) => 1,
        _ => 2,
    }
}

fn is_plain(value: &Value) -> bool {
    matches!(value, Value::String(_) | Value::Number(_) | Value::Bool(_))
}

fn is_plain_or_null(value: &Value) -> bool {
    is_plain(value) || value.is_null()
}

/// The operators of this protocol version, and `eq`, which a deployed server sends for a bare value.
const KNOWN_OPERATORS: [&str; 5] = ["max", "min", "in", "not_in", "eq"];

#[cfg(test)]
mod tests;
