//! Every way the protocol says no, with its code, HTTP status and data, in one table (§5.13).

use std::time::Duration;

use procura_keys::jwk::JwkError;
use serde_json::{Map, Value, json};

use crate::agent::Mode;
use crate::capability::CapabilityName;
use crate::constraint::{ConstraintError, Violation};
use crate::token::TokenDefect;
use crate::token::dpop::DpopDefect;

/// A refusal: a fact about the request, expected and harmless to the server.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The request cannot be read or breaks a rule of form.
    #[error("{0}")]
    InvalidRequest(String),
    /// The body is larger than the server takes.
    #[error("The request body is larger than {limit} bytes.")]
    BodyTooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// A constraint uses an operator nobody here knows (§2.13).
    #[error("Unknown constraint operators: {}. Known are max, min, in and not_in.", .operators.join(", "))]
    UnknownConstraintOperator {
        /// The unknown ones.
        operators: Vec<String>,
    },
    /// The token does not prove its bearer.
    #[error("{0}")]
    InvalidJwt(TokenDefect),
    /// Whoever sends the token does not show the key it is bound to, or has to be (§4.4).
    #[error("{0}")]
    InvalidDpopProof(DpopDefect),
    /// A DPoP proof has to carry a nonce of this server (RFC 9449 §9).
    #[error(
        "Send the request again with a DPoP proof whose claim nonce is this answer's DPoP-Nonce."
    )]
    UseDpopNonce {
        /// The nonce. A header of the answer, not its body.
        nonce: String,
    },
    /// Capabilities are shown to hosts and agents only (§5.2).
    #[error(
        "This server requires a host or agent JWT here. Send it as Authorization: Bearer <jwt>."
    )]
    AuthenticationRequired,
    /// Introspection is for known services only (§5.12).
    #[error(
        "Introspection needs the asking service's own secret. Send it as Authorization: Bearer <secret>."
    )]
    IntrospectionSecretRequired,
    /// The caller is known, and this is not the caller's to do.
    #[error("{0}")]
    Unauthorized(&'static str),
    /// The agent waits for approval.
    #[error("The agent is waiting for approval.")]
    AgentPending,
    /// The agent's session or maximum lifetime is over.
    #[error("The agent's session has expired. Reactivate it with POST /agent/reactivate.")]
    AgentExpired,
    /// The agent was stopped for good.
    #[error("The agent has been revoked. Register a new agent.")]
    AgentRevoked,
    /// The agent was turned down.
    #[error(
        "The agent's registration was denied. Register a new agent only if its user asks for it."
    )]
    AgentRejected,
    /// The agent's host was linked to a person, which ended it.
    #[error(
        "The agent was claimed when its host was linked to a user. Register a delegated agent."
    )]
    AgentClaimed,
    /// The agent has existed for as long as it may.
    #[error("The agent's absolute lifetime is over. Register a new agent.")]
    AbsoluteLifetimeExceeded,
    /// The host waits for approval.
    #[error("The host is waiting for approval.")]
    HostPending,
    /// The host was disabled for good.
    #[error("The host has been revoked.")]
    HostRevoked,
    /// The host was turned down for good.
    #[error("The host was rejected.")]
    HostRejected,
    /// This server does not register agents of this mode.
    #[error(
        "This server does not support mode {0}. The discovery document lists the supported modes."
    )]
    UnsupportedMode(Mode),
    /// A key of another type than the server takes.
    #[error("{0}.")]
    UnsupportedAlgorithm(JwkError),
    /// Requested capabilities do not exist or are blocked.
    #[error("Not offered here: {}. GET /capability/list shows what is.", list(.names))]
    InvalidCapabilities {
        /// The names in question.
        names: Vec<CapabilityName>,
    },
    /// The key belongs to an agent already.
    #[error(
        "An agent with this key is registered already and is {status}. Generate a new agent key."
    )]
    AgentExists {
        /// Its state.
        status: &'static str,
    },
    /// Nothing new was asked for.
    #[error("All requested capabilities are granted already.")]
    AlreadyGranted,
    /// The agent does not hold this capability, or the token excludes it.
    #[error("{}", not_granted(.capability, *.removed))]
    CapabilityNotGranted {
        /// The capability.
        capability: CapabilityName,
        /// Whether the server once offered it.
        removed: bool,
    },
    /// Arguments break the grant's limits.
    #[error("The arguments violate the limits of the grant.")]
    ConstraintViolated {
        /// Each broken limit.
        violations: Vec<Violation>,
    },
    /// The grant permits the call, but has been used as often as it may be.
    #[error(
        "The grant of {capability} was good for {uses_allowed} call{}, and none is left. Ask for it again with \
         POST /agent/request-capability.",
        if *.uses_allowed == 1 { "" } else { "s" }
    )]
    LimitExceeded {
        /// The capability.
        capability: CapabilityName,
        /// How often the grant could be used.
        uses_allowed: u32,
    },
    /// No capability has this name.
    #[error("No capability is named {name:?}. GET /capability/list shows what is offered.")]
    CapabilityNotFound {
        /// The name, as sent.
        name: String,
    },
    /// No agent has this identifier.
    #[error("No agent has this identifier.")]
    AgentNotFound,
    /// No host answers to this key.
    #[error("No host is registered with this key.")]
    HostNotFound,
    /// No job has this name, or its result was not asked for in time.
    #[error("No job has this name. Results are kept for an hour.")]
    JobNotFound,
    /// The node at which a job ran ended before the job did.
    #[error(
        "The server stopped while it carried this out. Whether it was done, or how far, is not known: find out before \
         doing it again."
    )]
    JobInterrupted,
    /// A batch holds a call whose result comes later or in pieces.
    #[error("Jobs and streams are not carried out in a batch. Execute this capability by itself.")]
    NotInABatch,
    /// A stream ran for as long as streams may.
    #[error("The stream reached the longest time a stream may run. Open a new one.")]
    StreamTooLong,
    /// The server stops while a stream is open.
    #[error("The server is stopping. Open a new stream.")]
    ServerStopping,
    /// No request for approval has this notification URL.
    #[error("No request for approval has this notification URL. Ask GET /agent/status instead.")]
    ApprovalNotFound,
    /// The request for approval ran out of time.
    #[error("The request for approval has expired. Ask for what is still wanted once more.")]
    ApprovalExpired,
    /// Hosts have to be known before they register agents.
    #[error("This server registers agents of known hosts only. Ask its operator to add this host.")]
    UnknownHostsRefused,
    /// Autonomous agents are not taken from this host.
    #[error("This server does not take autonomous agents from this host.")]
    AutonomousRefused,
    /// Too many requests.
    #[error("Too many requests. Retry in {} s.", .retry_after.as_secs().max(1))]
    RateLimited {
        /// When to come back.
        retry_after: Duration,
    },
    /// The service that carries the capability out turned the call down.
    #[error("The service behind this capability refused the call{}.", with_status(*.status))]
    UpstreamRefused {
        /// Its HTTP status, if it has one.
        status: Option<u16>,
        /// What it said, where that may be shown.
        detail: Option<Value>,
    },
    /// The service behind takes a credential of the person, and the agent acts for nobody.
    #[error(
        "The service {service} is called with the account of a person there, and this agent acts for nobody."
    )]
    PersonRequired {
        /// What people know the service as.
        service: String,
    },
    /// The service behind takes a credential of the person, and there is none.
    #[error(
        "The person has no account at {service} connected. They can do so at {url}, and then the call can be made again."
    )]
    AccountNotConnected {
        /// What people know the service as.
        service: String,
        /// Where the person can connect it.
        url: String,
    },
    /// The service behind does not accept the credential of the person.
    #[error(
        "{service} does not accept the key of the person any more. They can renew it at {url}, and then the call can be made again."
    )]
    AccountNotAccepted {
        /// What people know the service as.
        service: String,
        /// Where the person can renew it.
        url: String,
    },
    /// The service that carries the capability out is out of order.
    #[error("The service behind this capability is out of order. Retry in {} s.", .retry_after.as_secs().max(1))]
    UpstreamUnavailable {
        /// When it is tried again.
        retry_after: Duration,
    },
    /// The path exists, the method does not.
    #[error("This path does not take this method.")]
    MethodNotAllowed,
    /// Nothing is served at this path.
    #[error("Nothing is served at this path. The discovery document lists the endpoints.")]
    PathNotFound,
}

