//! `/admin`: what administrators see: people, apps and agents, capabilities, the audit log, notices, settings and health.
//!
//! For everybody else none of these pages exists. Lists are searched and paged by the store, so that a page of a
//! hundred thousand agents costs as much as one of a hundred.

mod agents;
mod apps;
mod capabilities;
mod export;
mod health;
mod log;
mod notices;
mod people;
mod query;
mod settings;

use axum::Router;
use axum::routing::{get, post};
use procura_people::person::Person;
use procura_service::admin::AdminReply;
use procura_service::people::SignedIn;

use super::notice::Notice;
use super::page::{Place, Shell};
use super::words::say;
use crate::app::App;

/// The routes of these pages.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin", get(health::show))
        .route("/admin/people", get(people::show).post(people::bar))
        .route("/admin/apps", get(apps::show))
        .route("/admin/apps/{id}", get(apps::show_one))
        .route("/admin/apps/{id}/revoke", post(apps::revoke))
        .route("/admin/agents", get(agents::show))
        .route("/admin/agents/{id}", get(agents::show_one))
        .route("/admin/agents/{id}/revoke", post(agents::revoke))
        .route("/admin/capabilities", get(capabilities::show))
        .route("/admin/capabilities/{name}", get(capabilities::show_one))
        .route("/admin/log", get(log::show))
        .route("/admin/log/verify", get(log::verify))
        .route("/admin/log/export", get(export::download))
        .route("/admin/notices", get(notices::show))
        .route("/admin/settings", get(settings::show))
}

/// A part of the administration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Health,
    People,
    Apps,
    Agents,
    Capabilities,
    Log,
    Notices,
    Settings,
}

/// The frame of an administrator's page.
fn shell(app: &App, person: &SignedIn) -> Shell {
    Shell::new(app, Some(person)).at(Place::Administration)
}

impl Part {
    /// Links to all parts: name, path after the base path, and whether it is this one.
    fn sections(self) -> impl Iterator<Item = (&'static str, &'static str, bool)> {
        PARTS
            .into_iter()
            .map(move |(part, name, path)| (name, path, part == self))
    }
}

const PARTS: [(Part, &str, &str); 8] = [
    (Part::Health, "Health", "/admin"),
    (Part::People, "People", "/admin/people"),
    (Part::Apps, "Apps", "/admin/apps"),
    (Part::Agents, "Agents", "/admin/agents"),
    (Part::Capabilities, "Capabilities", "/admin/capabilities"),
    (Part::Log, "Audit log", "/admin/log"),
    (Part::Notices, "Notices", "/admin/notices"),
    (Part::Settings, "Settings", "/admin/settings"),
];

/// One choice of a filter.
struct Choice {
    value: &'static str,
    name: &'static str,
    is_chosen: bool,
}

/// The choices of a filter, the first of which filters nothing.
fn choices<T: Copy + PartialEq>(
    all: &[(T, &'static str, &'static str)],
    chosen: Option<T>,
) -> Vec<Choice> {
    let any = Choice {
        value: "",
        name: "any",
        is_chosen: chosen.is_none(),
    };
    let each = all.iter().map(|(value, wire, name)| Choice {
        value: wire,
        name,
        is_chosen: chosen == Some(*value),
    });
    std::iter::once(any).chain(each).collect()
}

/// The one of the choices that an address names.
fn chosen<T: Copy>(all: &[(T, &'static str, &'static str)], value: &str) -> Option<T> {
    let found = all.iter().find(|(_, wire, _)| *wire == value);
    found.map(|(choice, ..)| *choice)
}

/// Whom something belongs to, or acts for.
fn owner(person: Option<&Person>) -> String {
    person.map_or_else(
        || say("nobody").to_string(),
        |person| person.email.to_string(),
    )
}

/// What an administrator is told when something was not done.
fn done(reply: AdminReply, person: &SignedIn) -> Result<(), Notice> {
    match reply {
        AdminReply::Done(_) => Ok(()),
        AdminReply::Refused(why) => Err(Notice::not_now(why).to(person)),
    }
}

/// How many rows a page has.
const ROWS: u32 = 50;

/// Cuts what was found down to a page. Returns the last row shown if there are more.
fn page_of<T>(found: &mut Vec<T>) -> Option<&T> {
    let shown = usize::try_from(ROWS).unwrap_or(usize::MAX);
    let has_more = found.len() > shown;
    found.truncate(shown);
    found.last().filter(|_| has_more)
}
