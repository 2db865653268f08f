//! `[notify]`: telling people what waits for them (AAP §7.2).

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use procura_agent_auth::notice::{NoticeEvent, NoticePolicy, Receiver};
use procura_fetch::{FetchPolicy, Fetcher};
use serde::Deserialize;
use url::Url;

use super::span::Span;
use crate::notify::webhook::{Webhook, WebhookKey};

/// The section.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct NotifySection {
    prefer_inbox: bool,
    quiet: Span,
    quiet_per_app: Span,
    tries: NonZeroU32,
    max_waiting: NonZeroU32,
    keep: Span,
    webhook: Vec<WebhookSection>,
}

/// `[[notify.webhook]]`: a URL that takes signed requests.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WebhookSection {
    name: String,
    url: Url,
    secret_file: PathBuf,
    #[serde(default = "every_event")]
    events: Vec<NoticeEvent>,
}

impl NotifySection {
    pub(super) fn policy(&self) -> Result<NoticePolicy, String> {
        let receivers = self.webhook.iter().map(|webhook| Receiver {
            name: webhook.name.clone(),
            events: webhook.events.clone(),
        });
        let receivers: Vec<_> = receivers.collect();
        let mut events = receivers.iter().flat_map(|one| &one.events);
        let reaches_people = events.any(|event| *event == NoticeEvent::InboxWaiting);
        if self.prefer_inbox && !reaches_people {
            return Err(
                "notify.prefer_inbox: nobody is told of inbox.waiting; add a [[notify.webhook]]"
                    .to_owned(),
            );
        }
        if self.quiet.0.max(self.quiet_per_app.0) > LONGEST_QUIET {
            return Err("notify.quiet and notify.quiet_per_app: at most 1d".to_owned());
        }
        Ok(NoticePolicy {
            receivers,
            prefers_inbox: self.prefer_inbox,
            quiet: self.quiet.0,
            quiet_per_app: self.quiet_per_app.0,
            tries: self.tries.get(),
            max_waiting: self.max_waiting.get(),
            keep: self.keep.0,
        })
    }

    pub(super) fn webhooks(&self) -> Result<Vec<Webhook>, String> {
        let mut names = BTreeSet::new();
        let judge = |section: &WebhookSection| {
            let about = |problem| format!("notify.webhook {:?}: {problem}", section.name);
            if section.name.trim().is_empty() || !names.insert(section.name.clone()) {
                return Err(about("name: has to be there, and used once".to_owned()));
            }
            section.judge().map_err(about)
        };
        self.webhook.iter().map(judge).collect()
    }
}

impl WebhookSection {
    fn judge(&self) -> Result<Webhook, String> {
        if self.events.is_empty() {
            return Err("events: has to list inbox.waiting, desk.waiting or both".to_owned());
        }
        let policy = FetchPolicy {
            allow_loopback_http: true,
            max_redirects: 0,
            max_response_bytes: MAX_ANSWER,
            // The operator names the receiver, which may well be an internal one.
            ..FetchPolicy::client()
        };
        let fetcher = policy.admit(&self.url).and_then(|()| Fetcher::new(policy));
        let fetcher = fetcher.map_err(|error| format!("url: {error}"))?;
        Ok(Webhook::new(
            self.name.clone(),
            self.url.clone(),
            self.key()?,
            fetcher,
        ))
    }

    fn key(&self) -> Result<WebhookKey, String> {
        let wrong = |why: String| format!("secret_file: {} {why}", self.secret_file.display());
        let text = std::fs::read_to_string(&self.secret_file);
        let text = text.map_err(|error| wrong(format!("cannot be read: {error}")))?;
        WebhookKey::parse(text.trim_end_matches(['\r', '\n'])).ok_or_else(|| {
            wrong("has to hold whsec_ and the base64 of 24 to 64 random bytes".to_owned())
        })
    }
}

impl Default for NotifySection {
    fn default() -> Self {
        Self {
            prefer_inbox: false,
            quiet: Span(Duration::from_mins(1)),
            quiet_per_app: Span(Duration::from_mins(10)),
            tries: NonZeroU32::new(6).unwrap_or(NonZeroU32::MIN),
            max_waiting: NonZeroU32::new(10_000).unwrap_or(NonZeroU32::MIN),
            keep: Span(Duration::from_hours(7 * 24)),
            webhook: Vec::new(),
        }
    }
}

fn every_event() -> Vec<NoticeEvent> {
    NoticeEvent::ALL.to_vec()
}

/// Nobody reads an answer beyond its status.
const MAX_ANSWER: usize = 64 * 1024;
const LONGEST_QUIET: Duration = Duration::from_hours(24);

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(text: &str) -> Result<Vec<Webhook>, String> {
        let section: NotifySection = toml::from_str(text).map_err(|error| error.to_string())?;
        section.policy()?;
        section.webhooks()
    }

    #[test]
    fn a_webhook_has_an_https_url_and_a_secret_of_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("secret");
        std::fs::write(&file, format!("whsec_{}\n", "QUFB".repeat(8))).unwrap();
        let with = |url: &str, more: &str| {
            let secret = format!("secret_file = {file:?}");
            judge(&format!(
                "{more}\n[[webhook]]\nname = 'a'\nurl = {url:?}\n{secret}"
            ))
        };
        for url in ["https://pager.example/hook", "http://127.0.0.1:9000/"] {
            assert_eq!(with(url, "prefer_inbox = true").map(|all| all.len()), Ok(1));
        }
        for url in [
            "http://pager.example/",
            "https://me:secret@pager.example/",
            "https://169.254.169.254/",
        ] {
            let refused = with(url, "").unwrap_err();
            assert!(refused.contains("notify.webhook \"a\": url"), "{refused}");
        }
        let long = with("https://pager.example/", "quiet = '2d'").unwrap_err();
        assert!(long.contains("notify.quiet"), "{long}");
        std::fs::write(&file, "hunter2").unwrap();
        let refused = with("https://pager.example/", "").unwrap_err();
        assert!(refused.contains("whsec_"), "{refused}");
        assert!(!refused.contains("hunter2"), "{refused}");
    }

    #[test]
    fn the_inbox_is_preferred_only_where_somebody_is_told() {
        let refused = judge("prefer_inbox = true").unwrap_err();
        assert!(refused.contains("notify.prefer_inbox"), "{refused}");
        assert!(judge("").is_ok());
    }
}
