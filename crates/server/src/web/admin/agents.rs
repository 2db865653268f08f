//! `/admin/agents`: all agents, and each of them.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use procura_agent_auth::agent::{AgentStatus, Mode};
use procura_agent_auth::id::{AgentId, HostId, UserId};
use procura_agent_auth::text::{MAX_NAME, clean};
use procura_keys::clock::Timestamp;
use procura_service::admin::AdminRequest;
use procura_service::administration::{self, Administrator, ListedAgent};
use procura_service::agent_auth::connected::HeldGrant;
use procura_store::Page;
use procura_store::search::AgentSearch;

use super::query::query;
use super::{Choice, Part, ROWS, choices, chosen, done, owner, page_of, shell};
use crate::app::App;
use crate::web::connected::done::Done;
use crate::web::connected::rows::{Confirm, NAMELESS, Tag, mode};
use crate::web::form::{Fields, Query};
use crate::web::limit;
use crate::web::notice::Notice;
use crate::web::page::{Shell, page};
use crate::web::signed::Admin;
use crate::web::text::visible;
use crate::web::when;
use crate::web::words::say;

/// `GET /admin/agents`.
pub(super) async fn show(
    State(app): State<App>,
    Admin(admin): Admin,
    Query(fields): Query,
) -> Result<Response, Notice> {
    let typed = fields.text("name").trim();
    if let Ok(id) = typed.parse::<AgentId>() {
        let target = format!("{}/admin/agents/{id}", app.base_path());
        return Ok(Redirect::to(&target).into_response());
    }
    let (search, problem) = read(&app, &admin, &fields).await?;
    let after = fields.text("after").parse::<AgentId>().ok();
    let limit = ROWS + 1;
    let mut found = match problem {
        None => {
            let page = Page { after, limit };
            administration::search_agents(&app.ctx, &admin, &search, page).await?
        }
        Some(_) => Vec::new(),
    };
    let next = page_of(&mut found).map(|last| {
        query(&[
            ("name", typed),
            ("person", fields.text("person")),
            ("app", fields.text("app")),
            ("status", fields.text("status")),
            ("mode", fields.text("mode")),
            ("after", last.agent.id.as_str()),
        ])
    });
    let now = app.ctx.now();
    Ok(page(&AgentsPage {
        shell: shell(&app, admin.person()),
        here: Part::Agents,
        name: typed.to_owned(),
        person: fields.text("person").to_owned(),
        app: fields.text("app").to_owned(),
        problem,
        statuses: choices(&STATUSES, search.status),
        modes: choices(&MODES, search.mode),
        rows: found.iter().map(|one| AgentRow::new(one, now)).collect(),
        next,
    }))
}

/// What is looked for, and what cannot be.
async fn read(
    app: &App,
    admin: &Administrator,
    fields: &Fields,
) -> Result<(AgentSearch, Option<&'static str>), Notice> {
    let mut search = AgentSearch {
        name: clean(fields.text("name"), MAX_NAME),
        status: chosen(&STATUSES, fields.text("status")),
        mode: chosen(&MODES, fields.text("mode")),
        host_id: fields.text("app").parse::<HostId>().ok(),
        user_id: None,
    };
    let person = fields.text("person").trim();
    if person.is_empty() {
        return Ok((search, None));
    }
    let found = match person.parse() {
        Ok(email) => administration::find_person(&app.ctx, admin, &email).await?,
        Err(_) => None,
    };
    search.user_id = found.map(|person| UserId(person.id.0));
    let unknown = search.user_id.is_none();
    Ok((search, unknown.then_some("Nobody has this address.")))
}

