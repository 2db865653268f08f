//! Constraints as facts for people who decide on them.

use procura_agent_auth::constraint::Constraints;
use procura_people::limit::{Bound, HeldTo};
use serde_json::Value;

/// What each limited argument is held to.
pub(crate) fn held_to(limits: &Constraints) -> Vec<HeldTo> {
    let Value::Object(fields) = limits.to_value() else {
        return Vec::new();
    };
    let fields = fields.iter().map(|(field, limit)| HeldTo {
        field: field.clone(),
        bounds: bounds(limit),
    });
    fields.collect()
}

fn bounds(limit: &Value) -> Vec<Bound> {
    let Value::Object(operators) = limit else {
        return vec![Bound::Only(vec![plain(limit)])];
    };
    // Least before most reads better than the alphabetical order of the operators.
    let order = ["min", "max", "in", "not_in"];
    let parts = order
        .iter()
        .filter_map(|name| Some((*name, operators.get(*name)?)));
    parts.map(|(name, bound)| operator(name, bound)).collect()
}

fn operator(name: &str, bound: &Value) -> Bound {
    match name {
        "min" => Bound::AtLeast(plain(bound)),
        "max" => Bound::AtMost(plain(bound)),
        "in" => Bound::Only(list(bound)),
        _ => Bound::Not(list(bound)),
    }
}

fn list(items: &Value) -> Vec<String> {
    items.as_array().into_iter().flatten().map(plain).collect()
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    // AA-2.13-04
    #[test]
    fn limits_read_as_sentences() {
        let limits = json!({
            "amount": {"max": 1000, "min": 1},
            "currency": {"in": ["USD", "EUR", "CHF"]},
            "destination_account": "acc_456",
            "memo": {"not_in": ["gift"]},
        });
        let limits = Constraints::parse(&limits).unwrap().unwrap();
        let said: Vec<_> = held_to(&limits).iter().map(HeldTo::to_string).collect();
        assert_eq!(
            said,
            [
                "amount: at least 1 and at most 1000",
                "currency: only CHF, EUR or USD",
                "destination_account: only acc_456",
                "memo: not gift",
            ]
        );
    }
}
