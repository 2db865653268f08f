//! Telling people that requests wait for them (§7.2): whom, when, and how often at most.
//!
//! A notice goes to one receiver (a webhook, say) for one audience. What is asked for while one waits to be sent
//! joins it, and a new one waits out the quiet periods of its audience and of the app. An app whose requests are left
//! or denied is announced only so often. So nobody is worn down by an app that asks and asks, and who approves what
//! an app asks for hears of the next request in time.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use procura_keys::clock::Timestamp;
use serde::{Deserialize, Serialize};

use crate::approval::{Approval, Channel};
use crate::id::{AgentId, ApprovalId, HostId, NoticeId, UserId};
use crate::request::ApproverKind;

/// A notice, with what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Its identifier, the same at each attempt.
    pub id: NoticeId,
    /// What the server calls the way it goes.
    pub receiver: String,
    /// For whom it is.
    pub audience: Audience,
    /// What waits, at most [`MAX_REQUESTS`] of it.
    pub requests: Vec<WaitingRequest>,
    /// Where it stands.
    pub state: NoticeState,
    /// How often it was sent.
    pub attempts: u32,
    /// When it is sent for the first time; quiet periods count from here.
    pub planned_at: Timestamp,
    /// When it is sent next.
    pub due_at: Timestamp,
    /// Why the latest attempt failed.
    pub error: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Who is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// The person in whose inbox something waits.
    Person(UserId),
    /// Whoever runs the server.
    Administrators,
}

/// What a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum NoticeEvent {
    /// Something waits in a person's inbox.
    #[serde(rename = "inbox.waiting")]
    InboxWaiting,
    /// Something waits for an administrator.
    #[serde(rename = "desk.waiting")]
    DeskWaiting,
}

/// A request that a notice is about: identifiers, and nothing that approves or that a stranger wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingRequest {
    /// The request.
    pub approval_id: ApprovalId,
    /// The app that asks.
    pub host_id: HostId,
    /// Its agent.
    pub agent_id: AgentId,
}

/// Where a notice stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeState {
    /// It is still to be sent.
    Waiting,
    /// It was taken.
    Delivered,
    /// It was never taken, and is not sent again.
    Dead,
    /// All it was about had been answered, or had run out, before it was sent.
    Dropped,
}

/// How often people are told at most, and how often a notice is tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoticePolicy {
    /// Where notices go.
    pub receivers: Vec<Receiver>,
    /// Whether a request goes to an inbox where the client has no preference.
    pub prefers_inbox: bool,
    /// The time between two notices to one audience.
    pub quiet: Duration,
    /// The time between two notices to one audience because of one app. Shorter than a request waits for its answer,
    /// or a second one would end before anybody is told of it.
    pub quiet_per_app: Duration,
    /// How many notices because of one app an audience may leave unapproved before it is told of that app no more.
    pub unheeded: Unheeded,
    /// How often a notice is sent before it is dead.
    pub tries: u32,
    /// How many notices may wait for one receiver. More are not made.
    pub max_waiting: u32,
    /// For how long notices are kept that are no longer waiting.
    pub keep: Duration,
}

/// So many notices because of one app that led to no approval, in such a time. Until the first of them is as old as
/// that, what the app asks for waits without a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unheeded {
    /// How many.
    pub count: NonZeroU32,
    /// In which time.
    pub per: Duration,
}

/// A way that notices go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receiver {
    /// What the server calls it.
    pub name: String,
    /// What it is told of.
    pub events: Vec<NoticeEvent>,
    /// How it gets there.
    pub way: Way,
}

/// How notices get to whom they are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By a service of the operator's, whose business it is whom it tells.
    Service,
    /// To a person's address, unless they want no e-mail.
    Mail,
    /// To the devices that a person chose.
    Push,
}

/// Why an attempt to send a notice failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undelivered {
    /// In words for the delivery log, without secrets.
    pub why: String,
    /// Whether another attempt would fail as well.
    pub for_good: bool,
}

impl Audience {
    /// Who is told of a request. Nobody is told of one with a code: its client shows it to its person.
    pub fn of(approval: &Approval) -> Option<Self> {
        match (&approval.channel, approval.approver) {
            (Channel::Inbox { user_id }, _) => Some(Self::Person(user_id.clone())),
            (Channel::Custom { .. }, _) | (_, ApproverKind::Administrator) => {
                Some(Self::Administrators)
            }
            (Channel::Code { .. }, ApproverKind::Person) => None,
        }
    }

    /// What a notice to them is about.
    pub fn event(&self) -> NoticeEvent {
        match self {
            Self::Person(_) => NoticeEvent::InboxWaiting,
            Self::Administrators => NoticeEvent::DeskWaiting,
        }
    }

    /// The person, if it is one.
    pub fn user_id(&self) -> Option<&UserId> {
        match self {
            Self::Person(id) => Some(id),
            Self::Administrators => None,
        }
    }
}

impl NoticeEvent {
    /// Every event.
    pub const ALL: [Self; 2] = [Self::InboxWaiting, Self::DeskWaiting];

    /// The form on the wire, in the configuration and in storage.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InboxWaiting => "inbox.waiting",
            Self::DeskWaiting => "desk.waiting",
        }
    }
}

impl NoticeState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Delivered, Self::Dead, Self::Dropped];

    /// The storage form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
            Self::Dropped => "dropped",
        }
    }
}

impl WaitingRequest {
    /// How a request is named in notices.
    pub fn of(approval: &Approval) -> Self {
        Self {
            approval_id: approval.id.clone(),
            host_id: approval.host_id.clone(),
            agent_id: approval.agent_id.clone(),
        }
    }
}

