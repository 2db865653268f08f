//! `[notify]`: telling people what waits for them (AAP §7.2).

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use procura_agent_auth::notice::{NoticeEvent, NoticePolicy, Receiver, Unheeded, Way};
use procura_fetch::{FetchPolicy, Fetcher};
use serde::Deserialize;
use url::Url;

use super::smtp::SmtpSection;
use super::span::{CountPer, Span};
use crate::notify::mail::{self, Mail};
use crate::notify::push;
use crate::notify::webhook::{Webhook, WebhookKey};

/// The section.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct NotifySection {
    prefer_inbox: bool,
    quiet: Span,
    quiet_per_app: Option<Span>,
    unheeded_per_app: CountPer,
    tries: NonZeroU32,
    max_waiting: NonZeroU32,
    keep: Span,
    webhook: Vec<WebhookSection>,
    smtp: Option<SmtpSection>,
    push: Option<PushSection>,
}

/// `[notify.push]`: messages to browsers through their push services.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PushSection {
    contact: Url,
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
    /// `expires_in` is how long a request waits for its answer.
    pub(super) fn policy(&self, expires_in: Duration) -> Result<NoticePolicy, String> {
        let webhooks = self.webhook.iter().map(|webhook| Receiver {
            name: webhook.name.clone(),
            events: webhook.events.clone(),
            way: Way::Service,
        });
        let mail = self.smtp.iter().map(|smtp| Receiver {
            name: mail::NAME.to_owned(),
            events: smtp.events(),
            way: Way::Mail,
        });
        let push = self.push.iter().map(|_| Receiver {
            name: push::NAME.to_owned(),
            events: vec![NoticeEvent::InboxWaiting],
            way: Way::Push,
        });
        let receivers: Vec<_> = webhooks.chain(mail).chain(push).collect();
        let mut events = receivers.iter().flat_map(|one| &one.events);
        let reaches_people = events.any(|event| *event == NoticeEvent::InboxWaiting);
        if self.prefer_inbox && !reaches_people {
            return Err(
                "notify.prefer_inbox: nobody is told of inbox.waiting; add [notify.smtp], [notify.push] or a [[notify.webhook]]"
                    .to_owned(),
            );
        }
        if self.quiet.0.max(self.unheeded_per_app.1) > LONGEST_QUIET {
            return Err(
                "notify.quiet and the time of notify.unheeded_per_app: at most 1d".to_owned(),
            );
        }
        if self
            .quiet_per_app
            .is_some_and(|quiet| quiet.0 >= expires_in)
        {
            return Err("notify.quiet_per_app: has to be shorter than approval.expires_in, or a second request ends before anybody is told of it".to_owned());
        }
        let usual = QUIET_PER_APP.min(expires_in / 2);
        Ok(NoticePolicy {
            receivers,
            prefers_inbox: self.prefer_inbox,
            quiet: self.quiet.0,
            quiet_per_app: self.quiet_per_app.map_or(usual, |quiet| quiet.0),
            unheeded: Unheeded {
                count: self.unheeded_per_app.0,
                per: self.unheeded_per_app.1,
            },
            tries: self.tries.get(),
            max_waiting: self.max_waiting.get(),
            keep: self.keep.0,
        })
    }

    pub(super) fn webhooks(&self) -> Result<Vec<Webhook>, String> {
        let mut names = BTreeSet::from([mail::NAME, push::NAME].map(str::to_owned));
        let judge = |section: &WebhookSection| {
            let about = |problem| format!("notify.webhook {:?}: {problem}", section.name);
            if section.name.trim().is_empty() || !names.insert(section.name.clone()) {
                return Err(about("name: has to be there, and used once".to_owned()));
            }
            section.judge().map_err(about)
        };
        self.webhook.iter().map(judge).collect()
    }

    /// Whom push services turn to, if messages go through them.
    pub(super) fn push_contact(&self) -> Result<Option<String>, String> {
        let contact = self.push.as_ref().map(|push| &push.contact);
        match contact {
            Some(url) if !matches!(url.scheme(), "mailto" | "https") => {
                Err("notify.push.contact: has to be a mailto: or https: URL".to_owned())
            }
            other => Ok(other.map(Url::to_string)),
        }
    }

    /// `password` is what the environment says.
    pub(super) fn mail(&self, password: Option<&str>) -> Result<Option<Box<Mail>>, String> {
        let smtp = self.smtp.as_ref();
        smtp.map(|smtp| smtp.judge(password).map(Box::new))
            .transpose()
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
            quiet_per_app: None,
            unheeded_per_app: CountPer(THREE, Duration::from_hours(1)),
            tries: NonZeroU32::new(6).unwrap_or(NonZeroU32::MIN),
            max_waiting: NonZeroU32::new(10_000).unwrap_or(NonZeroU32::MIN),
            keep: Span(Duration::from_hours(7 * 24)),
            webhook: Vec::new(),
            smtp: None,
            push: None,
        }
    }
}

fn every_event() -> Vec<NoticeEvent> {
    NoticeEvent::ALL.to_vec()
}

/// Nobody reads an answer beyond its status.
const MAX_ANSWER: usize = 64 * 1024;
const QUIET_PER_APP: Duration = Duration::from_mins(2);
const THREE: NonZeroU32 = NonZeroU32::MIN.saturating_add(2);
const LONGEST_QUIET: Duration = Duration::from_hours(24);

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(text: &str) -> Result<Vec<Webhook>, String> {
        let section: NotifySection = toml::from_str(text).map_err(|error| error.to_string())?;
        section.policy(Duration::from_mins(5))?;
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
        let late = with("https://pager.example/", "quiet_per_app = '5m'").unwrap_err();
        assert!(late.contains("notify.quiet_per_app"), "{late}");
        std::fs::write(&file, "hunter2").unwrap();
        let refused = with("https://pager.example/", "").unwrap_err();
        assert!(refused.contains("whsec_"), "{refused}");
        assert!(!refused.contains("hunter2"), "{refused}");
    }

    #[test]
    fn push_services_are_told_whom_to_turn_to() {
        let contact = |text: &str| {
            let section: NotifySection = toml::from_str(text).unwrap();
            section.push_contact()
        };
        assert_eq!(contact(""), Ok(None));
        let named = contact("push = { contact = 'mailto:ops@bank.example' }");
        assert_eq!(named, Ok(Some("mailto:ops@bank.example".to_owned())));
        let refused = contact("push = { contact = 'tel:1' }").unwrap_err();
        assert!(refused.contains("notify.push.contact"), "{refused}");
    }

    #[test]
    fn an_app_is_quiet_for_less_time_than_a_request_waits() {
        for (expires_in, expected) in [(60, 30), (300, 120), (3600, 120)] {
            let policy = NotifySection::default().policy(Duration::from_secs(expires_in));
            let quiet = policy.unwrap().quiet_per_app;
            assert_eq!(quiet, Duration::from_secs(expected));
        }
    }

    #[test]
    fn the_inbox_is_preferred_only_where_somebody_is_told() {
        let refused = judge("prefer_inbox = true").unwrap_err();
        assert!(refused.contains("notify.prefer_inbox"), "{refused}");
        assert!(judge("").is_ok());
    }
}