impl Refusal {
    /// A request that breaks a rule of form, with what to fix.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::InvalidRequest(message.into())
    }

    /// The machine-readable code and HTTP status. The one place where either is decided.
    pub fn code_and_status(&self) -> (&'static str, u16) {
        match self {
            Self::InvalidRequest(_) => ("invalid_request", 400),
            Self::BodyTooLarge { .. } => ("invalid_request", 413),
            Self::UnknownConstraintOperator { .. } => ("unknown_constraint_operator", 400),
            Self::InvalidJwt(_) => ("invalid_jwt", 401),
            Self::InvalidDpopProof(_) => ("invalid_dpop_proof", 401),
            Self::UseDpopNonce { .. } => ("use_dpop_nonce", 401),
            Self::AuthenticationRequired | Self::IntrospectionSecretRequired => {
                ("authentication_required", 401)
            }
            Self::Unauthorized(_) => ("unauthorized", 403),
            Self::AgentPending => ("agent_pending", 403),
            Self::AgentExpired => ("agent_expired", 403),
            Self::AgentRevoked => ("agent_revoked", 403),
            Self::AgentRejected => ("agent_rejected", 403),
            Self::AgentClaimed => ("agent_claimed", 403),
            Self::AbsoluteLifetimeExceeded => ("absolute_lifetime_exceeded", 403),
            Self::HostPending => ("host_pending", 403),
            Self::HostRevoked => ("host_revoked", 403),
            Self::HostRejected => ("host_rejected", 403),
            Self::UnsupportedMode(_) | Self::AutonomousRefused => ("unsupported_mode", 400),
            Self::UnsupportedAlgorithm(_) => ("unsupported_algorithm", 400),
            Self::InvalidCapabilities { .. } => ("invalid_capabilities", 400),
            Self::AgentExists { .. } => ("agent_exists", 409),
            Self::AlreadyGranted => ("already_granted", 409),
            Self::CapabilityNotGranted { .. } => ("capability_not_granted", 403),
            Self::ConstraintViolated { .. } => ("constraint_violated", 403),
            Self::LimitExceeded { .. } => ("limit_exceeded", 403),
            Self::CapabilityNotFound { .. } => ("capability_not_found", 404),
            Self::AgentNotFound => ("agent_not_found", 404),
            Self::HostNotFound => ("host_not_found", 404),
            Self::JobNotFound => ("job_not_found", 404),
            Self::JobInterrupted => ("job_interrupted", 503),
            Self::ApprovalNotFound => ("approval_not_found", 404),
            // The code of RFC 8628 (§5.13).
            Self::ApprovalExpired => ("expired_token", 400),
            Self::NotInABatch => ("batch_unsupported_result_type", 400),
            Self::StreamTooLong => ("stream_too_long", 403),
            Self::ServerStopping => ("server_stopping", 503),
            Self::UnknownHostsRefused => ("dynamic_host_registration_disabled", 403),
            Self::RateLimited { .. } => ("rate_limited", 429),
            Self::UpstreamRefused { .. } => ("upstream_refused", 422),
            Self::PersonRequired { .. } => ("person_required", 403),
            Self::AccountNotConnected { .. } => ("account_not_connected", 403),
            Self::AccountNotAccepted { .. } => ("account_not_accepted", 403),
            Self::UpstreamUnavailable { .. } => ("upstream_unavailable", 503),
            Self::MethodNotAllowed => ("method_not_allowed", 405),
            Self::PathNotFound => ("not_found", 404),
        }
    }

    /// If it is about the time of a token or proof: in which way (§8.2).
    pub fn about_time(&self) -> Option<&'static str> {
        match self {
            Self::InvalidJwt(defect) => defect.about_time(),
            Self::InvalidDpopProof(defect) => defect.about_time(),
            _ => None,
        }
    }

    /// The body of the answer: `error`, `message`, and what a client needs to recover.
    pub fn body(&self) -> Value {
        let mut body = Map::new();
        body.insert("error".into(), json!(self.code_and_status().0));
        body.insert("message".into(), json!(self.to_string()));
        match self {
            Self::UnknownConstraintOperator { operators } => {
                body.insert("unknown_operators".into(), json!(operators));
            }
            Self::InvalidCapabilities { names } => {
                body.insert("invalid_capabilities".into(), json!(names));
            }
            Self::ConstraintViolated { violations } => {
                body.insert("violations".into(), json!(violations));
            }
            Self::UpstreamRefused { status, detail } => {
                if let Some(status) = status {
                    body.insert("upstream_status".into(), json!(status));
                }
                if let Some(detail) = detail {
                    body.insert("upstream_detail".into(), detail.clone());
                }
            }
            Self::AccountNotConnected { url, .. } | Self::AccountNotAccepted { url, .. } => {
                body.insert("connect_url".into(), json!(url));
            }
            Self::LimitExceeded {
                capability,
                uses_allowed,
            } => {
                body.insert("capability".into(), json!(capability));
                body.insert("uses_allowed".into(), json!(uses_allowed));
                body.insert("uses_left".into(), json!(0));
            }
            _ => {}
        }
        Value::Object(body)
    }
}

