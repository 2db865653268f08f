//! Waiting for somebody to decide (§7): what to show them, and asking the server whether they have.

mod notification;

use std::time::Duration;

use procura_agent_auth::wire::approval::{ApprovalObject, DEVICE_AUTHORIZATION};
use procura_fetch::FetchPolicy;
use procura_keys::clock::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;

use self::notification::notification_url;
use crate::answer::{AgentStanding, DENIED, PENDING, REJECTED, StatusAnswer};
use crate::client::Client;
use crate::error::{CallerError, ClientError, NotApproved, Reaction};
use crate::profile::Connection;
use crate::provider::Provider;

/// An agent or grants that wait for a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The agent.
    pub agent_id: String,
    /// What to show to the person who decides.
    pub approval: Approval,
    /// What is waited for.
    pub awaited: Awaited,
}

/// What is waited for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Awaited {
    /// The agent as a whole.
    Agent,
    /// Grants of these capabilities.
    Grants(Vec<String>),
}

/// How to reach the person who decides. Its URLs have been checked; its texts are the server's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// `device_authorization`, where the person goes to a page, or `ciba`, where the server asks them itself.
    pub method: String,
    /// Where the person goes. Show all of it, so that they can see the domain (§8.12).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification_uri: Option<Url>,
    /// The same with the code filled in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification_uri_complete: Option<Url>,
    /// What they type there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_code: Option<String>,
    /// What the server shows them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding_message: Option<String>,
    /// Where the server tells of the decision at once. A secret: whoever has it can listen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) notification_url: Option<Box<Url>>,
    /// When it is too late: as the server says, and a day from the request at the latest.
    pub expires_at: Timestamp,
    /// Least seconds between two questions.
    pub interval: u64,
    /// Whether the page is on another origin than the issuer. Warn about it before anybody signs in there.
    #[serde(default)]
    pub is_elsewhere: bool,
    /// What is waited for.
    pub(crate) awaited: Awaited,
}

/// What happens while waiting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nobody has decided yet.
    StillPending {
        /// How long there is left.
        remaining: Duration,
    },
    /// The server could not be asked, or wants to be asked less often.
    AskingLater {
        /// After this long.
        after: Duration,
        /// Why.
        reason: String,
    },
}

impl Client {
    /// Asks the server, no faster than it allows, until somebody has decided or it is too late. Returns where
    /// the agent stands once it is active, or once none of the awaited grants is pending any more.
    ///
    /// Where the server offers a stream of notifications, the client listens to that and asks when it speaks
    /// (§10.10.2).
    ///
    /// A denial is final for this request: asking again is for whoever the agent works for to decide.
    pub async fn wait_for_approval(
        &self,
        pending: &Pending,
        progress: &mut (dyn FnMut(&Progress) + Send),
    ) -> Result<AgentStanding, ClientError> {
        let connection = self.profile.connection(&pending.agent_id)?;
        let provider = self.provider_of(&connection).await?;
        let mut pace = Pace::new(pending.approval.interval);
        let mut listening = self.listen(pending).await;
        loop {
            self.pause_or_news(&mut listening, pace.next()).await;
            let asked_at = self.now();
            let answer = self.ask_status(&provider, &connection).await;
            let report = match answer {
                Ok(answer) if is_decided(&answer, &pending.awaited) => {
                    return self.decided(&connection, answer, &pending.awaited);
                }
                Ok(_) => {
                    pace.answered();
                    let remaining = pending.approval.expires_at.since(asked_at);
                    Progress::StillPending { remaining }
                }
                Err(error) => {
                    let after = pace.failed(&error);
                    let reason = error.to_string();
                    let Some(after) = after else {
                        return Err(self.ended(&connection, error)?);
                    };
                    Progress::AskingLater { after, reason }
                }
            };
            if asked_at >= pending.approval.expires_at {
                return Err(NotApproved::Expired.into());
            }
            progress(&report);
        }
    }

    /// What a connected agent waits for, to go on waiting in another process.
    pub fn pending(&self, agent: &str) -> Result<Pending, ClientError> {
        let connection = self.profile.connection(agent)?;
        let Some(approval) = connection.approval else {
            return Err(CallerError::NotWaiting(connection.agent_id).into());
        };
        Ok(Pending {
            agent_id: connection.agent_id,
            awaited: approval.awaited.clone(),
            approval,
        })
    }

    /// Reads an approval object: a known method, and URLs that may be shown.
    pub(crate) fn approval(
        &self,
        provider: &Provider,
        object: ApprovalObject,
        awaited: Awaited,
    ) -> Result<Approval, ClientError> {
        let now = self.now();
        let policy = self.url_policy();
        let page = |text| page(provider, text, &policy);
        let verification_uri = page(object.verification_uri)?;
        let verification_uri_complete = page(object.verification_uri_complete)?;
        let pages = verification_uri.iter().chain(&verification_uri_complete);
        let issuer = provider.issuer_url();
        let issuer =
            issuer.map_err(|defect| ClientError::bad_provider(provider.issuer(), defect))?;
        let mut foreign = pages.filter(|page| page.origin() != issuer.origin());
        let is_elsewhere = foreign.next().is_some();
        Ok(Approval {
            method: object.method,
            verification_uri,
            verification_uri_complete,
            user_code: object.user_code,
            binding_message: object.binding_message,
            notification_url: notification_url(object.notification_url, &issuer).map(Box::new),
            expires_at: now.plus(Duration::from_secs(object.expires_in).min(MAX_WAIT)),
            interval: object.interval,
            is_elsewhere,
            awaited,
        })
    }

