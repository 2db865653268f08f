//! Why a client call failed, grouped by whose turn it is: the caller's, the server's, the approver's or
//! this machine's.

use std::time::Duration;

use procura_fetch::FetchError;
use procura_keys::key::KeyError;
use serde_json::{Map, Value};

use crate::constraints::WiderGrant;
use crate::profile::ProfileError;
use crate::provider::ProviderDefect;

/// Why a client call failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The caller named something that is not there or does not fit.
    #[error(transparent)]
    Caller(#[from] CallerError),
    /// The server understood and said no.
    #[error(transparent)]
    Refused(Box<Refused>),
    /// A person or policy said no, or nobody answered in time.
    #[error(transparent)]
    NotApproved(#[from] NotApproved),
    /// The server could not be reached.
    #[error("{0}")]
    Unreachable(#[from] FetchError),
    /// The URL leads to no provider this client can work with.
    #[error("{url} is not a usable provider: {defect}")]
    BadProvider {
        /// The URL asked.
        url: String,
        /// What is wrong with it.
        defect: ProviderDefect,
    },
    /// The server answered, but not in the form the protocol prescribes.
    #[error("{url} answered in a form the protocol does not allow: {reason}")]
    BadAnswer {
        /// The URL asked.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// The server still works on an execution, and the client has waited long enough.
    #[error("the server is still working on it after {} s", .waited.as_secs())]
    JobStillRunning {
        /// For how long it was asked.
        waited: Duration,
        /// Where it can be asked again.
        status_url: String,
    },
    /// The server granted more than was asked for, so nothing is executed under that grant. Found before anything was
    /// sent.
    #[error("{} was asked for within {} and granted within {}, so it is not used", .0.capability, .0.asked, .0.limits())]
    WiderGrant(Box<WiderGrant>),
    /// The local state cannot be read or written.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// A key pair could not be made.
    #[error("cannot make a key pair: {0}")]
    Key(#[from] KeyError),
    /// A request could not be written as JSON.
    #[error("cannot write the request: {0}")]
    Encoding(#[from] serde_json::Error),
}

impl ClientError {
    /// The refusal, if the server refused.
    pub fn refused(&self) -> Option<&Refused> {
        match self {
            Self::Refused(refused) => Some(refused),
            _ => None,
        }
    }

    /// Whether the server is down or in trouble, which may pass by itself.
    pub(crate) fn is_outage(&self) -> bool {
        match self {
            Self::Unreachable(error) => !matches!(
                error,
                FetchError::NotHttps { .. }
                    | FetchError::CredentialsInUrl { .. }
                    | FetchError::ForbiddenAddress { .. }
                    | FetchError::TooManyRedirects { .. }
                    | FetchError::TooLarge { .. }
                    | FetchError::Setup { .. }
            ),
            Self::Refused(refused) => refused.status >= 500,
            Self::BadProvider {
                defect: ProviderDefect::NoDocument { status },
                ..
            } => *status >= 500 || *status == 429,
            _ => false,
        }
    }

    pub(crate) fn bad_provider(url: &str, defect: ProviderDefect) -> Self {
        Self::BadProvider {
            url: url.to_owned(),
            defect,
        }
    }

    pub(crate) fn bad_answer(url: &str, reason: impl Into<String>) -> Self {
        Self::BadAnswer {
            url: url.to_owned(),
            reason: reason.into(),
        }
    }
}

impl From<Refused> for ClientError {
    fn from(refused: Refused) -> Self {
        Self::Refused(Box::new(refused))
    }
}

/// A mistake in what the caller asked for, found before anything was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallerError {
    /// Not a URL.
    #[error("{0:?} is not a URL such as https://bank.example")]
    NotAUrl(String),
    /// No provider of this name is known.
    #[error("no provider named {name:?} is known. {}", list_known(.known))]
    UnknownProvider {
        /// The name.
        name: String,
        /// The names that are.
        known: Vec<String>,
    },
    /// Several providers go by this name.
    #[error("several providers are named {name:?}; use the URL: {}", .issuers.join(", "))]
    AmbiguousProvider {
        /// The name.
        name: String,
        /// Their issuers.
        issuers: Vec<String>,
    },
    /// No connected agent has this identifier.
    #[error("no connected agent's id starts with {0:?}")]
    UnknownAgent(String),
    /// Several agents' identifiers begin like this.
    #[error("{prefix:?} fits several agents: {}", .ids.join(", "))]
    AmbiguousAgent {
        /// The beginning.
        prefix: String,
        /// Their identifiers.
        ids: Vec<String>,
    },
    /// A token was asked for capabilities that the agent does not hold.
    #[error("the agent does not hold {}; request it first", .0.join(", "))]
    NotHeld(Vec<String>),
    /// The agent may not act, by what is known here.
    #[error("the agent is {0}, so nothing can be signed for it")]
    NotActive(String),
    /// A capability name the protocol does not allow.
    #[error("{0:?} is not a capability name: it has 1 to 128 bytes and no control characters")]
    NotACapability(String),
    /// No directory is configured.
    #[error("no directory is configured, so providers cannot be searched for")]
    NoDirectory,
    /// A batch has 1 to 50 calls.
    #[error("a batch has 1 to 50 calls, and this one has {0}")]
    BatchSize(usize),
    /// The provider takes no batches.
    #[error("{0} takes no batches; execute one capability at a time")]
    NoBatches(String),
    /// The agent does not wait for anything.
    #[error("the agent {0} is not waiting for approval")]
    NotWaiting(String),
}

/// The server's refusal (§5.13).
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message} ({}HTTP {status})", code_prefix(.code.as_deref()))]
pub struct Refused {
    /// The HTTP status; 200 when an execution was accepted first and failed later.
    pub status: u16,
    /// The machine-readable code. Unknown ones are kept as they are.
    pub code: Option<String>,
    /// The server's words, for people. Untrusted text.
    pub message: String,
    /// Whatever else the body held, such as `violations`.
    pub details: Map<String, Value>,
    /// When the server wants to be asked again.
    pub retry_after: Option<Duration>,
    /// What the client looked up to help with the next try.
    pub hint: Option<Hint>,
}

impl Refused {
    /// Whether this is the refusal with the given code.
    pub fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    /// What can be done about it. Decided by the code, and by the HTTP status for codes unknown here.
    pub fn reaction(&self) -> Reaction {
        match self.code.as_deref() {
            // A deployed server tells a replayed token apart.
            Some("invalid_jwt" | "jti_replay") => Reaction::SignAgain,
            Some("agent_expired") => Reaction::Reactivate,
            Some(
                "agent_revoked"
                | "agent_rejected"
                | "agent_claimed"
                | "absolute_lifetime_exceeded"
                | "host_revoked"
                | "host_rejected",
            ) => Reaction::GiveUp,
            Some("agent_pending" | "host_pending" | "authorization_pending" | "slow_down") => {
                Reaction::WaitForApproval
            }
            Some("rate_limited") => Reaction::RetryLater,
            _ => match self.status {
                401 => Reaction::SignAgain,
                429 | 500.. => Reaction::RetryLater,
                _ => Reaction::ChangeRequest,
            },
        }
    }

    /// Reads an error body. One that is no JSON object is kept as status alone.
    pub(crate) fn parse(status: u16, body: &[u8], retry_after: Option<Duration>) -> Self {
        let details = match procura_keys::json::parse_strict(body) {
            Ok(Value::Object(members)) => members,
            _ => Map::new(),
        };
        Self::from_members(status, details, retry_after)
    }

    /// Reads the error object of an execution that failed later, too.
    pub(crate) fn from_members(
        status: u16,
        mut details: Map<String, Value>,
        retry_after: Option<Duration>,
    ) -> Self {
        // Deployed servers name the code `code` where a framework answered for them.
        let code = text(&mut details, "error").or_else(|| text(&mut details, "code"));
        let message = text(&mut details, "message")
            .unwrap_or_else(|| "The server refused without saying why.".to_owned());
        Self {
            status,
            code,
            message,
            details,
            retry_after,
            hint: None,
        }
    }
}

/// What the client looked up after a refusal.
#[derive(Clone, Debug, PartialEq)]
pub enum Hint {
    /// The names of the capabilities the server offers.
    Available(Vec<String>),
    /// The JSON Schema of the arguments, as it is now.
    Input(Value),
}

/// What can be done about a refusal (§5.13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// Sign a new token and send it again, once. The client does so by itself.
    SignAgain,
    /// Reactivate the agent.
    Reactivate,
    /// Nothing: the agent or host has ended.
    GiveUp,
    /// Wait until somebody decides.
    WaitForApproval,
    /// The same request, later.
    RetryLater,
    /// Another request.
    ChangeRequest,
}

/// The approval did not happen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotApproved {
    /// Somebody said no. Asking again is for whoever the agent works for to decide (§7.1).
    #[error("the request was denied{}", because(.reason.as_deref()))]
    Denied {
        /// Why, if they said so. Untrusted text.
        reason: Option<String>,
    },
    /// Nobody answered in time.
    #[error("nobody answered the request in time")]
    Expired,
    /// The server wants an approval this client knows nothing about.
    #[error("the server asks for approval by {0:?}, which this client does not support")]
    UnsupportedMethod(String),
}

fn text(members: &mut Map<String, Value>, name: &str) -> Option<String> {
    match members.get(name) {
        Some(Value::String(text)) => {
            let text = text.clone();
            members.remove(name);
            Some(text)
        }
        _ => None,
    }
}

fn list_known(names: &[String]) -> String {
    if names.is_empty() {
        "None is known yet; give a URL.".to_owned()
    } else {
        format!("Known are: {}. Or give a URL.", names.join(", "))
    }
}

fn code_prefix(code: Option<&str>) -> String {
    code.map(|code| format!("{code}, ")).unwrap_or_default()
}

fn because(reason: Option<&str>) -> String {
    reason
        .map(|reason| format!(": {reason}"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, body: &str) -> Refused {
        Refused::parse(status, body.as_bytes(), None)
    }

    // AA-5.13-02, AA-5.13-16
    #[test]
    fn the_code_decides_what_to_do() {
        let cases = [
            (401, "invalid_jwt", Reaction::SignAgain),
            (401, "jti_replay", Reaction::SignAgain),
            (403, "agent_expired", Reaction::Reactivate),
            (403, "agent_revoked", Reaction::GiveUp),
            (403, "host_revoked", Reaction::GiveUp),
            (403, "absolute_lifetime_exceeded", Reaction::GiveUp),
            (403, "agent_pending", Reaction::WaitForApproval),
            (403, "host_pending", Reaction::WaitForApproval),
            (429, "rate_limited", Reaction::RetryLater),
            (400, "invalid_request", Reaction::ChangeRequest),
            (403, "constraint_violated", Reaction::ChangeRequest),
        ];
        for (status, code, reaction) in cases {
            let body = format!(r#"{{"error":"{code}","message":"m"}}"#);
            assert_eq!(refused(status, &body).reaction(), reaction, "{code}");
        }
    }

    // AA-5.13-14
    #[test]
    fn an_unknown_code_is_kept_and_judged_by_its_status() {
        let unknown = refused(403, r#"{"error":"moon_phase","message":"Not today"}"#);
        assert_eq!(unknown.code.as_deref(), Some("moon_phase"));
        assert_eq!(unknown.reaction(), Reaction::ChangeRequest);
        assert_eq!(refused(503, "down").reaction(), Reaction::RetryLater);
        assert_eq!(refused(503, "down").code, None);
    }

    #[test]
    fn extra_members_are_kept_and_a_framework_s_code_is_read() {
        let with_data = refused(
            403,
            r#"{"error":"constraint_violated","message":"m","violations":[{"field":"amount"}]}"#,
        );
        assert_eq!(with_data.details["violations"][0]["field"], "amount");
        let framework = refused(400, r#"{"message":"m","code":"VALIDATION_ERROR"}"#);
        assert!(framework.is("VALIDATION_ERROR"));
        assert_eq!(framework.to_string(), "m (VALIDATION_ERROR, HTTP 400)");
    }
}