impl From<ConstraintError> for Refusal {
    fn from(error: ConstraintError) -> Self {
        match error {
            ConstraintError::UnknownOperators(operators) => {
                Self::UnknownConstraintOperator { operators }
            }
            other => Self::InvalidRequest(format!("{other}.")),
        }
    }
}

impl From<JwkError> for Refusal {
    fn from(error: JwkError) -> Self {
        match error {
            JwkError::UnsupportedType(_) => Self::UnsupportedAlgorithm(error),
            other => Self::InvalidRequest(format!("{other}.")),
        }
    }
}

impl From<DpopDefect> for Refusal {
    fn from(defect: DpopDefect) -> Self {
        Self::InvalidDpopProof(defect)
    }
}

impl From<TokenDefect> for Refusal {
    fn from(defect: TokenDefect) -> Self {
        Self::InvalidJwt(defect)
    }
}

fn list(names: &[CapabilityName]) -> String {
    names
        .iter()
        .map(CapabilityName::as_str)
        .collect::<Vec<_>>()
        .join(", ")
}

fn not_granted(capability: &CapabilityName, removed: bool) -> String {
    if removed {
        format!("The capability '{capability}' has been removed.")
    } else {
        format!(
            "The agent does not hold {capability}. Ask for it with POST /agent/request-capability."
        )
    }
}

