//! Why a command failed, in words that say what to do about it.

use std::path::PathBuf;

use procura_agent_auth::text::clean;
use procura_client::{
    CallerError, ClientError, FetchError, Hint, KeychainError, NotApproved, ProfileError,
    Protection, Refused,
};
use serde_json::{Map, Value, json};

use crate::exit::Exit;
use crate::json::one_line;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// The arguments do not fit together.
    #[error("{0}")]
    Usage(String),
    /// There is nowhere to keep anything.
    #[error("neither XDG_DATA_HOME nor HOME is set; say where to keep keys with --data DIR")]
    NoHome,
    /// The passphrase cannot be read.
    #[error("cannot read the passphrase in {}: {_1}", .0.display())]
    Passphrase(PathBuf, std::io::Error),
    /// Nobody is there to be asked.
    #[error("a passphrase is asked for at a terminal only; name a file with it instead")]
    NoTerminal,
    /// The terminal fails while a passphrase is asked for.
    #[error("cannot ask for the passphrase: {0}")]
    Terminal(std::io::Error),
    /// The keychain does not answer.
    #[error(transparent)]
    Keychain(KeychainError),
    /// The system gives no threads or timers.
    #[error("cannot start: {0}")]
    Runtime(std::io::Error),
    /// The MCP session failed.
    #[cfg(feature = "mcp")]
    #[error("the MCP session failed: {0}")]
    Mcp(String),
    /// The token of the MCP server cannot be read.
    #[cfg(feature = "mcp")]
    #[error("cannot read the token in {}: {_1}", .0.display())]
    Token(PathBuf, std::io::Error),
    /// The MCP server cannot listen.
    #[cfg(feature = "mcp")]
    #[error("cannot listen on {_0}: {_1}")]
    Listen(std::net::SocketAddr, std::io::Error),
    /// The client failed.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl From<ProfileError> for CommandError {
    fn from(error: ProfileError) -> Self {
        Self::Client(error.into())
    }
}

impl CommandError {
    /// Whether a keychain is what is missing.
    #[cfg(feature = "keychain")]
    pub(crate) fn is_of_keychain(&self) -> bool {
        matches!(
            self,
            Self::Keychain(_) | Self::Client(ClientError::Profile(ProfileError::Keychain { .. }))
        )
    }

    /// The whole message for people: what happened, the details, and what to do. Texts of servers are made
    /// harmless: a terminal obeys control characters.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("error: {}", harmless(&self.to_string()))];
        if let Self::Client(ClientError::Refused(refused)) = self {
            lines.extend(violations(refused));
            lines.extend(refused.hint.as_ref().map(hint));
        }
        lines.extend(self.advice().map(|advice| format!("hint: {advice}")));
        lines
    }

    /// The message for programs.
    pub(crate) fn to_json(&self) -> Value {
        let mut members = match self {
            Self::Client(ClientError::Refused(refused)) => refusal(refused),
            _ => Map::new(),
        };
        let code = members.get("error").cloned();
        members.insert("error".into(), code.unwrap_or_else(|| self.kind().into()));
        let message = members.get("message").cloned();
        let message = message.unwrap_or_else(|| self.to_string().into());
        members.insert("message".into(), message);
        members.insert("exit_code".into(), (Exit::of(self) as u8).into());
        Value::Object(members)
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Client(ClientError::NotApproved(NotApproved::Denied { .. })) => "denied",
            Self::Client(ClientError::NotApproved(NotApproved::Expired)) => "expired",
            _ => match Exit::of(self) {
                Exit::Done => "done",
                Exit::Usage => "usage",
                Exit::Refused => "refused",
                Exit::NotApproved => "not_approved",
                Exit::Server => "server",
                Exit::LocalState => "local_state",
            },
        }
    }

    fn advice(&self) -> Option<&'static str> {
        let Self::Client(error) = self else {
            return None;
        };
        match error {
            ClientError::Caller(error) => caller_advice(error),
            ClientError::Refused(refused) => code_advice(refused.code.as_deref()?),
            ClientError::NotApproved(NotApproved::Denied { .. }) => {
                Some("ask again only if whoever the agent works for wants it")
            }
            ClientError::NotApproved(NotApproved::Expired) => {
                Some("run the command again for a new code, and answer in time")
            }
            ClientError::WiderGrant(_) => Some(
                "'procura request' asks for it again within limits that you accept; without --constraints there are none",
            ),
            ClientError::Profile(error) => profile_advice(error),
            ClientError::Unreachable(FetchError::NotHttps { .. }) => {
                Some("use https://, or for a server on this machine add --allow-loopback-http")
            }
            _ => None,
        }
    }
}