/// `GET /admin/agents/{id}`.
pub(super) async fn show_one(
    State(app): State<App>,
    Admin(admin): Admin,
    Path(reference): Path<String>,
    Query(fields): Query,
) -> Result<Response, Notice> {
    let unknown = || Notice::not_found().to(admin.person());
    let id = reference.parse::<AgentId>().map_err(|_| unknown())?;
    let found = administration::find_agent(&app.ctx, &admin, &id).await?;
    let (agent, grants) = found.ok_or_else(unknown)?;
    let now = app.ctx.now();
    let is_live = agent.status.require_active().is_ok()
        || matches!(agent.status, AgentStatus::Pending | AgentStatus::Expired);
    Ok(page(&AgentPage {
        shell: shell(&app, admin.person()),
        here: Part::Agents,
        done: Done::read(fields.text("done")),
        created: when::ago(agent.agent.created_at, now),
        grants: grants.iter().rev().map(GrantRow::new).collect(),
        stop: is_live.then(|| Confirm {
            ask: "Stop this agent",
            what: None,
            consequence: "It ends at once and for good, whomever it acts for. Its next call is refused.",
            yes: "Yes, stop it",
            path: format!("/admin/agents/{id}/revoke"),
            is_small: false,
        }),
        agent: AgentRow::new(&agent, now),
    }))
}

/// `POST /admin/agents/{id}/revoke`.
pub(super) async fn revoke(
    State(app): State<App>,
    Admin(admin): Admin,
    Path(reference): Path<String>,
) -> Result<Response, Notice> {
    let id = reference.parse::<AgentId>();
    let id = id.map_err(|_| Notice::not_found().to(admin.person()))?;
    let request = AdminRequest::RevokeAgent {
        agent_id: id.to_string(),
    };
    done(
        administration::run(&app.ctx, &admin, request).await,
        admin.person(),
    )?;
    let query = Done::Agent.query();
    let target = format!("{}/admin/agents/{id}{query}", app.base_path());
    Ok(Redirect::to(&target).into_response())
}

#[derive(Template)]
#[template(path = "admin/agents.html")]
struct AgentsPage {
    shell: Shell,
    here: Part,
    name: String,
    person: String,
    /// The app that they are limited to, by its identifier.
    app: String,
    problem: Option<&'static str>,
    statuses: Vec<Choice>,
    modes: Vec<Choice>,
    rows: Vec<AgentRow>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "admin/agent.html")]
struct AgentPage {
    shell: Shell,
    here: Part,
    done: Option<&'static str>,
    agent: AgentRow,
    created: String,
    grants: Vec<GrantRow>,
    stop: Option<Confirm>,
}

/// One agent.
pub(super) struct AgentRow {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) app_id: String,
    pub(super) app: String,
    pub(super) person: String,
    pub(super) user_id: Option<String>,
    pub(super) mode: &'static str,
    pub(super) status: Tag,
    pub(super) used: String,
}

impl AgentRow {
    pub(super) fn new(listed: &ListedAgent, now: Timestamp) -> Self {
        let agent = &listed.agent;
        let app = listed.host.name.as_deref().map(visible);
        Self {
            id: agent.id.to_string(),
            name: visible(&agent.name),
            app_id: listed.host.id.to_string(),
            app: app.unwrap_or_else(|| say(NAMELESS).to_string()),
            person: owner(listed.person.as_ref()),
            user_id: agent.user_id.as_ref().map(|id| id.0.clone()),
            mode: mode(agent.mode),
            status: Tag::of_agent(listed.status),
            used: agent
                .last_used_at
                .map_or_else(|| say("never").to_string(), |at| when::ago(at, now)),
        }
    }
}

struct GrantRow {
    name: String,
    status: &'static str,
    limits: Vec<String>,
}

impl GrantRow {
    fn new(held: &HeldGrant) -> Self {
        Self {
            name: visible(held.grant.capability.as_str()),
            status: held.grant.state.status().as_str(),
            limits: held.limits.iter().map(limit::sentence).collect(),
        }
    }
}

const STATUSES: [(AgentStatus, &str, &str); 6] = [
    (AgentStatus::Active, "active", "active"),
    (AgentStatus::Pending, "pending", "waiting"),
    (AgentStatus::Expired, "expired", "expired"),
    (AgentStatus::Revoked, "revoked", "stopped"),
    (AgentStatus::Rejected, "rejected", "denied"),
    (AgentStatus::Claimed, "claimed", "taken over"),
];

const MODES: [(Mode, &str, &str); 2] = [
    (Mode::Delegated, "delegated", "in a person’s name"),
    (Mode::Autonomous, "autonomous", "on its own"),
];
