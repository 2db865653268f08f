//! What happened, in words.

use procura_keys::clock::Timestamp;
use procura_service::agent_auth::connected::activity::ActivityEvent;
use serde_json::Value;

use super::rows::Tag;
use crate::web::text::visible;
use crate::web::when;
use crate::web::words::say;

/// One thing that happened.
#[derive(Clone, Debug)]
pub(in crate::web) struct EventRow {
    pub(in crate::web) iso: String,
    pub(in crate::web) when: String,
    pub(in crate::web) title: String,
    pub(in crate::web) capability: Option<String>,
    /// Who did it, when it was not the agent or app itself.
    pub(in crate::web) by: Option<&'static str>,
    pub(in crate::web) outcome: Option<Tag>,
    /// The agent it is about, and its page, where that is not plain from the place.
    pub(in crate::web) agent: Option<(String, String)>,
    pub(in crate::web) arguments: Vec<(String, String)>,
}

impl EventRow {
    /// The event as this person reads it.
    pub(in crate::web) fn new(event: &ActivityEvent, reader: &str, now: Timestamp) -> Self {
        Self {
            iso: event.at.to_string(),
            when: when::moment(event.at, now),
            title: title(&event.event),
            capability: event.capability.as_deref().map(|name| cut(&visible(name))),
            by: by(&event.actor, reader),
            outcome: outcome(event),
            agent: None,
            arguments: arguments(event.arguments.as_ref()),
        }
    }
}

fn title(event: &str) -> String {
    let known = match event {
        "capability.started" => "Used",
        "capability.refused" => "Tried to use",
        "capability.finished" => "Ended",
        "capability.requested" => "Asked for more",
        "agent.registered" => "Registered",
        "agent.reactivated" => "Asked to go on",
        "agent.key_rotated" | "host.key_rotated" => "Changed its key",
        "agent.revoked" => "Stopped",
        "agent.lifetime_ended" => "Ran out of time",
        "agent.labelled" | "host.labelled" => "Renamed",
        "grant.revoked" => "Permission taken back",
        "approval.granted" => "Request approved",
        "approval.denied" => "Request denied",
        "request.refused" => "Sent a request that was refused",
        "host.registered" => "App registered",
        "host.linked" => "App connected",
        "host.unlinked" => "App disconnected",
        "host.revoked" => "App stopped",
        "person.sign_in" => "Signed in",
        "person.added" => "Account made",
        "person.disabled" => "Account barred",
        other => return other.to_owned(),
    };
    known.to_owned()
}

fn by(actor: &str, reader: &str) -> Option<&'static str> {
    match actor.split_once(':') {
        Some(("user", id)) if id == reader => Some("you"),
        Some(("user", _)) => Some("somebody else"),
        Some(("administrator", _)) => Some("an administrator"),
        None if actor == "policy" => Some("the rules of the server"),
        _ => None,
    }
}

/// Of a permitted call, how it ended counts.
fn outcome(event: &ActivityEvent) -> Option<Tag> {
    if event.event == "capability.started" {
        return Some(match event.finished.as_deref() {
            Some("ok") => Tag::new("done", "good"),
            Some(code) => refused(code),
            None => Tag::new("begun", ""),
        });
    }
    match event.outcome.as_str() {
        "ok" | "approved" | "denied" => None,
        "active" => Some(Tag::new("active", "good")),
        "pending" => Some(Tag::new("waiting", "watch")),
        code => Some(refused(code)),
    }
}

fn refused(code: &str) -> Tag {
    let words = match code {
        "constraint_violated" => "beyond its limits",
        "capability_not_granted" => "not permitted",
        "capability_not_found" => "no such thing",
        "invalid_request" => "not understood",
        "invalid_jwt" => "not proved who it is",
        "agent_pending" | "host_pending" => "not approved yet",
        "agent_expired" => "its time is over",
        "agent_revoked" | "host_revoked" => "stopped before",
        "rate_limited" => "too often",
        "internal_error" => "failed",
        "aborted" => "broken off",
        other => return Tag::new(cut(&visible(&other.replace('_', " "))), "bad"),
    };
    Tag::new(words, "bad")
}

/// As far as the log keeps them, and as much as can be read at a glance.
fn arguments(value: Option<&Value>) -> Vec<(String, String)> {
    let Some(Value::Object(members)) = value else {
        return Vec::new();
    };
    let shown = members.iter().take(SHOWN).map(|(name, value)| {
        let value = match value {
            Value::String(text) => visible(text),
            other => visible(&other.to_string()),
        };
        (cut(&visible(name)), cut(&value))
    });
    let mut shown: Vec<_> = shown.collect();
    if members.len() > SHOWN {
        shown.push((
            "…".to_owned(),
            say("{n} more").with("n", members.len() - SHOWN).to_string(),
        ));
    }
    shown
}

/// Agents send what they like, at any length.
fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_CHARS) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

const SHOWN: usize = 12;
const MAX_CHARS: usize = 120;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn arguments_are_short_and_show_what_hides() {
        let long = "x".repeat(10_000);
        let shown = arguments(Some(
            &json!({ "a\u{202e}": long, "b": [1, true], "c": "<b>" }),
        ));
        assert_eq!(shown[0].0, "a⟨U+202E⟩");
        assert_eq!(shown[0].1.chars().count(), MAX_CHARS + 1);
        assert_eq!(shown[1], ("b".to_owned(), "[1,true]".to_owned()));
        assert_eq!(shown[2], ("c".to_owned(), "<b>".to_owned()));
        let many: serde_json::Map<_, _> = (0..30).map(|n| (n.to_string(), json!(n))).collect();
        let shown = arguments(Some(&many.into()));
        assert_eq!(shown.len(), SHOWN + 1);
        assert_eq!(shown[SHOWN].1, "18 more");
        assert_eq!(arguments(None), []);
    }

    #[test]
    fn who_did_it_is_said_as_the_reader_would() {
        assert_eq!(by("user:usr_1", "usr_1"), Some("you"));
        assert_eq!(by("user:usr_2", "usr_1"), Some("somebody else"));
        assert_eq!(by("administrator:root", "usr_1"), Some("an administrator"));
        assert_eq!(by("policy", "usr_1"), Some("the rules of the server"));
        assert_eq!(by("agent:agt_1", "usr_1"), None);
    }
}
