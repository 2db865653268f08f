//! `GET /activity`: what all agents of a person did.

use askama::Template;
use axum::extract::State;
use procura_service::agent_auth::connected::activity;

use super::Answer;
use super::done::Done;
use super::events::EventRow;
use super::rows::{Confirm, short};
use crate::app::App;
use crate::web::form::Query;
use crate::web::page::{Place, Shell, page};
use crate::web::signed::Signed;

pub(super) async fn show(
    State(app): State<App>,
    Signed(person): Signed,
    Query(query): Query,
) -> Answer {
    let before = query.text("before").parse::<i64>().ok();
    let told = activity::of_person(&app.ctx, &person, before).await?;
    let now = app.ctx.now();
    let events = told.events.iter().map(|event| {
        let mut row = EventRow::new(event, &person.person.id.0, now);
        row.agent = event
            .agent_id
            .as_ref()
            .map(|id| (short(id), format!("/agents/{id}")));
        row
    });
    Ok(page(&ActivityPage {
        shell: Shell::new(&app, Some(&person)).at(Place::Activity),
        done: Done::read(query.text("done")),
        events: events.collect(),
        is_newest: before.is_none(),
        older: told.before.map(|before| format!("?before={before}")),
        delete: Confirm {
            ask: "Erase it",
            what: None,
            consequence: "What your agents did up to now is erased for good, here and in the audit log. That \
                          something happened, and when, stays; whom it concerned does not.",
            yes: "Yes, erase it",
            path: "/activity/delete".to_owned(),
            is_small: false,
        },
    }))
}

#[derive(Template)]
#[template(path = "connected/activity.html")]
struct ActivityPage {
    shell: Shell,
    done: Option<&'static str>,
    events: Vec<EventRow>,
    /// Whether the latest events are shown.
    is_newest: bool,
    /// Where to find older ones.
    older: Option<String>,
    delete: Confirm,
}
