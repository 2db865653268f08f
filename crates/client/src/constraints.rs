//! Comparing the limits of grants with the limits that were asked for (§2.13).

use procura_agent_auth::constraint::{Constraints, covers};
use procura_agent_auth::wire::grant::GrantObject;
use procura_agent_auth::wire::register::RequestedCapability;
use serde::Serialize;
use serde_json::Value;

use crate::answer::ACTIVE;
use crate::client::Client;
use crate::error::ClientError;
use crate::profile::Connection;

/// A grant that allows more than was asked for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WiderGrant {
    /// The capability.
    pub capability: String,
    /// The limits asked for.
    pub asked: Value,
    /// The limits of the grant; absent when it has none.
    pub granted: Option<Value>,
}

impl WiderGrant {
    /// The limits of the grant as JSON, for people.
    pub fn limits(&self) -> String {
        let granted = self.granted.as_ref();
        granted.map_or_else(|| "no limits".to_owned(), ToString::to_string)
    }
}

impl Client {
    /// Refuses to act under grants of these capabilities, or of any, that are wider than what was asked for: their limits
    /// are not what the person who runs this meant, and what the server says of limits is not to be relied on.
    pub(crate) fn require_as_asked(
        connection: &Connection,
        capabilities: Option<&[String]>,
    ) -> Result<(), ClientError> {
        let is_meant =
            |it: &WiderGrant| capabilities.is_none_or(|names| names.contains(&it.capability));
        let wide = wider(&connection.asked, &connection.grants);
        match wide.into_iter().find(is_meant) {
            Some(wide) => Err(ClientError::WiderGrant(Box::new(wide))),
            None => Ok(()),
        }
    }
}

/// The active grants that allow more than every request for their capability. What was never asked for with
/// limits cannot be wider, and limits with operators unknown here are not compared.
pub(crate) fn wider(asked: &[RequestedCapability], grants: &[GrantObject]) -> Vec<WiderGrant> {
    let active = grants.iter().filter(|grant| grant.status == ACTIVE);
    active.filter_map(|grant| widened(asked, grant)).collect()
}

fn widened(asked: &[RequestedCapability], grant: &GrantObject) -> Option<WiderGrant> {
    let name = grant.capability.as_str();
    let granted = match &grant.constraints {
        None | Some(Value::Null) => None,
        Some(limits) => Constraints::parse(limits).ok()?,
    };
    let mut widest = None;
    for request in asked.iter().filter(|request| name_of(request) == name) {
        let limits = limits_of(request)?;
        let parsed = Constraints::parse(limits).ok()?;
        if covers(parsed.as_ref(), granted.as_ref()) {
            return None;
        }
        widest = Some(limits);
    }
    Some(WiderGrant {
        capability: name.to_owned(),
        asked: widest?.clone(),
        granted: grant.constraints.clone(),
    })
}

fn name_of(request: &RequestedCapability) -> &str {
    match request {
        RequestedCapability::Name(name) | RequestedCapability::Scoped { name, .. } => name,
    }
}

fn limits_of(request: &RequestedCapability) -> Option<&Value> {
    match request {
        RequestedCapability::Name(_) => None,
        RequestedCapability::Scoped { constraints, .. } => constraints.as_ref(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(limits: Value) -> RequestedCapability {
        RequestedCapability::Scoped {
            name: "pay".to_owned(),
            constraints: Some(limits),
        }
    }

    fn grant(limits: Option<Value>) -> GrantObject {
        let mut grant = json!({ "capability": "pay", "status": "active" });
        if let Some(limits) = limits {
            grant["constraints"] = limits;
        }
        serde_json::from_value(grant).unwrap()
    }

    fn is_wider(asked: &[RequestedCapability], granted: Option<Value>) -> bool {
        !wider(asked, &[grant(granted)]).is_empty()
    }

    // AA-2.13-08
    #[test]
    fn a_grant_beyond_the_proposal_is_found() {
        let asked = [request(json!({ "amount": { "max": 1000 } }))];
        assert!(is_wider(&asked, Some(json!({ "amount": { "max": 9000 } }))));
        assert!(is_wider(&asked, Some(json!({ "currency": "USD" }))));
        assert!(is_wider(&asked, None));
        assert!(!is_wider(
            &asked,
            Some(json!({ "amount": { "max": 1000 } }))
        ));
        assert!(!is_wider(
            &asked,
            Some(json!({ "amount": { "max": 10 }, "currency": "USD" }))
        ));
    }

    #[test]
    fn what_was_asked_for_without_limits_or_more_widely_is_not_wider() {
        let free = [RequestedCapability::Name("pay".to_owned())];
        assert!(!is_wider(&free, None));
        assert!(!is_wider(&[], None));
        let twice = [
            request(json!({ "amount": { "max": 10 } })),
            request(json!({ "amount": { "max": 1000 } })),
        ];
        assert!(!is_wider(&twice, Some(json!({ "amount": { "max": 500 } }))));
    }

    // AA-2.13-17
    #[test]
    fn limits_with_unknown_operators_are_not_judged() {
        let asked = [request(json!({ "amount": { "max": 1000 } }))];
        let opaque = json!({ "amount": { "prime": true } });
        assert!(!is_wider(&asked, Some(opaque.clone())));
        assert_eq!(grant(Some(opaque.clone())).constraints, Some(opaque));
    }
}
