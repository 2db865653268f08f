//! `/apps/{id}`: one app with its agents.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect};
use http::StatusCode;
use procura_agent_auth::id::{AgentId, HostId};
use procura_service::agent_auth::connected::rename::{Label, rename_app};
use procura_service::agent_auth::connected::{self, ConnectedApp};
use procura_service::people::SignedIn;

use super::done::Done;
use super::rows::{AppCard, Confirm};
use super::{Answer, id, refused};
use crate::app::App;
use crate::web::form::{Fields, Form, Query};
use crate::web::notice::Notice;
use crate::web::page::{Place, Shell, page};
use crate::web::signed::Signed;

/// `GET /apps/{id}`.
pub(super) async fn show(
    State(app): State<App>,
    Signed(person): Signed,
    Path(reference): Path<String>,
    Query(query): Query,
) -> Answer {
    let host = id(&reference, &person)?;
    let shown = AppPage::load(&app, &person, &host, &query).await?;
    Ok(page(&shown))
}

/// `POST /apps/{id}/rename`.
pub(super) async fn rename(
    State(app): State<App>,
    Signed(person): Signed,
    Path(reference): Path<String>,
    Form(form): Form,
) -> Answer {
    let host: HostId = id(&reference, &person)?;
    match form.text("label").parse::<Label>() {
        Ok(label) => {
            let renamed = rename_app(&app.ctx, &person, &host, &label).await;
            renamed.map_err(|error| refused(error, &person))?;
            let query = Done::Renamed.query();
            let target = format!("{}/apps/{host}{query}", app.base_path());
            Ok(Redirect::to(&target).into_response())
        }
        Err(problem) => {
            let mut again = AppPage::load(&app, &person, &host, &Fields::default()).await?;
            again.rename = Rename::again(form.text("label"), problem.to_string());
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page(&again)).into_response())
        }
    }
}

#[derive(Template)]
#[template(path = "connected/app.html")]
struct AppPage {
    shell: Shell,
    done: Option<&'static str>,
    app: AppCard,
    /// Whether the newest agents are shown.
    is_first: bool,
    /// Where to find older ones.
    older: Option<String>,
    rename: Rename,
    stops: Vec<Confirm>,
}

impl AppPage {
    async fn load(
        app: &App,
        person: &SignedIn,
        host: &HostId,
        query: &Fields,
    ) -> Result<Self, Notice> {
        let before = query.text("before").parse::<AgentId>().ok();
        let is_first = before.is_none();
        let found = connected::find_app(&app.ctx, person, host, before).await;
        let found = found.map_err(|error| refused(error, person))?;
        let last = found.agents.last().filter(|_| found.has_more);
        Ok(Self {
            shell: Shell::new(app, Some(person)).at(Place::Apps),
            done: Done::read(query.text("done")),
            app: AppCard::new(&found, app.ctx.now()),
            is_first,
            older: last.map(|last| format!("?before={}", last.agent.id)),
            rename: Rename::of(found.label.as_deref()),
            stops: stops(&found),
        })
    }
}

fn stops(app: &ConnectedApp) -> Vec<Confirm> {
    let id = &app.host.id;
    let confirm = |ask, consequence, yes, action| Confirm {
        ask,
        what: None,
        consequence,
        yes,
        path: format!("/apps/{id}/{action}"),
        is_small: false,
    };
    vec![
        confirm(
            "Disconnect this app",
            "Its agents stop acting for you, at once and for good. The app can ask to be connected again.",
            "Yes, disconnect",
            "unlink",
        ),
        confirm(
            "Stop this app for good",
            "The app and all its agents end at once. It can never be connected again; do this if it may be \
             in the wrong hands.",
            "Yes, stop it for good",
            "revoke",
        ),
    ]
}

/// The form for a name of one's own.
#[derive(Clone, Debug)]
pub(super) struct Rename {
    pub(super) typed: String,
    pub(super) problem: Option<String>,
}

impl Rename {
    pub(super) fn of(label: Option<&str>) -> Self {
        Self {
            typed: label.unwrap_or_default().to_owned(),
            problem: None,
        }
    }

    /// The form once more, with what was typed.
    pub(super) fn again(typed: &str, problem: String) -> Self {
        Self {
            typed: typed.to_owned(),
            problem: Some(problem),
        }
    }
}
