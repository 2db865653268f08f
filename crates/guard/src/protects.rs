//! What stands behind a route, so that the layer knows what to ask about it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use http::request::Parts;
use procura_agent_auth::capability::CapabilityName;
use procura_agent_auth::refusal::Refusal;
use procura_agent_auth::wire::execute::ExecuteRequest;
use procura_keys::json::parse_strict;
use serde_json::{Map, Value};

use crate::agent::Call;

/// What a guarded route does.
#[derive(Clone, Debug)]
pub struct Protects(Kind);

#[derive(Clone)]
enum Kind {
    Execution(Arc<BTreeSet<CapabilityName>>),
    Route(CapabilityName, ReadArguments),
}

type ReadArguments =
    Arc<dyn Fn(&Parts, &[u8]) -> Result<Map<String, Value>, BadArguments> + Send + Sync>;

/// Why a request's arguments cannot be read, for its sender.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadArguments(pub String);

impl Protects {
    /// The protocol's own contract (§5.11): `POST` of a capability's name and its arguments. `capabilities`
    /// are the ones that are carried out here; others are answered `404`.
    pub fn execution(capabilities: impl IntoIterator<Item = CapabilityName>) -> Self {
        Self(Kind::Execution(Arc::new(
            capabilities.into_iter().collect(),
        )))
    }

    /// A route of the service's own that takes one capability. `arguments` reads out of the request what the
    /// grant's limits are about; what it leaves out is not held against them.
    pub fn route(
        capability: CapabilityName,
        arguments: impl Fn(&Parts, &[u8]) -> Result<Map<String, Value>, BadArguments>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self(Kind::Route(capability, Arc::new(arguments)))
    }

    /// A route that takes one capability and whose JSON body is the arguments. Without a body there are none.
    pub fn json_route(capability: CapabilityName) -> Self {
        Self::route(capability, |_, body| match body {
            [] => Ok(Map::new()),
            body => serde_json::from_value(strict(body).map_err(BadArguments)?)
                .map_err(|_| BadArguments("The body has to be a JSON object.".to_owned())),
        })
    }

    /// What this request asks for.
    pub(crate) fn read(&self, parts: &Parts, body: &[u8]) -> Result<Call, Refusal> {
        match &self.0 {
            Kind::Execution(here) => execution(here, body),
            Kind::Route(capability, read) => Ok(Call {
                capability: capability.clone(),
                arguments: read(parts, body).map_err(|bad| Refusal::invalid(bad.0))?,
            }),
        }
    }
}

fn execution(here: &BTreeSet<CapabilityName>, body: &[u8]) -> Result<Call, Refusal> {
    let body = strict(body).map_err(Refusal::invalid)?;
    let request: ExecuteRequest = serde_json::from_value(body).map_err(|error| {
        Refusal::invalid(format!(
            "The body has to name a capability and hold its arguments as an object: {error}."
        ))
    })?;
    let name = here.iter().find(|name| name.as_str() == request.capability);
    let capability = name.ok_or_else(|| Refusal::CapabilityNotFound {
        name: request.capability.clone(),
    })?;
    Ok(Call {
        capability: capability.clone(),
        arguments: request.arguments.unwrap_or_default(),
    })
}

/// Members that occur twice are refused: the authority and the handler might pick different ones.
fn strict(body: &[u8]) -> Result<Value, String> {
    parse_strict(body).map_err(|error| format!("The body is not JSON: {error}."))
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Execution(here) => f.debug_tuple("Execution").field(here).finish(),
            Self::Route(capability, _) => f.debug_tuple("Route").field(capability).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(protects: &Protects, body: &str) -> Result<Call, Refusal> {
        let (parts, ()) = http::Request::new(()).into_parts();
        protects.read(&parts, body.as_bytes())
    }

    fn pays() -> Protects {
        Protects::execution(["pay".parse().unwrap()])
    }

    /// AA-5.11-03, AA-5.11-04
    #[test]
    fn the_contract_takes_a_name_and_arguments() {
        let call = read(&pays(), r#"{"capability":"pay","arguments":{"amount":5}}"#).unwrap();
        assert_eq!(call.capability.as_str(), "pay");
        assert_eq!(call.arguments["amount"], 5);
        assert!(
            read(&pays(), r#"{"capability":"pay"}"#)
                .unwrap()
                .arguments
                .is_empty()
        );
    }

    /// AA-5.11-30, AA-5.11-33
    #[test]
    fn what_is_not_the_contract_is_refused_with_its_code() {
        let codes = [
            ("", "invalid_request"),
            ("{}", "invalid_request"),
            ("[]", "invalid_request"),
            (r#"{"capability":5}"#, "invalid_request"),
            (r#"{"capability":"pay","arguments":[]}"#, "invalid_request"),
            (
                r#"{"capability":"pay","capability":"pay"}"#,
                "invalid_request",
            ),
            (r#"{"capability":"fly"}"#, "capability_not_found"),
        ];
        for (body, code) in codes {
            let refusal = read(&pays(), body).unwrap_err();
            assert_eq!(refusal.code_and_status().0, code, "{body}");
        }
    }

    #[test]
    fn a_route_reads_its_own_arguments() {
        let route = Protects::route("pay".parse().unwrap(), |parts, _| {
            Err(BadArguments(format!("no {}", parts.uri.path())))
        });
        assert_eq!(read(&route, "").unwrap_err(), Refusal::invalid("no /"));
        let json = Protects::json_route("pay".parse().unwrap());
        assert!(read(&json, "").unwrap().arguments.is_empty());
        assert_eq!(read(&json, r#"{"a":1}"#).unwrap().arguments["a"], 1);
        assert!(read(&json, r#"{"a":1,"a":2}"#).is_err());
        assert!(read(&json, "3").is_err());
    }
}
