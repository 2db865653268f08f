//! Where a person may draw limits of their own on what is asked for, and what their limits mean as constraints
//! (§2.13).

use procura_agent_auth::approval::ApprovalError;
use procura_agent_auth::constraint::{Constraints, Contradiction, narrow};
use procura_people::consent::{Limit, Range};
use serde_json::{Value, json};

/// The arguments that can be limited further: by number or by choice, within the limits asked for or, where there
/// are none, within the input schema. Of the latter only those that every call has to have, since a limit on an
/// argument makes it one of them.
pub(super) fn adjustable(asked: Option<&Constraints>, input: Option<&Value>) -> Vec<Limit> {
    let asked = asked.map(Constraints::to_value).unwrap_or_default();
    let limited = asked.as_object().into_iter().flatten();
    let by_limits = limited.filter_map(|(field, limit)| {
        let range = range_of_limit(limit).or_else(|| range_of_schema(property(input, field)?))?;
        Some(limit_on(field, range)).filter(|_| limit.is_object())
    });
    let by_schema = required(input)
        .filter(|field| asked.get(field).is_none())
        .filter_map(|field| Some(limit_on(field, range_of_schema(property(input, field)?)?)));
    by_limits.chain(by_schema).collect()
}

/// A person's limits as the protocol writes them.
pub(super) fn constraints(limits: &[Limit]) -> Result<Option<Constraints>, ApprovalError> {
    let mut all = None;
    for limit in limits {
        let nothing = |_| Contradiction {
            field: limit.field.clone(),
        };
        let one = Constraints::parse(&json!({ &limit.field: operators(&limit.range) }));
        all = narrow(all.as_ref(), one.map_err(nothing)?.as_ref())?;
    }
    Ok(all)
}

fn operators(range: &Range) -> Value {
    match range {
        Range::OneOf(values) => json!({ "in": values }),
        Range::Numbers { min, max } => {
            let bounds = [("min", min), ("max", max)];
            let present = bounds
                .into_iter()
                .filter_map(|(name, bound)| Some((name.to_owned(), json!(bound.as_ref()?))));
            Value::Object(present.collect())
        }
    }
}

fn range_of_limit(limit: &Value) -> Option<Range> {
    if let Some(Value::Array(values)) = limit.get("in") {
        return some_of(values);
    }
    let bounds = |name| limit.get(name).is_some();
    (bounds("min") || bounds("max")).then(|| numbers(limit, "min", "max"))
}

fn range_of_schema(property: &Value) -> Option<Range> {
    if let Some(Value::Array(values)) = property.get("enum") {
        return some_of(values);
    }
    let is_number = matches!(property.get("type")?.as_str()?, "number" | "integer");
    is_number.then(|| numbers(property, "minimum", "maximum"))
}

/// A choice between one value is none, and values that are no plain ones cannot be limited to.
fn some_of(values: &[Value]) -> Option<Range> {
    let plain = |value: &Value| value.is_string() || value.is_number() || value.is_boolean();
    let is_choice = values.len() > 1 && values.iter().all(plain);
    is_choice.then(|| Range::OneOf(values.to_vec()))
}

fn numbers(of: &Value, least: &str, most: &str) -> Range {
    let number = |name| of.get(name)?.as_number().cloned();
    Range::Numbers {
        min: number(least),
        max: number(most),
    }
}

fn property<'a>(input: Option<&'a Value>, field: &str) -> Option<&'a Value> {
    input?.get("properties")?.get(field)
}

fn required(input: Option<&Value>) -> impl Iterator<Item = &str> {
    let names = input.and_then(|input| input.get("required"));
    let names = names.and_then(Value::as_array).into_iter().flatten();
    names.filter_map(Value::as_str)
}

fn limit_on(field: &str, range: Range) -> Limit {
    Limit {
        field: field.to_owned(),
        range,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(limits: &Value) -> Option<Constraints> {
        Constraints::parse(limits).unwrap()
    }

    fn between(field: &str, min: Option<i64>, max: Option<i64>) -> Limit {
        let (min, max) = (min.map(Into::into), max.map(Into::into));
        limit_on(field, Range::Numbers { min, max })
    }

    fn one_of(field: &str, values: &[&str]) -> Limit {
        let values = values.iter().map(|value| json!(value)).collect();
        limit_on(field, Range::OneOf(values))
    }

    // AA-2.13-06
    #[test]
    fn numbers_and_choices_can_be_limited_further_and_what_is_settled_cannot() {
        let limits = json!({
            "amount": {"max": 1000},
            "currency": {"in": ["EUR", "USD"]},
            "only": {"in": ["one"]},
            "to": "acc_1",
            "memo": {"not_in": ["gift"]},
            "speed": {"not_in": ["slow"]},
        });
        let input = json!({
            "required": ["count", "amount", "colour", "note", "to"],
            "properties": {
                "count": {"type": "integer", "minimum": 1},
                "amount": {"type": "number", "maximum": 5},
                "colour": {"enum": ["red", "green"]},
                "note": {"type": "string"},
                "to": {"enum": ["acc_1", "acc_2"]},
                "speed": {"enum": ["slow", "fast", "faster"]},
                "optional": {"type": "number"},
            },
        });
        assert_eq!(
            adjustable(asked(&limits).as_ref(), Some(&input)),
            [
                between("amount", None, Some(1000)),
                one_of("currency", &["EUR", "USD"]),
                one_of("speed", &["slow", "fast", "faster"]),
                between("count", Some(1), None),
                one_of("colour", &["red", "green"]),
            ]
        );
        assert_eq!(adjustable(None, None), []);
        assert_eq!(adjustable(None, Some(&json!(true))), []);
    }

    // AA-2.13-06
    #[test]
    fn limits_of_a_person_become_constraints() {
        let limits = [
            between("amount", None, Some(50)),
            between("count", Some(1), Some(2)),
            one_of("currency", &["EUR"]),
        ];
        let expected = json!({
            "amount": {"max": 50},
            "count": {"min": 1, "max": 2},
            "currency": {"in": ["EUR"]},
        });
        assert_eq!(constraints(&limits).unwrap(), asked(&expected));
        assert_eq!(constraints(&[]).unwrap(), None);
    }

    #[test]
    fn limits_that_leave_nothing_name_their_argument() {
        for nothing in [
            vec![one_of("currency", &[])],
            vec![between("currency", Some(2), Some(1))],
            vec![between("currency", None, None)],
            vec![one_of("currency", &["EUR"]), one_of("currency", &["USD"])],
        ] {
            let field = "currency".to_owned();
            let refused = ApprovalError::Contradiction(Contradiction { field });
            assert_eq!(constraints(&nothing), Err(refused), "{nothing:?}");
        }
    }
}
