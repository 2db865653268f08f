//! Constraints in words, for people who decide on them.

use procura_agent_auth::constraint::Constraints;
use serde_json::Value;

/// One sentence for each limited argument, such as `amount: at least 1 and at most 1000`.
pub(crate) fn sentences(limits: &Constraints) -> Vec<String> {
    let Value::Object(fields) = limits.to_value() else {
        return Vec::new();
    };
    fields
        .iter()
        .map(|(field, limit)| format!("{field}: {}", phrase(limit)))
        .collect()
}

fn phrase(limit: &Value) -> String {
    let Value::Object(operators) = limit else {
        return format!("only {}", plain(limit));
    };
    // Least before most reads better than the alphabetical order of the operators.
    let order = ["min", "max", "in", "not_in"];
    let parts = order
        .iter()
        .filter_map(|name| Some((*name, operators.get(*name)?)));
    parts
        .map(|(name, bound)| operator(name, bound))
        .collect::<Vec<_>>()
        .join(" and ")
}

fn operator(name: &str, bound: &Value) -> String {
    match name {
        "min" => format!("at least {}", plain(bound)),
        "max" => format!("at most {}", plain(bound)),
        "in" => format!("only {}", list(bound, "or")),
        _ => format!("not {}", list(bound, "nor")),
    }
}

fn list(items: &Value, joint: &str) -> String {
    let items: Vec<_> = items.as_array().into_iter().flatten().map(plain).collect();
    match items.as_slice() {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} {joint} {last}", first.join(", ")),
    }
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
        assert_eq!(
            sentences(&limits),
            [
                "amount: at least 1 and at most 1000",
                "currency: only CHF, EUR or USD",
                "destination_account: only acc_456",
                "memo: not gift",
            ]
        );
    }
}
