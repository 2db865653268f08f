//! `/inbox`: the requests that wait for a person without a code (AAP §7.2).

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use procura_people::consent::{ConsentKind, ConsentView};
use procura_service::agent_auth::consent::ConsentError;
use procura_service::agent_auth::inbox;
use procura_service::people::SignedIn;

use super::next::sign_in_path;
use super::notice::Notice;
use super::page::{Place, Shell, page};
use super::session::Visitor;
use super::text::visible;
use super::when;
use crate::app::App;

/// `GET /inbox`.
pub(super) async fn show(State(app): State<App>, visitor: Visitor) -> Result<Response, Notice> {
    let base = app.base_path();
    let Some(person) = visitor.person else {
        let login = format!("{base}{}", sign_in_path(&format!("{base}/inbox")));
        return Ok(Redirect::to(&login).into_response());
    };
    let now = app.ctx.now();
    let waiting = waiting(&app, &person).await?;
    let row = |view: &ConsentView| Row::new(view, when::span(view.expires_at.since(now)));
    Ok(page(&InboxPage {
        shell: Shell::new(&app, Some(&person)).at(Place::Inbox),
        rows: waiting.iter().map(row).collect(),
    }))
}

/// What waits for this person.
pub(super) async fn waiting(app: &App, person: &SignedIn) -> Result<Vec<ConsentView>, Notice> {
    inbox::list(&app.ctx, person).await.map_err(|error| {
        let notice = match error {
            ConsentError::Failed(error) => error.into(),
            // A list leaves out what cannot be decided, so there is nothing here to refuse.
            error => {
                tracing::error!(%error, "an inbox could not be listed");
                Notice::internal()
            }
        };
        notice.to(person)
    })
}

#[derive(Template)]
#[template(path = "inbox.html")]
struct InboxPage {
    shell: Shell,
    rows: Vec<Row>,
}

/// One request.
struct Row {
    reference: String,
    agent: String,
    app: Option<String>,
    is_new_agent: bool,
    reason: Option<String>,
    message: Option<String>,
    asks: Vec<String>,
    /// How many more there are than are shown.
    more: usize,
    ends_in: String,
}

impl Row {
    fn new(view: &ConsentView, ends_in: String) -> Self {
        let shown = |text: &Option<String>| text.as_deref().map(visible);
        let asks = view.items.iter().take(SHOWN).map(|item| {
            let said = [&item.description, &item.name];
            let said = said.into_iter().find(|text| !text.is_empty());
            visible(said.map_or("", String::as_str))
        });
        Self {
            reference: view.reference.clone(),
            agent: visible(&view.agent),
            app: shown(&view.app),
            is_new_agent: view.kind != ConsentKind::Extend,
            reason: shown(&view.reason),
            message: shown(&view.message),
            asks: asks.collect(),
            more: view.items.len().saturating_sub(SHOWN),
            ends_in,
        }
    }
}

/// How many capabilities of a request the list shows; its own page shows all.
const SHOWN: usize = 3;
