//! Limits on arguments: three lines, two sets of limits and the arguments of a call.

use procura_agent_auth::constraint::{Constraints, covers, narrow};
use procura_keys::json::parse_strict;
use serde_json::{Map, Value};

/// Limits print as themselves, and both at once allow nothing that either forbids.
pub(crate) fn judge(bytes: &[u8]) {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let mut next = || parse_strict(lines.next().unwrap_or_default()).ok();
    let one = next().and_then(|value| limits(&value));
    let other = next().and_then(|value| limits(&value));
    let Some(Value::Object(arguments)) = next() else {
        return;
    };
    let Ok(both) = narrow(one.as_ref(), other.as_ref()) else {
        let is_free = allows(one.as_ref(), &arguments) && allows(other.as_ref(), &arguments);
        assert!(!is_free, "limits that contradict each other allow a call");
        return;
    };
    assert!(covers(one.as_ref(), both.as_ref()));
    assert!(covers(other.as_ref(), both.as_ref()));
    if allows(both.as_ref(), &arguments) {
        assert!(allows(one.as_ref(), &arguments));
        assert!(allows(other.as_ref(), &arguments));
    }
}

fn limits(value: &Value) -> Option<Constraints> {
    let limits = Constraints::parse(value).ok()??;
    let again = Constraints::parse(&limits.to_value());
    assert_eq!(again, Ok(Some(limits.clone())));
    assert!(limits.unknown_operators().is_empty());
    Some(limits)
}

fn allows(limits: Option<&Constraints>, arguments: &Map<String, Value>) -> bool {
    limits.is_none_or(|limits| limits.check(arguments).is_empty())
}