fn with_status(status: Option<u16>) -> String {
    status.map_or_else(String::new, |status| format!(" with status {status}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole table at once, so that a change to any code or status shows.
    // AA-5.13-01, AA-5.13-03, AA-5.13-05, AA-5.13-06, AA-5.13-07, AA-5.13-08, AA-5.13-09, AA-5.13-11
    // AA-5.13-12, AA-5.13-13, AA-5.13-15
    #[test]
    fn the_refusal_table() {
        let name: CapabilityName = "pay".parse().unwrap();
        let rows = [
            Refusal::invalid("x"),
            Refusal::BodyTooLarge { limit: 1_048_576 },
            Refusal::UnknownConstraintOperator {
                operators: vec!["regex".into()],
            },
            Refusal::InvalidJwt(TokenDefect::Expired),
            Refusal::InvalidDpopProof(DpopDefect::OtherToken),
            Refusal::UseDpopNonce { nonce: "n".into() },
            Refusal::AuthenticationRequired,
            Refusal::IntrospectionSecretRequired,
            Refusal::Unauthorized("x"),
            Refusal::AgentPending,
            Refusal::AgentExpired,
            Refusal::AgentRevoked,
            Refusal::AgentRejected,
            Refusal::AgentClaimed,
            Refusal::AbsoluteLifetimeExceeded,
            Refusal::HostPending,
            Refusal::HostRevoked,
            Refusal::HostRejected,
            Refusal::UnsupportedMode(Mode::Autonomous),
            Refusal::UnsupportedAlgorithm(JwkError::UnsupportedType("EC".into())),
            Refusal::InvalidCapabilities {
                names: vec![name.clone()],
            },
            Refusal::AgentExists { status: "active" },
            Refusal::AlreadyGranted,
            Refusal::CapabilityNotGranted {
                capability: name.clone(),
                removed: false,
            },
            Refusal::CapabilityNotGranted {
                capability: name.clone(),
                removed: true,
            },
            Refusal::LimitExceeded {
                capability: name,
                uses_allowed: 3,
            },
            Refusal::ConstraintViolated {
                violations: Vec::new(),
            },
            Refusal::CapabilityNotFound { name: "pay".into() },
            Refusal::AgentNotFound,
            Refusal::HostNotFound,
            Refusal::JobNotFound,
            Refusal::JobInterrupted,
            Refusal::ApprovalNotFound,
            Refusal::ApprovalExpired,
            Refusal::NotInABatch,
            Refusal::StreamTooLong,
            Refusal::ServerStopping,
            Refusal::UnknownHostsRefused,
            Refusal::AutonomousRefused,
            Refusal::RateLimited {
                retry_after: Duration::from_secs(30),
            },
            Refusal::UpstreamRefused {
                status: Some(404),
                detail: Some(json!({ "message": "no such order" })),
            },
            Refusal::PersonRequired {
                service: "Shop".into(),
            },
            Refusal::AccountNotConnected {
                service: "Shop".into(),
                url: "https://auth.example/accounts".into(),
            },
            Refusal::AccountNotAccepted {
                service: "Shop".into(),
                url: "https://auth.example/accounts".into(),
            },
            Refusal::UpstreamUnavailable {
                retry_after: Duration::from_secs(10),
            },
            Refusal::MethodNotAllowed,
            Refusal::PathNotFound,
        ];
        let table: Vec<_> = rows
            .iter()
            .map(|row| format!("{} {}", row.code_and_status().1, row.body()))
            .collect();
        // The codes of RFC 8628 and CIBA come in the same form as all others.
        let expired = Refusal::ApprovalExpired.body();
        let members: Vec<_> = expired.as_object().unwrap().keys().collect();
        assert_eq!(members, ["error", "message"]);
        insta::assert_snapshot!(table.join("\n"));
    }
}