fn profile_advice(error: &ProfileError) -> Option<&'static str> {
    match error {
        ProfileError::Locked {
            by: Protection::Passphrase,
            ..
        } => Some(
            "run this at a terminal to be asked, or name the file with it with --passphrase-file or \
             PROCURA_PASSPHRASE_FILE",
        ),
        ProfileError::Locked { .. } => {
            Some("leave out --passphrase-file; 'procura config passphrase' changes what opens it")
        }
        ProfileError::Keychain { .. } => Some(
            "unlock the keychain, or run this in the session that has it; without it there is no way to the keys",
        ),
        _ => None,
    }
}

fn caller_advice(error: &CallerError) -> Option<&'static str> {
    match error {
        CallerError::UnknownAgent(_) => Some("'procura connections' lists the agents"),
        CallerError::AmbiguousAgent { .. } => Some("give more of the id"),
        CallerError::NoDirectory => Some("name one with --directory URL or PROCURA_DIRECTORY"),
        CallerError::NotHeld(_) => Some("'procura request' asks for it"),
        _ => None,
    }
}

fn code_advice(code: &str) -> Option<&'static str> {
    match code {
        "capability_not_granted" => Some("'procura request' asks for more capabilities"),
        "agent_revoked" | "agent_claimed" | "absolute_lifetime_exceeded" => {
            Some("this agent has ended; 'procura connect' makes a new one")
        }
        "host_revoked" => Some("'procura host new' makes a new identity for this machine"),
        "agent_expired" => Some("'procura reactivate' brings the agent back"),
        "agent_pending" => {
            Some("the agent waits for approval; 'procura status --wait' waits for it")
        }
        _ => None,
    }
}

/// The members of a refusal, for programs.
pub(crate) fn refusal(refused: &Refused) -> Map<String, Value> {
    let mut members = refused.details.clone();
    if let Some(code) = &refused.code {
        members.insert("error".into(), json!(code));
    }
    members.insert("message".into(), json!(refused.message));
    members.insert("http_status".into(), json!(refused.status));
    if let Some(delay) = refused.retry_after {
        members.insert("retry_after".into(), json!(delay.as_secs()));
    }
    match &refused.hint {
        Some(Hint::Available(names)) => {
            members.insert("available_capabilities".into(), json!(names));
        }
        Some(Hint::Input(schema)) => {
            members.insert("input".into(), schema.clone());
        }
        None => {}
    }
    members
}

fn violations(refused: &Refused) -> Vec<String> {
    let listed = refused.details.get("violations").and_then(Value::as_array);
    let each = listed.into_iter().flatten();
    each.map(|violation| {
        let text = |name| violation.get(name).map(one_line);
        let field = violation.get("field").and_then(Value::as_str);
        format!(
            "  {}: the limit is {}, and it was {}",
            harmless(field.unwrap_or("an argument")),
            text("constraint").unwrap_or_else(|| "unknown".to_owned()),
            text("actual").unwrap_or_else(|| "missing".to_owned()),
        )
    })
    .collect()
}

fn hint(hint: &Hint) -> String {
    match hint {
        Hint::Available(names) if names.is_empty() => "  the server offers none".to_owned(),
        Hint::Available(names) => format!("  available: {}", harmless(&names.join(", "))),
        Hint::Input(schema) => format!("  the arguments have to fit {}", one_line(schema)),
    }
}

/// A text of a server on one line, without characters that a terminal would obey.
pub(crate) fn harmless(text: &str) -> String {
    clean(text, MAX_TEXT).unwrap_or_default()
}

/// Longer texts are nothing to read in a terminal.
const MAX_TEXT: usize = 20_000;