impl NoticePolicy {
    /// How far back notices matter for when the next one goes.
    pub fn longest_quiet(&self) -> Duration {
        self.quiet.max(self.quiet_per_app).max(self.unheeded.per)
    }

    /// When the next notice because of `host` may go, after the `recent` ones to the same receiver and audience.
    fn next_at(&self, recent: &Recent<'_>, host: &HostId, now: Timestamp) -> Timestamp {
        let sent = recent.notices.iter().filter(|notice| notice.was_sent());
        let (because_of_it, others): (Vec<_>, Vec<_>) = sent.partition(|one| one.names(host));
        let end = |notice: &&Notice, quiet: Duration| notice.planned_at.plus(quiet);
        let longer = self.quiet.max(self.quiet_per_app);
        let ends = others.iter().map(|notice| end(notice, self.quiet));
        let ends = ends.chain(because_of_it.iter().map(|notice| end(notice, longer)));
        let next = ends.fold(now, Timestamp::max);

        let unheeded = because_of_it
            .iter()
            .filter(|one| !recent.led_to_approval(one, host));
        let mut planned: Vec<_> = unheeded.map(|notice| notice.planned_at).collect();
        planned.sort_unstable_by(|a, b| b.cmp(a));
        let allowed = usize::try_from(self.unheeded.count.get()).unwrap_or(usize::MAX);
        let first = planned.get(allowed - 1);
        first.map_or(next, |first| next.max(first.plus(self.unheeded.per)))
    }
}

impl Notice {
    /// Whether it still takes requests in: from its first attempt on, what it says is fixed.
    pub fn is_open(&self) -> bool {
        self.state == NoticeState::Waiting && self.attempts == 0
    }

    /// Whether it bothered anybody, or does so now.
    fn was_sent(&self) -> bool {
        self.state != NoticeState::Dropped && !self.is_open()
    }

    /// Whether it is about a request of this app.
    pub fn names(&self, host: &HostId) -> bool {
        self.requests.iter().any(|request| request.host_id == *host)
    }

    /// Begins an attempt at `now`. Until `lease` has passed, nobody else begins another.
    pub fn attempt(&mut self, lease: Duration, now: Timestamp) {
        self.attempts += 1;
        self.due_at = now.plus(lease);
        self.updated_at = now;
    }

    /// Notes how an attempt went.
    pub fn settle(&mut self, outcome: Result<(), Undelivered>, tries: u32, now: Timestamp) {
        self.state = match &outcome {
            Ok(()) => NoticeState::Delivered,
            Err(error) if error.for_good || self.attempts >= tries => NoticeState::Dead,
            Err(_) => NoticeState::Waiting,
        };
        self.error = outcome.err().map(|error| error.why);
        self.due_at = now.plus(pause_after(self.attempts));
        self.updated_at = now;
    }
}

/// What a new request means for the notices of one receiver and audience.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// A new notice.
    Insert(Notice),
    /// A change of one that is not sent yet.
    Update(Notice),
}

/// The notices to one receiver and audience that were planned for the longest quiet period before now, or for later.
#[derive(Clone, Copy, Debug)]
pub struct Recent<'a> {
    /// The notices.
    pub notices: &'a [Notice],
    /// The requests of the app that asks now, among those that they name, that were approved.
    pub approved: &'a BTreeSet<ApprovalId>,
}

impl Recent<'_> {
    /// Whether what a notice said of an app was welcome.
    fn led_to_approval(&self, notice: &Notice, host: &HostId) -> bool {
        let mut requests = notice.requests.iter();
        requests.any(|one| one.host_id == *host && self.approved.contains(&one.approval_id))
    }
}

/// Plans a notice about a request.
pub fn plan(
    recent: Recent<'_>,
    approval: &Approval,
    new: NewNotice<'_>,
    policy: &NoticePolicy,
    now: Timestamp,
) -> Plan {
    let request = WaitingRequest::of(approval);
    let at = policy.next_at(&recent, &approval.host_id, now);
    if let Some(open) = recent.notices.iter().find(|notice| notice.is_open()) {
        let mut notice = open.clone();
        if notice.requests.len() < MAX_REQUESTS {
            notice.requests.push(request);
        }
        notice.planned_at = notice.planned_at.min(at);
        notice.due_at = notice.planned_at;
        notice.updated_at = now;
        return Plan::Update(notice);
    }
    Plan::Insert(Notice {
        id: new.id,
        receiver: new.receiver.to_owned(),
        audience: new.audience.clone(),
        requests: vec![request],
        state: NoticeState::Waiting,
        attempts: 0,
        planned_at: at,
        due_at: at,
        error: None,
        created_at: now,
        updated_at: now,
    })
}

/// What a new notice is made of.
#[derive(Clone, Debug)]
pub struct NewNotice<'a> {
    /// Its identifier.
    pub id: NoticeId,
    /// The way it goes.
    pub receiver: &'a str,
    /// For whom it is.
    pub audience: &'a Audience,
}

/// How long to wait after so many failed attempts: 10 seconds, then four times as long each time, up to an hour.
fn pause_after(attempts: u32) -> Duration {
    let times = 4_u32.saturating_pow(attempts.saturating_sub(1));
    FIRST_PAUSE.saturating_mul(times).min(LONGEST_PAUSE)
}

/// How many requests a notice names. Whoever reads it looks into the inbox anyway.
pub const MAX_REQUESTS: usize = 50;
const FIRST_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

#[cfg(test)]
mod tests;
