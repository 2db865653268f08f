//! `/admin/apps`: all apps, and each of them.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use procura_agent_auth::host::HostStatus;
use procura_agent_auth::id::{HostId, UserId};
use procura_agent_auth::text::{MAX_NAME, clean};
use procura_keys::clock::Timestamp;
use procura_service::admin::AdminRequest;
use procura_service::administration::{self, Administrator, ListedApp};
use procura_store::Page;
use procura_store::search::HostSearch;

use super::query::query;
use super::{Choice, Part, ROWS, choices, chosen, done, owner, page_of, shell};
use crate::app::App;
use crate::web::connected::done::Done;
use crate::web::connected::rows::{Confirm, NAMELESS, Tag, is_live};
use crate::web::form::{Fields, Query};
use crate::web::notice::Notice;
use crate::web::page::{Shell, page};
use crate::web::signed::Admin;
use crate::web::text::visible;
use crate::web::when;
use crate::web::words::say;

/// `GET /admin/apps`.
pub(super) async fn show(
    State(app): State<App>,
    Admin(admin): Admin,
    Query(fields): Query,
) -> Result<Response, Notice> {
    let typed = fields.text("name").trim();
    if let Ok(id) = typed.parse::<HostId>() {
        let target = format!("{}/admin/apps/{id}", app.base_path());
        return Ok(Redirect::to(&target).into_response());
    }
    let (search, problem) = read(&app, &admin, &fields).await?;
    let after = fields.text("after").parse::<HostId>().ok();
    let limit = ROWS + 1;
    let mut found = match problem {
        None => {
            let page = Page { after, limit };
            administration::search_apps(&app.ctx, &admin, &search, page).await?
        }
        Some(_) => Vec::new(),
    };
    let next = page_of(&mut found).map(|last| {
        query(&[
            ("name", typed),
            ("person", fields.text("person")),
            ("status", fields.text("status")),
            ("after", last.host.id.as_str()),
        ])
    });
    let now = app.ctx.now();
    Ok(page(&AppsPage {
        shell: shell(&app, admin.person()),
        here: Part::Apps,
        name: typed.to_owned(),
        person: fields.text("person").to_owned(),
        problem,
        statuses: choices(&STATUSES, search.status),
        rows: found.iter().map(|one| AppRow::new(one, now)).collect(),
        next,
    }))
}

/// What is looked for, and what cannot be.
async fn read(
    app: &App,
    admin: &Administrator,
    fields: &Fields,
) -> Result<(HostSearch, Option<&'static str>), Notice> {
    let mut search = HostSearch {
        name: clean(fields.text("name"), MAX_NAME),
        status: chosen(&STATUSES, fields.text("status")),
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

/// `GET /admin/apps/{id}`.
pub(super) async fn show_one(
    State(app): State<App>,
    Admin(admin): Admin,
    Path(reference): Path<String>,
    Query(fields): Query,
) -> Result<Response, Notice> {
    let unknown = || Notice::not_found().to(admin.person());
    let id = reference.parse::<HostId>().map_err(|_| unknown())?;
    let found = administration::find_app(&app.ctx, &admin, &id).await?;
    let found = found.ok_or_else(unknown)?;
    let now = app.ctx.now();
    Ok(page(&AppPage {
        shell: shell(&app, admin.person()),
        here: Part::Apps,
        done: Done::read(fields.text("done")),
        created: when::ago(found.host.created_at, now),
        key: found.host.thumbprint().to_string(),
        publishes: found.host.jwks.as_ref().map(|jwks| jwks.url.to_string()),
        stop: is_live(&found.host).then(|| Confirm {
            ask: "Stop this app",
            what: None,
            consequence: "It and all its agents end at once and for good, whomever they act for.",
            yes: "Yes, stop it",
            path: format!("/admin/apps/{id}/revoke"),
            is_small: false,
        }),
        app: AppRow::new(&found, now),
    }))
}

/// `POST /admin/apps/{id}/revoke`.
pub(super) async fn revoke(
    State(app): State<App>,
    Admin(admin): Admin,
    Path(reference): Path<String>,
) -> Result<Response, Notice> {
    let id = reference.parse::<HostId>();
    let id = id.map_err(|_| Notice::not_found().to(admin.person()))?;
    let request = AdminRequest::RevokeHost {
        host_id: id.to_string(),
    };
    done(
        administration::run(&app.ctx, &admin, request).await,
        admin.person(),
    )?;
    let query = Done::App.query();
    let target = format!("{}/admin/apps/{id}{query}", app.base_path());
    Ok(Redirect::to(&target).into_response())
}

#[derive(Template)]
#[template(path = "admin/apps.html")]
struct AppsPage {
    shell: Shell,
    here: Part,
    name: String,
    person: String,
    problem: Option<&'static str>,
    statuses: Vec<Choice>,
    rows: Vec<AppRow>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "admin/app.html")]
struct AppPage {
    shell: Shell,
    here: Part,
    done: Option<&'static str>,
    app: AppRow,
    created: String,
    key: String,
    publishes: Option<String>,
    stop: Option<Confirm>,
}

/// One app.
struct AppRow {
    id: String,
    name: String,
    person: String,
    status: Tag,
    used: String,
}

impl AppRow {
    fn new(listed: &ListedApp, now: Timestamp) -> Self {
        let host = &listed.host;
        let name = host.name.as_deref().map(visible);
        let used = host.last_used_at.map(|at| when::ago(at, now));
        Self {
            id: host.id.to_string(),
            name: name.unwrap_or_else(|| say(NAMELESS).to_string()),
            person: owner(listed.person.as_ref()),
            status: Tag::of_app(host.status),
            used: used.unwrap_or_else(|| say("never").to_string()),
        }
    }
}

const STATUSES: [(HostStatus, &str, &str); 4] = [
    (HostStatus::Active, "active", "connected"),
    (HostStatus::Pending, "pending", "waiting"),
    (HostStatus::Revoked, "revoked", "stopped"),
    (HostStatus::Rejected, "rejected", "denied"),
];
