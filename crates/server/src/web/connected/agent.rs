//! `/agents/{id}`: one agent: what it may do, what it waits for, what it did.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect};
use http::StatusCode;
use procura_agent_auth::agent::AgentStatus;
use procura_agent_auth::approval::{Approval, Channel, Purpose};
use procura_agent_auth::grant::{Actor, GrantState, GrantStatus, Uses};
use procura_agent_auth::id::AgentId;
use procura_keys::clock::Timestamp;
use procura_service::agent_auth::connected::rename::{Label, rename_agent};
use procura_service::agent_auth::connected::{self, HeldGrant, activity};
use procura_service::people::SignedIn;

use super::app::Rename;
use super::done::Done;
use super::events::EventRow;
use super::rows::{AgentLine, AppCard, Confirm, Tag};
use super::{Answer, id, refused};
use crate::app::App;
use crate::web::form::{Fields, Form, Query};
use crate::web::limit;
use crate::web::notice::Notice;
use crate::web::page::{Place, Shell, page};
use crate::web::signed::Signed;
use crate::web::text::visible;
use crate::web::when;
use crate::web::words::say;

/// `GET /agents/{id}`.
pub(super) async fn show(
    State(app): State<App>,
    Signed(person): Signed,
    Path(reference): Path<String>,
    Query(query): Query,
) -> Answer {
    let agent = id(&reference, &person)?;
    let shown = AgentPage::load(&app, &person, &agent, &query).await?;
    Ok(page(&shown))
}

/// `POST /agents/{id}/rename`.
pub(super) async fn rename(
    State(app): State<App>,
    Signed(person): Signed,
    Path(reference): Path<String>,
    Form(form): Form,
) -> Answer {
    let agent: AgentId = id(&reference, &person)?;
    match form.text("label").parse::<Label>() {
        Ok(label) => {
            let renamed = rename_agent(&app.ctx, &person, &agent, &label).await;
            renamed.map_err(|error| refused(error, &person))?;
            let query = Done::Renamed.query();
            let target = format!("{}/agents/{agent}{query}", app.base_path());
            Ok(Redirect::to(&target).into_response())
        }
        Err(problem) => {
            let mut again = AgentPage::load(&app, &person, &agent, &Fields::default()).await?;
            again.rename = Rename::again(form.text("label"), problem.to_string());
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page(&again)).into_response())
        }
    }
}

#[derive(Template)]
#[template(path = "connected/agent.html")]
struct AgentPage {
    shell: Shell,
    done: Option<&'static str>,
    app: AppCard,
    agent: AgentLine,
    is_live: bool,
    /// Why it cannot act, where that needs saying.
    ended: Option<&'static str>,
    registered: String,
    grants: Vec<GrantLine>,
    requests: Vec<RequestLine>,
    events: Vec<EventRow>,
    /// Whether the latest events are shown.
    is_newest: bool,
    /// Where to find older ones.
    older: Option<String>,
    rename: Rename,
    stop: Option<Confirm>,
}

impl AgentPage {
    async fn load(
        app: &App,
        person: &SignedIn,
        id: &AgentId,
        query: &Fields,
    ) -> Result<Self, Notice> {
        let before = query.text("before").parse::<i64>().ok();
        let found = connected::find_agent(&app.ctx, person, id).await;
        let found = found.map_err(|error| refused(error, person))?;
        let told = activity::of_agent(&app.ctx, person, id, before).await;
        let told = told.map_err(|error| refused(error, person))?;
        let (now, status) = (app.ctx.now(), found.own.status);
        let reader = person.person.id.0.as_str();
        let event = |event| EventRow::new(event, reader, now);
        let is_live = is_live(status);
        Ok(Self {
            shell: Shell::new(app, Some(person)).at(Place::Apps),
            done: Done::read(query.text("done")),
            app: AppCard::new(&found.app, now),
            agent: AgentLine::new(&found.own, now),
            is_live,
            ended: ended(status),
            registered: when::ago(found.own.agent.created_at, now),
            grants: grant_lines(&found.grants, is_live, reader, now),
            requests: request_lines(&found.requests, now),
            events: told.events.iter().map(event).collect(),
            is_newest: before.is_none(),
            older: told.before.map(|before| format!("?before={before}")),
            rename: Rename::of(found.own.label.as_deref()),
            stop: is_live.then(|| stop(id)),
        })
    }
}

fn is_live(status: AgentStatus) -> bool {
    matches!(
        status,
        AgentStatus::Pending | AgentStatus::Active | AgentStatus::Expired
    )
}

fn ended(status: AgentStatus) -> Option<&'static str> {
    match status {
        AgentStatus::Expired => {
            Some("Its time is over. It can do nothing until it asks to go on and you agree.")
        }
        AgentStatus::Claimed => Some(
            "It acted on its own before you connected its app. It ended then; what it did is listed here.",
        ),
        _ => None,
    }
}

