use proptest::prelude::*;
use serde_json::json;

use super::*;

fn parse(value: &Value) -> Option<Constraints> {
    Constraints::parse(value).unwrap()
}

fn constraints(value: &Value) -> Constraints {
    parse(value).unwrap()
}

fn arguments(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn allows(limits: &Value, args: &Value) -> bool {
    constraints(limits).check(&arguments(args)).is_empty()
}

// AA-2.13-09, AA-2.13-10, AA-2.13-11, AA-2.13-12, AA-2.13-13
#[test]
fn each_operator_accepts_and_refuses() {
    let cases = [
        (json!({"a": "x"}), json!({"a": "x"}), true),
        (json!({"a": "x"}), json!({"a": "y"}), false),
        (json!({"a": 1}), json!({"a": 1.0}), true),
        (json!({"a": 1}), json!({"a": "1"}), false),
        (json!({"a": true}), json!({"a": true}), true),
        (json!({"a": true}), json!({"a": 1}), false),
        (json!({"a": {"max": 1000}}), json!({"a": 1000}), true),
        (json!({"a": {"max": 1000}}), json!({"a": 1000.01}), false),
        (json!({"a": {"max": 1000}}), json!({"a": "1"}), false),
        (json!({"a": {"max": 1000}}), json!({"a": null}), false),
        (json!({"a": {"min": 0}}), json!({"a": 0}), true),
        (json!({"a": {"min": 0}}), json!({"a": -0.01}), false),
        (json!({"a": {"in": ["USD", 5]}}), json!({"a": "USD"}), true),
        (json!({"a": {"in": ["USD", 5]}}), json!({"a": 5.0}), true),
        (json!({"a": {"in": ["USD", 5]}}), json!({"a": "EUR"}), false),
        (json!({"a": {"in": ["USD"]}}), json!({"a": ["USD"]}), false),
        (json!({"a": {"not_in": ["USD"]}}), json!({"a": "EUR"}), true),
        (
            json!({"a": {"not_in": ["USD"]}}),
            json!({"a": "USD"}),
            false,
        ),
        (
            json!({"a": {"not_in": ["USD"]}}),
            json!({"a": ["USD"]}),
            false,
        ),
        (
            json!({"a": {"not_in": ["USD"]}}),
            json!({"a": {"x": "USD"}}),
            false,
        ),
        (json!({"a": {"min": 0, "max": 9}}), json!({"a": 10}), false),
        (json!({"a": {"eq": "x"}}), json!({"a": "x"}), true),
    ];
    for (limits, args, allowed) in cases {
        assert_eq!(allows(&limits, &args), allowed, "{limits} {args}");
    }
}

// AA-2.13-13
#[test]
fn a_missing_argument_fails_all_but_not_in() {
    for limits in [
        json!({"a": 1}),
        json!({"a": {"max": 1}}),
        json!({"a": {"min": 1}}),
        json!({"a": {"in": [1]}}),
    ] {
        assert!(!allows(&limits, &json!({})), "{limits}");
    }
    assert!(allows(&json!({"a": {"not_in": [1]}}), &json!({})));
}

// AA-2.13-01
#[test]
fn keys_are_top_level_names_and_a_dot_means_nothing() {
    let limits = json!({"address.country": "CH"});
    assert!(!allows(&limits, &json!({"address": {"country": "CH"}})));
    assert!(allows(&limits, &json!({"address.country": "CH"})));
}

// AA-2.13-14
#[test]
fn unknown_operators_are_named_and_never_ignored() {
    let value = json!({"a": {"max": 1, "regex": ".*"}, "b": {"$ne": 1, "regex": "x"}});
    let unknown = vec!["$ne".to_owned(), "regex".to_owned()];
    assert_eq!(
        Constraints::parse(&value),
        Err(ConstraintError::UnknownOperators(unknown))
    );
}

// AA-2.13-15
#[test]
fn a_stored_operator_from_the_future_is_kept_and_satisfied_by_nothing() {
    let value = json!({"a": {"max": 1, "regex": ".*"}, "b": 1});
    let stored = Constraints::parse_stored(&value).unwrap().unwrap();
    assert_eq!(stored.to_value(), value);
    assert_eq!(stored.unknown_operators(), ["regex"]);
    assert!(
        !stored
            .check(&arguments(&json!({"a": 0, "b": 1})))
            .is_empty()
    );
    let known = parse(&json!({"a": {"max": 5}}));
    assert!(narrow(Some(&stored), known.as_ref()).is_err());
    assert!(!covers(Some(&stored), known.as_ref()));
}

// AA-2.13-10
#[test]
fn ill_formed_limits_are_refused_with_the_argument_named() {
    let field = || "a".to_owned();
    let cases = [
        (json!([]), ConstraintError::NotAnObject),
        (json!("x"), ConstraintError::NotAnObject),
        (json!({"a": {}}), ConstraintError::NotALimit(field())),
        (json!({"a": []}), ConstraintError::NotALimit(field())),
        (json!({"a": null}), ConstraintError::NotALimit(field())),
        (
            json!({"a": {"eq": []}}),
            ConstraintError::NotALimit(field()),
        ),
        (
            json!({"a": {"eq": 1, "max": 2}}),
            ConstraintError::ExactWithOperators(field()),
        ),
        (
            json!({"a": {"max": "9"}}),
            ConstraintError::NotANumber {
                field: field(),
                operator: "max",
            },
        ),
        (
            json!({"a": {"in": "x"}}),
            ConstraintError::NotAList {
                field: field(),
                operator: "in",
            },
        ),
        (
            json!({"a": {"not_in": [[1]]}}),
            ConstraintError::NotAList {
                field: field(),
                operator: "not_in",
            },
        ),
        (
            json!({"a": {"min": 2, "max": 1}}),
            ConstraintError::Unsatisfiable(field()),
        ),
        (
            json!({"a": {"in": []}}),
            ConstraintError::Unsatisfiable(field()),
        ),
        (
            json!({"a": {"in": [5], "max": 1}}),
            ConstraintError::Unsatisfiable(field()),
        ),
    ];
    for (value, error) in cases {
        assert_eq!(Constraints::parse(&value), Err(error), "{value}");
    }
}

// AA-2.13-02
#[test]
fn an_empty_object_is_no_limit() {
    assert_eq!(parse(&json!({})), None);
}

#[test]
fn every_violation_is_reported_in_wire_form() {
    let limits = constraints(
        &json!({"amount": {"max": 1000, "min": 10}, "currency": {"in": ["USD"]}, "to": "acc_1"}),
    );
    let violations = limits.check(&arguments(&json!({"amount": 5000, "currency": "GBP"})));
    assert_eq!(
        serde_json::to_value(violations).unwrap(),
        json!([
            {"field": "amount", "constraint": {"max": 1000}, "actual": 5000},
            {"field": "currency", "constraint": {"in": ["USD"]}, "actual": "GBP"},
            {"field": "to", "constraint": "acc_1"},
        ])
    );
}

// AA-2.13-06
#[test]
fn the_tighter_bound_wins_per_field_and_operator() {
    let cases = [
        (
            json!({"a": {"max": 5}}),
            json!({"a": {"max": 3}}),
            Some(json!({"a": {"max": 3}})),
        ),
        (
            json!({"a": {"min": 1}}),
            json!({"a": {"max": 3}}),
            Some(json!({"a": {"min": 1, "max": 3}})),
        ),
        (
            json!({"a": {"in": ["x", "y"]}}),
            json!({"a": {"in": ["y", "z"]}}),
            Some(json!({"a": {"in": ["y"]}})),
        ),
        (
            json!({"a": {"not_in": ["x"]}}),
            json!({"a": {"not_in": ["y"]}}),
            Some(json!({"a": {"not_in": ["x", "y"]}})),
        ),
        (
            json!({"a": "x"}),
            json!({"a": {"in": ["x", "y"]}}),
            Some(json!({"a": "x"})),
        ),
        (
            json!({"a": "x"}),
            json!({"b": 1}),
            Some(json!({"a": "x", "b": 1})),
        ),
        (
            json!({"a": {"in": [1, 9]}}),
            json!({"a": {"max": 5}}),
            Some(json!({"a": {"in": [1], "max": 5}})),
        ),
        (json!({"a": "x"}), json!({"a": "y"}), None),
        (json!({"a": 7}), json!({"a": {"max": 5}}), None),
        (
            json!({"a": {"in": ["x"]}}),
            json!({"a": {"in": ["y"]}}),
            None,
        ),
        (json!({"a": {"min": 7}}), json!({"a": {"max": 5}}), None),
    ];
    for (one, other, expected) in cases {
        for (left, right) in [(&one, &other), (&other, &one)] {
            let both = narrow(parse(left).as_ref(), parse(right).as_ref());
            let both = both.ok().map(|set| set.unwrap().to_value());
            assert_eq!(both, expected, "{left} {right}");
        }
    }
}

fn limit() -> impl Strategy<Value = Value> {
    let plain = prop_oneof![
        (0..4).prop_map(Value::from),
        "[ab]".prop_map(Value::from),
        any::<bool>().prop_map(Value::from)
    ];
    let list = proptest::collection::vec(plain.clone(), 1..4);
    prop_oneof![
        plain,
        (0..4).prop_map(|n| json!({"max": n})),
        (0..3, 0..3).prop_map(|(low, more)| json!({"min": low, "max": low + more})),
        list.clone().prop_map(|items| json!({"in": items})),
        list.clone().prop_map(|items| json!({"not_in": items})),
        (list, 0..2).prop_map(|(items, low)| json!({"not_in": items, "min": low})),
    ]
}

fn set() -> impl Strategy<Value = Option<Constraints>> {
    proptest::collection::btree_map("[xy]", limit(), 0..3)
        .prop_map(|fields| parse(&Value::Object(fields.into_iter().collect())))
}

fn call() -> impl Strategy<Value = Map<String, Value>> {
    let value = prop_oneof![
        (0..4).prop_map(Value::from),
        "[ab]".prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
        Just(json!(["a"])),
        Just(json!(1.5)),
    ];
    proptest::collection::btree_map("[xy]", value, 0..3)
        .prop_map(|fields| fields.into_iter().collect())
}

fn permits(set: Option<&Constraints>, call: &Map<String, Value>) -> bool {
    set.is_none_or(|set| set.check(call).is_empty())
}

proptest! {
    // AA-2.13-06, AA-2.13-07
    #[test]
    fn narrowing_permits_exactly_what_both_permit(one in set(), other in set(), call in call()) {
        let both = permits(one.as_ref(), &call) && permits(other.as_ref(), &call);
        match narrow(one.as_ref(), other.as_ref()) {
            Ok(narrowed) => prop_assert_eq!(permits(narrowed.as_ref(), &call), both),
            Err(_) => prop_assert!(!both),
        }
    }

    #[test]
    fn a_narrowed_set_is_covered_by_both(one in set(), other in set()) {
        if let Ok(narrowed) = narrow(one.as_ref(), other.as_ref()) {
            prop_assert!(covers(one.as_ref(), narrowed.as_ref()));
            prop_assert!(covers(other.as_ref(), narrowed.as_ref()));
        }
    }

    #[test]
    fn what_is_covered_is_permitted(outer in set(), inner in set(), call in call()) {
        if covers(outer.as_ref(), inner.as_ref()) && permits(inner.as_ref(), &call) {
            prop_assert!(permits(outer.as_ref(), &call));
        }
    }

    #[test]
    fn print_and_parse_round_trip(set in set()) {
        if let Some(set) = set {
            prop_assert_eq!(parse(&set.to_value()), Some(set));
        }
    }
}
