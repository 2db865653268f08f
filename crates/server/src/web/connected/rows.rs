//! Apps and agents as lines and cards, in words.

use procura_agent_auth::agent::{AgentStatus, Mode};
use procura_agent_auth::host::{Host, HostStatus};
use procura_keys::clock::Timestamp;
use procura_service::agent_auth::connected::{ConnectedAgent, ConnectedApp};

use crate::web::text::visible;
use crate::web::when;
use crate::web::words::say;

/// A few words that stand out, in the tone of good or bad news.
#[derive(Clone, Debug)]
pub(in crate::web) struct Tag {
    pub(in crate::web) text: String,
    /// A class of the style sheet, or nothing.
    pub(in crate::web) tone: &'static str,
}

impl Tag {
    pub(in crate::web) fn new(text: impl Into<String>, tone: &'static str) -> Self {
        let text = text.into();
        Self { text, tone }
    }

    /// Where an agent stands.
    pub(in crate::web) fn of_agent(status: AgentStatus) -> Self {
        match status {
            AgentStatus::Pending => Self::new("waiting", "watch"),
            AgentStatus::Active => Self::new("active", "good"),
            AgentStatus::Expired => Self::new("expired", ""),
            AgentStatus::Revoked => Self::new("stopped", "bad"),
            AgentStatus::Rejected => Self::new("denied", "bad"),
            AgentStatus::Claimed => Self::new("taken over", ""),
        }
    }

    /// Where an app stands.
    pub(in crate::web) fn of_app(status: HostStatus) -> Self {
        match status {
            HostStatus::Pending => Self::new("waiting", "watch"),
            HostStatus::Active => Self::new("connected", "good"),
            HostStatus::Revoked => Self::new("stopped", "bad"),
            HostStatus::Rejected => Self::new("denied", "bad"),
        }
    }
}

/// A question before something ends, with the button that ends it.
#[derive(Clone, Debug)]
pub(in crate::web) struct Confirm {
    /// What opens it.
    pub(in crate::web) ask: &'static str,
    /// What it is about, for those who do not see where it stands.
    pub(in crate::web) what: Option<String>,
    pub(in crate::web) consequence: &'static str,
    /// What the button says.
    pub(in crate::web) yes: &'static str,
    /// Where it is sent, after the base path.
    pub(in crate::web) path: String,
    /// Whether it is one among many.
    pub(in crate::web) is_small: bool,
}

/// An app.
#[derive(Clone, Debug)]
pub(in crate::web) struct AppCard {
    pub(in crate::web) path: String,
    pub(in crate::web) name: String,
    /// What it calls itself, where its person calls it something else.
    pub(in crate::web) own_name: Option<String>,
    /// The letter that stands for it.
    pub(in crate::web) mark: String,
    pub(in crate::web) status: Tag,
    pub(in crate::web) is_live: bool,
    pub(in crate::web) since: String,
    pub(in crate::web) used: Option<String>,
    pub(in crate::web) publishes: Option<String>,
    pub(in crate::web) agents: Vec<AgentLine>,
    pub(in crate::web) has_more: bool,
}

impl AppCard {
    pub(in crate::web) fn new(app: &ConnectedApp, now: Timestamp) -> Self {
        let host = &app.host;
        let own = host.name.as_deref().map(visible);
        let label = app.label.as_deref().map(visible);
        let name = label.clone().or_else(|| own.clone());
        let name = name.unwrap_or_else(|| say(NAMELESS).to_string());
        let since = host.activated_at.unwrap_or(host.created_at);
        let line = |agent| AgentLine::new(agent, now);
        Self {
            path: format!("/apps/{}", host.id),
            mark: mark(&name),
            own_name: own.filter(|_| label.is_some()),
            name,
            status: Tag::of_app(host.status),
            is_live: is_live(host),
            since: when::ago(since, now),
            used: host.last_used_at.map(|at| when::ago(at, now)),
            publishes: host.jwks.as_ref().map(|jwks| jwks.url.to_string()),
            agents: app.agents.iter().map(line).collect(),
            has_more: app.has_more,
        }
    }
}

/// An agent.
#[derive(Clone, Debug)]
pub(in crate::web) struct AgentLine {
    pub(in crate::web) path: String,
    pub(in crate::web) name: String,
    /// What it calls itself, where its person calls it something else.
    pub(in crate::web) own_name: Option<String>,
    pub(in crate::web) status: Tag,
    pub(in crate::web) mode: &'static str,
    /// When it was last heard of.
    pub(in crate::web) used: Option<String>,
    /// When it ends by itself, while it may act.
    pub(in crate::web) ends: Option<String>,
}

impl AgentLine {
    pub(in crate::web) fn new(own: &ConnectedAgent, now: Timestamp) -> Self {
        let agent = &own.agent;
        let itself = visible(&agent.name);
        let label = own.label.as_deref().map(visible);
        Self {
            path: format!("/agents/{}", agent.id),
            name: label.clone().unwrap_or_else(|| itself.clone()),
            own_name: label.map(|_| itself),
            status: Tag::of_agent(own.status),
            mode: mode(agent.mode),
            used: agent.last_used_at.map(|at| when::ago(at, now)),
            ends: own.expires_at.map(|end| {
                say("in {span}")
                    .with("span", when::span(end.since(now)))
                    .to_string()
            }),
        }
    }
}

/// How an agent acts.
pub(in crate::web) fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Delegated => "in your name",
        Mode::Autonomous => "on its own",
    }
}

/// The end of an identifier, which is random and tells things apart.
pub(in crate::web) fn short(id: &str) -> String {
    let start = id.len().saturating_sub(6);
    let kind = id.split('_').next().unwrap_or_default();
    match id.get(start..) {
        Some(end) if kind.len() + 1 < start => format!("{kind}_…{end}"),
        _ => id.to_owned(),
    }
}

/// Whether an app has not ended.
pub(in crate::web) fn is_live(host: &Host) -> bool {
    host.status.require_not_ended().is_ok()
}

fn mark(name: &str) -> String {
    let letter = name.chars().find(|c| c.is_alphanumeric());
    letter.map_or_else(|| "?".to_owned(), |c| c.to_uppercase().collect())
}

/// What an app is called that gives no name.
pub(in crate::web) const NAMELESS: &str = "An app without a name";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_told_by_their_ends() {
        assert_eq!(short("agt_019c943dbd0078d6a1cac2a8adaf2557"), "agt_…af2557");
        for odd in ["", "a", "agt_123456", "é_ééé"] {
            assert_eq!(short(odd), odd);
        }
    }
}