fn stop(id: &AgentId) -> Confirm {
    Confirm {
        ask: "Stop this agent",
        what: None,
        consequence: "It ends at once and for good: its next call is refused. The app stays connected.",
        yes: "Yes, stop it",
        path: format!("/agents/{id}/revoke"),
        is_small: false,
    }
}

/// One capability that the agent has, asks for, or had.
struct GrantLine {
    name: String,
    description: String,
    limits: Vec<String>,
    /// Who decided, and when.
    by: String,
    ends: Option<String>,
    /// How often it may still be used, where that is bounded.
    uses: Option<String>,
    status: Tag,
    revoke: Option<Confirm>,
}

/// Those that count first, then the others, each newest first.
fn grant_lines(held: &[HeldGrant], is_live: bool, reader: &str, now: Timestamp) -> Vec<GrantLine> {
    let counts = |one: &&HeldGrant| is_live && one.grant.is_effective(now);
    let (now_held, others): (Vec<_>, Vec<_>) = held.iter().rev().partition(counts);
    let line = |one| GrantLine::new(one, is_live, reader, now);
    let shown = now_held.into_iter().chain(others).take(MAX_GRANTS);
    shown.map(line).collect()
}

impl GrantLine {
    fn new(held: &HeldGrant, is_live: bool, reader: &str, now: Timestamp) -> Self {
        let grant = &held.grant;
        let effective = is_live && grant.is_effective(now);
        let name = visible(grant.capability.as_str());
        Self {
            description: visible(&held.description),
            limits: held.limits.iter().map(limit::sentence).collect(),
            by: decided(held, reader, now),
            ends: grant.expires_at.map(|end| end_of(end, now)),
            uses: grant.uses.map(uses_left),
            status: state(grant.state.status(), effective),
            revoke: effective.then(|| Confirm {
                ask: "Take back",
                what: Some(name.clone()),
                consequence: "The agent cannot do this any more, starting with its next call. It can ask again.",
                yes: "Yes, take it back",
                path: format!("/grants/{}/revoke", grant.id),
                is_small: true,
            }),
            name,
        }
    }
}

fn end_of(end: Timestamp, now: Timestamp) -> String {
    let words = if now < end {
        say("ends in {span}").with("span", when::span(end.since(now)))
    } else {
        say("ended {ago}").with("ago", when::ago(end, now))
    };
    words.to_string()
}

fn uses_left(uses: Uses) -> String {
    say("{left} of {allowed} uses left")
        .with("left", uses.left())
        .with("allowed", uses.allowed())
        .to_string()
}

fn state(status: GrantStatus, effective: bool) -> Tag {
    match status {
        GrantStatus::Active if effective => Tag::new("granted", "good"),
        GrantStatus::Pending => Tag::new("waiting", "watch"),
        GrantStatus::Denied => Tag::new("denied", "bad"),
        GrantStatus::Withdrawn => Tag::new("taken back", "bad"),
        GrantStatus::Active | GrantStatus::Revoked => Tag::new("ended", ""),
    }
}

fn decided(held: &HeldGrant, reader: &str, now: Timestamp) -> String {
    let grant = &held.grant;
    let at = when::ago(grant.updated_at, now);
    let (words, by) = match &grant.state {
        GrantState::Active { granted_by } => ("granted by {who} {ago}", granted_by),
        GrantState::Denied { denied_by } => ("denied by {who} {ago}", denied_by),
        GrantState::Withdrawn { withdrawn_by } => ("taken back by {who} {ago}", withdrawn_by),
        GrantState::Pending { .. } => {
            let asked = when::ago(grant.created_at, now);
            return say("asked for {ago}").with("ago", asked).to_string();
        }
        GrantState::Revoked => return say("ended {ago}").with("ago", at).to_string(),
    };
    let who = match by {
        Actor::User(id) if id.0 == reader => "you",
        Actor::User(_) => "somebody else",
        Actor::Administrator(_) => "an administrator",
        Actor::Policy => "the rules of the server",
    };
    let words = say(words).with("who", say(who));
    words.with("ago", at).to_string()
}

/// One request that waits.
struct RequestLine {
    what: &'static str,
    /// How it can be answered.
    how: String,
    /// Where, if it is in the person's inbox.
    path: Option<String>,
}

fn request_lines(requests: &[Approval], now: Timestamp) -> Vec<RequestLine> {
    requests
        .iter()
        .map(|request| {
            let ends = when::span(request.expires_at.since(now));
            let (how, path) = match &request.channel {
                Channel::Inbox { .. } => (
                    say("In your inbox, for {span}"),
                    Some(format!("/inbox/{}", request.id)),
                ),
                Channel::Custom { .. } => (say("An administrator decides, for {span}"), None),
                Channel::Code { .. } => (say("With the code that the app shows, for {span}"), None),
            };
            let what = match request.purpose {
                Purpose::Registration => "To act for you",
                Purpose::Capabilities => "To do more",
                Purpose::Reactivation => "To go on",
            };
            let how = how.with("span", ends).to_string();
            RequestLine { what, how, path }
        })
        .collect()
}

/// How many grants the page shows. Those that count come first.
const MAX_GRANTS: usize = 100;