    fn decided(
        &self,
        connection: &Connection,
        answer: StatusAnswer,
        awaited: &Awaited,
    ) -> Result<AgentStanding, ClientError> {
        if answer.status == REJECTED {
            self.profile.remove(&connection.agent_key)?;
            let reason = answer
                .agent_capability_grants
                .iter()
                .find(|it| it.status == DENIED);
            let reason = reason.and_then(|grant| grant.reason.clone());
            return Err(NotApproved::Denied { reason }.into());
        }
        let mut standing = self.keep_status(connection, answer)?;
        if let Awaited::Grants(names) = awaited {
            let is_awaited = |name: &str| names.iter().any(|it| it == name);
            standing
                .grants
                .retain(|grant| is_awaited(grant.capability.as_str()));
        }
        Ok(standing)
    }

    /// An error that ends the waiting, in terms of the approval where it is one.
    fn ended(
        &self,
        connection: &Connection,
        error: ClientError,
    ) -> Result<ClientError, ClientError> {
        let Some(refused) = error.refused() else {
            return Ok(error);
        };
        if refused.is("expired_token") {
            return Ok(NotApproved::Expired.into());
        }
        if refused.is("access_denied") || refused.is("agent_rejected") {
            self.profile.remove(&connection.agent_key)?;
            return Ok(NotApproved::Denied { reason: None }.into());
        }
        Ok(error)
    }
}

/// Refuses an approval this client cannot help with, rather than guess (§10.10.3).
pub(crate) fn require_known_method(approval: &Approval) -> Result<(), NotApproved> {
    match approval.method.as_str() {
        DEVICE_AUTHORIZATION | CIBA => Ok(()),
        other => Err(NotApproved::UnsupportedMethod(other.to_owned())),
    }
}

/// How fast to ask.
struct Pace {
    interval: Duration,
    delay: Duration,
    failures: u32,
}

impl Pace {
    fn new(interval: u64) -> Self {
        let interval = Duration::from_secs(interval.max(1)).min(LONGEST_INTERVAL);
        Self {
            interval,
            delay: interval,
            failures: 0,
        }
    }

    fn next(&self) -> Duration {
        self.delay
    }

    fn answered(&mut self) {
        self.failures = 0;
        self.delay = self.interval;
    }

    /// When to ask again after this error; never, if it will not pass by itself.
    fn failed(&mut self, error: &ClientError) -> Option<Duration> {
        let refused = error.refused();
        let passes = error.is_outage()
            || refused.is_some_and(|it| {
                matches!(
                    it.reaction(),
                    Reaction::RetryLater | Reaction::WaitForApproval
                )
            });
        if !passes {
            return None;
        }
        if refused.is_some_and(|it| it.is("slow_down")) {
            self.interval = self
                .interval
                .saturating_add(SLOW_DOWN)
                .min(LONGEST_INTERVAL);
        }
        let backoff = Duration::from_secs(1 << self.failures.min(MAX_DOUBLINGS));
        self.failures += 1;
        let stated = refused.and_then(|it| it.retry_after);
        let stated = stated.map(|stated| stated.min(LONGEST_INTERVAL));
        self.delay = self.interval.max(stated.unwrap_or(backoff));
        Some(self.delay)
    }
}

fn is_decided(answer: &StatusAnswer, awaited: &Awaited) -> bool {
    match awaited {
        Awaited::Agent => answer.status != PENDING,
        Awaited::Grants(names) => {
            let mut grants = answer.agent_capability_grants.iter();
            let waits = grants.any(|grant| {
                grant.status == PENDING && names.iter().any(|it| it == grant.capability.as_str())
            });
            // An agent that ended meanwhile will never see them decided.
            !waits || answer.status != crate::answer::ACTIVE
        }
    }
}

/// A page that may be shown: https, or http on this machine where that is allowed.
fn page(
    provider: &Provider,
    text: Option<String>,
    policy: &FetchPolicy,
) -> Result<Option<Url>, ClientError> {
    let Some(text) = text else { return Ok(None) };
    let url = Url::parse(&text)
        .ok()
        .filter(|url| policy.admit(url).is_ok());
    let bad = || {
        let reason = format!("its approval page {text:?} is not an https URL");
        ClientError::bad_answer(provider.issuer(), reason)
    };
    url.map(Some).ok_or_else(bad)
}

/// `method` when the server asks the person itself (§7.2).
const CIBA: &str = "ciba";
/// What `slow_down` adds to the interval (RFC 8628 §3.5).
const SLOW_DOWN: Duration = Duration::from_secs(5);
/// Nobody means to be asked less than once in an hour.
const LONGEST_INTERVAL: Duration = Duration::from_hours(1);
/// Nobody waits longer than this for one decision, whatever the server says.
const MAX_WAIT: Duration = Duration::from_hours(24);
/// The longest wait after failures: 64 s.
const MAX_DOUBLINGS: u32 = 6;

#[cfg(test)]
mod tests;
