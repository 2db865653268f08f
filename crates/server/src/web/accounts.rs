//! `/accounts`: the keys that people have entrusted to this server, so that agents get them served elsewhere.
//!
//! What somebody types is sealed at once and never shown again, not even to them.

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use http::StatusCode;
use procura_people::account::AccountChange;
use procura_people::presence::Lacking;
use procura_service::people::vault::{self, Account, PAGE, VaultError, VaultService};
use procura_service::people::{PasskeyError, SignedIn};
use procura_service::{Failure, ServiceError, ServiceResult};

use super::form::{Form, Query};
use super::gesture;
use super::notice::Notice;
use super::page::{Place, Shell, page};
use super::session::Visitor;
use super::signed::Signed;
use super::when;
use crate::app::App;
use crate::error::RefusalCode;

/// None where no service takes keys of people.
pub(super) fn routes(app: &App) -> Router<App> {
    if app.ctx.vault().services().is_empty() {
        return Router::new();
    }
    Router::new()
        .route(PAGE, get(show))
        .route("/accounts/challenge", post(challenge))
        .route("/accounts/{service}", post(connect))
        .route("/accounts/{service}/remove", post(remove))
}

/// `GET /accounts`.
async fn show(
    State(app): State<App>,
    Signed(person): Signed,
    Query(query): Query,
) -> Result<Response, Notice> {
    let done = DONE.iter().find(|(name, _)| *name == query.text("done"));
    let mut accounts = AccountsPage::load(&app, &person).await?;
    accounts.done = done.map(|(_, text)| *text);
    Ok(page(&accounts))
}

/// `POST /accounts/challenge`: what to ask an authenticator before a key is taken. No content when it takes none.
async fn challenge(
    State(app): State<App>,
    visitor: Visitor,
    Form(form): Form,
) -> Result<Response, Notice> {
    let service = app.ctx.vault().find(form.text("service"));
    let (Some(person), Some(service)) = (visitor.person, service) else {
        return Ok(gesture::nothing());
    };
    if !person.has_passkey {
        return Ok(gesture::nothing());
    }
    gesture::options(gesture::ask(&app, &person, subject(service)).await)
}

/// `POST /accounts/{service}`: a key.
async fn connect(
    State(app): State<App>,
    Signed(person): Signed,
    Path(name): Path<String>,
    Form(form): Form,
) -> Result<Response, Notice> {
    let service = app.ctx.vault().find(&name).ok_or_else(Notice::not_found)?;
    let answer = gesture::answer(&form);
    let confirmed = gesture::confirmed(&app, person.clone(), answer, subject(service)).await;
    let connected = match confirmed {
        Ok(confirmed) => vault::connect(&app.ctx, &confirmed, service, form.text("key")).await,
        Err(PasskeyError::Lacking(lacking)) => Err(VaultError::Lacking(lacking)),
        Err(error) => return Err(gesture::refused(error).to(&person)),
    };
    match connected {
        Ok(()) => Ok(done(&app, "connected")),
        Err(VaultError::Lacking(lacking)) => again(&app, &person, Problem::Lacking(lacking)).await,
        Err(VaultError::Secret(bad)) => again(&app, &person, Problem::Key(bad.to_string())).await,
        Err(VaultError::Failed(error)) => Err(error.into()),
        Err(VaultError::Sealing(error)) => Err(ServiceError::from(Failure::from(error)).into()),
    }
}

/// `POST /accounts/{service}/remove`.
async fn remove(
    State(app): State<App>,
    Signed(person): Signed,
    Path(name): Path<String>,
    Form(_): Form,
) -> Result<Response, Notice> {
    let service = app.ctx.vault().find(&name).ok_or_else(Notice::not_found)?;
    vault::remove(&app.ctx, &person, service).await?;
    Ok(done(&app, "removed"))
}

/// Why a key is not kept.
enum Problem {
    Lacking(Lacking),
    Key(String),
}

/// The page once more, with what was wrong and without what was typed.
async fn again(app: &App, person: &SignedIn, problem: Problem) -> Result<Response, Notice> {
    let (code, text) = match problem {
        Problem::Lacking(lacking) => ("presence_needed", lacking.to_string()),
        Problem::Key(text) => ("invalid_key", text),
    };
    let mut accounts = AccountsPage::load(app, person).await?;
    accounts.problem = Some(text);
    let mut response = (StatusCode::UNPROCESSABLE_ENTITY, page(&accounts)).into_response();
    response.extensions_mut().insert(RefusalCode(code));
    Ok(response)
}

fn subject(service: &VaultService) -> [u8; 32] {
    AccountChange::LetAct(service.name.clone()).subject()
}

fn done(app: &App, what: &str) -> Response {
    Redirect::to(&format!("{}{PAGE}?done={what}", app.base_path())).into_response()
}

#[derive(Template)]
#[template(path = "accounts.html")]
struct AccountsPage {
    shell: Shell,
    done: Option<&'static str>,
    problem: Option<String>,
    rows: Vec<Row>,
}

/// A service, and since when the person has a key for it here.
struct Row {
    name: String,
    title: String,
    hint: Option<String>,
    since: Option<String>,
}

impl AccountsPage {
    async fn load(app: &App, person: &SignedIn) -> ServiceResult<Self> {
        let now = app.ctx.now();
        let accounts = vault::list(&app.ctx, person).await?;
        let row = |account: &Account<'_>| Row {
            name: account.service.name.clone(),
            title: account.service.title.clone(),
            hint: account.service.hint.clone(),
            since: account
                .entry
                .as_ref()
                .map(|entry| when::moment(entry.created_at, now)),
        };
        Ok(Self {
            shell: Shell::new(app, Some(person)).at(Place::Services),
            done: None,
            problem: None,
            rows: accounts.iter().map(row).collect(),
        })
    }
}

const DONE: [(&str, &str); 2] = [
    (
        "connected",
        "The key is kept. Agents that you allow to act for you are served there with it.",
    ),
    (
        "removed",
        "The key is gone from here. To make it worthless, delete it at the service as well.",
    ),
];
