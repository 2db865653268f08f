//! `GET /`: the apps a person has connected, what waits for them, and where to type a code.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use procura_agent_auth::host::HostStatus;
use procura_agent_auth::id::HostId;
use procura_service::agent_auth::connected;
use procura_store::Page;

use super::connected::done::Done;
use super::connected::rows::{AppCard, Confirm};
use super::form::Query;
use super::inbox;
use super::notice::Notice;
use super::page::{Place, Shell, page};
use super::session::Visitor;
use crate::app::App;

pub(super) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Query(query): Query,
) -> Result<Response, Notice> {
    let Some(person) = visitor.person else {
        return Ok(Redirect::to(&format!("{}/login", app.base_path())).into_response());
    };
    let now = app.ctx.now();
    let stopped = query.text("show") == "stopped";
    let status = if stopped {
        HostStatus::Revoked
    } else {
        HostStatus::Active
    };
    let after = query.text("after").parse::<HostId>().ok();
    let limit = SHOWN + 1;
    let found = connected::list_apps(&app.ctx, &person, status, Page { after, limit }).await?;
    let shown = usize::try_from(SHOWN).unwrap_or(usize::MAX);
    let cards = found.iter().take(shown).map(|one| AppCard::new(one, now));
    let apps: Vec<_> = cards.collect();
    let waiting = inbox::waiting(&app, &person).await?.len();
    let last = found.get(shown.saturating_sub(1));
    let next = last.filter(|_| found.len() > shown).map(|last| {
        let show = if stopped { "show=stopped&" } else { "" };
        format!("?{show}after={}", last.host.id)
    });
    Ok(page(&HomePage {
        shell: Shell::new(&app, Some(&person)).at(Place::Apps),
        done: Done::read(query.text("done")),
        stop_all: (!stopped && !apps.is_empty()).then(stop_all),
        apps,
        stopped,
        next,
        waiting,
    }))
}

fn stop_all() -> Confirm {
    Confirm {
        ask: "Stop everything",
        what: None,
        consequence: "Every connected app and all its agents end at once, for good. To use an app \
                      again, you connect it anew.",
        yes: "Yes, stop everything",
        path: "/revoke-everything".to_owned(),
        is_small: false,
    }
}

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage {
    shell: Shell,
    done: Option<&'static str>,
    stopped: bool,
    apps: Vec<AppCard>,
    /// Where to find more.
    next: Option<String>,
    waiting: usize,
    stop_all: Option<Confirm>,
}

/// How many apps one page shows.
const SHOWN: u32 = 20;
