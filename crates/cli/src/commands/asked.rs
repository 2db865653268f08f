//! What `connect` and `request` ask for: capabilities, their limits, and words for whoever approves.

use procura_agent_auth::wire::register::ApprovalHints;
use serde_json::{Map, Value};

use crate::error::CommandError;

/// Capabilities and their limits.
#[derive(Debug, clap::Args)]
pub(crate) struct Asked {
    /// A capability to ask for; may be given several times
    #[arg(long = "capability", short = 'c', value_name = "NAME")]
    capabilities: Vec<String>,
    /// Limits to ask for, by capability: '{"transfer": {"amount": {"max": 100}}}'
    #[arg(long, value_name = "JSON")]
    constraints: Option<String>,
}

impl Asked {
    /// Each capability with its limits.
    pub(crate) fn with_limits(self) -> Result<Vec<(String, Option<Value>)>, CommandError> {
        let mut limits = self.constraints.as_deref().map(limits).transpose()?;
        let limits = limits.get_or_insert_default();
        let asked: Vec<_> = self
            .capabilities
            .into_iter()
            .map(|name| {
                let limit = limits.remove(&name);
                (name, limit)
            })
            .collect();
        match limits.keys().next() {
            None => Ok(asked),
            Some(name) => Err(CommandError::Usage(format!(
                "--constraints limits {name:?}, which is not asked for; add --capability {name}"
            ))),
        }
    }
}

/// Words for whoever approves.
#[derive(Debug, clap::Args)]
pub(crate) struct Hints {
    /// Why, in words for the person who approves
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Who is expected to approve, for example an e-mail address
    #[arg(long, value_name = "WHO")]
    login_hint: Option<String>,
    /// A short message for the person who approves
    #[arg(long, value_name = "TEXT")]
    binding_message: Option<String>,
    /// The way of approval to prefer; the service decides
    #[arg(long, value_name = "METHOD")]
    preferred_method: Option<String>,
}

impl From<Hints> for ApprovalHints {
    fn from(hints: Hints) -> Self {
        Self {
            reason: hints.reason,
            preferred_method: hints.preferred_method,
            login_hint: hints.login_hint,
            binding_message: hints.binding_message,
        }
    }
}

fn limits(text: &str) -> Result<Map<String, Value>, CommandError> {
    serde_json::from_str(text).map_err(|error| {
        CommandError::Usage(format!(
            "--constraints takes a JSON object from capabilities to limits, such as \
             '{{\"transfer\": {{\"amount\": {{\"max\": 100}}}}}}': {error}"
        ))
    })
}
