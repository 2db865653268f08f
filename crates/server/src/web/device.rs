//! `/device`: a person types the code that their app shows, sees what is asked for, and decides (AAP §7.1).
//! From their inbox they come to the same page without a code (§7.2).

mod adjust;
mod answer;
mod bounds;
mod claims;
mod code;
mod consent;
mod outcome;
mod refused;
mod way;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use procura_agent_auth::id::ApprovalId;
use procura_people::presence::Lacking;
use procura_service::agent_auth::consent::{self as requests, ConsentError};
use procura_service::agent_auth::inbox;
use procura_service::limits::Budget;
use procura_service::people::SignedIn;

use super::form::{Form, Query};
use super::gesture;
use super::notice::Notice;
use super::page::{Shell, page};
use super::session::Visitor;
use crate::app::App;
use crate::error::RefusalCode;
pub(in crate::web) use answer::Mistake;
use answer::read_answer;
use code::TypedCode;
use consent::ConsentPage;
use outcome::OutcomePage;
use refused::refused;
use way::Way;

/// `GET /device`, with `?code=` when the code is known.
pub(super) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Query(query): Query,
) -> Result<Response, Notice> {
    let code = TypedCode::read(query.text("code"));
    let Some(person) = visitor.person else {
        return Ok(sign_in_first(&app, &Way::Code(code)));
    };
    if code.is_blank() {
        return Ok(page(&EntryPage {
            shell: Shell::new(&app, Some(&person)),
            code,
            problem: None,
        }));
    }
    // Every look counts, found or not: a guess is not to be told from a reload.
    let tries = app
        .ctx
        .limits()
        .count(Budget::UserCode, &person.person.id.to_string());
    tries.map_err(|refusal| Notice::refused(&refusal).to(&person))?;
    match find(&app, &person, &code).await {
        Ok(page) => Ok(page),
        Err(ConsentError::Unknown) => Ok(unknown(&app, &person, code)),
        Err(error) => Err(refused(error, &person, &Way::Code(code))),
    }
}

/// `GET /inbox/{reference}`.
pub(super) async fn show_from_inbox(
    State(app): State<App>,
    visitor: Visitor,
    Path(reference): Path<String>,
) -> Result<Response, Notice> {
    let id = reference.parse::<ApprovalId>();
    let id = id.map_err(|_| Notice::not_found())?;
    let way = Way::Inbox(id.clone());
    let Some(person) = visitor.person else {
        return Ok(sign_in_first(&app, &way));
    };
    let view = inbox::view(&app.ctx, &person, &id).await;
    let view = view.map_err(|error| refused(error, &person, &way))?;
    let shown = ConsentPage::load(&app, &person, &way, &view).await?;
    Ok(page(&shown))
}

/// `POST /device`.
pub(super) async fn decide(
    State(app): State<App>,
    visitor: Visitor,
    Form(form): Form,
) -> Result<Response, Notice> {
    let code = TypedCode::read(form.text("code"));
    let id = form.text("reference").parse::<ApprovalId>();
    let way = match &id {
        Ok(id) if code.is_blank() => Way::Inbox(id.clone()),
        _ => Way::Code(code),
    };
    let Some(person) = visitor.person else {
        return Ok(sign_in_first(&app, &way));
    };
    let id = id.map_err(|_| Notice::unreadable_form().to(&person))?;
    let view = requests::view(&app.ctx, &person, &id).await;
    let view = view.map_err(|error| refused(error, &person, &way))?;
    let answer = match read_answer(&form, &view, gesture::moment(&form, app.ctx.now())) {
        Ok(answer) => answer,
        Err(Mistake::NoDecision) => return Err(Notice::unreadable_form().to(&person)),
        Err(mistake) => {
            let again = ConsentPage::load(&app, &person, &way, &view).await?;
            let again = again.after(&mistake, &form);
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, page(&again)).into_response());
        }
    };
    let shown = form.text("shown");
    let said = gesture::answer(&form);
    let person = match gesture::confirmed(&app, person.clone(), said, answer.subject(shown)).await {
        Ok(person) => person,
        Err(error) => {
            return Err(gesture::refused(error)
                .link("Back to the request", way.path())
                .to(&person));
        }
    };
    match requests::answer(&app.ctx, &person, &id, shown, &answer).await {
        Ok(()) => Ok(page(&OutcomePage::new(&app, &person, &view, &answer))),
        Err(ConsentError::Lacking(Lacking::Freshness)) => Ok(sign_in_first(&app, &way)),
        Err(ConsentError::Changed) => changed(&app, &person, &id, &way).await,
        Err(error) => Err(refused(error, &person, &way)),
    }
}

/// `POST /device/challenge`: what to ask an authenticator, so that it says yes to this answer and to nothing else.
/// No content when the answer takes none, or when the page has something else to say about it.
pub(super) async fn challenge(
    State(app): State<App>,
    visitor: Visitor,
    Form(form): Form,
) -> Result<Response, Notice> {
    let Some(person) = visitor.person else {
        return Ok(gesture::nothing());
    };
    let Ok(id) = form.text("reference").parse::<ApprovalId>() else {
        return Ok(gesture::nothing());
    };
    let Ok(view) = requests::view(&app.ctx, &person, &id).await else {
        return Ok(gesture::nothing());
    };
    let now = app.ctx.now();
    let Ok(answer) = read_answer(&form, &view, now) else {
        return Ok(gesture::nothing());
    };
    let shown = form.text("shown");
    if requests::judge_presence(&app.ctx, &person, &view, shown, &answer).is_ok() {
        return Ok(gesture::nothing());
    }
    let asked = gesture::ask(&app, &person, answer.subject(shown)).await;
    gesture::options(asked.map(|options| gesture::at_moment(options, now)))
}

async fn find(app: &App, person: &SignedIn, code: &TypedCode) -> Result<Response, ConsentError> {
    let id = requests::find_by_code(&app.ctx, code.as_str()).await?;
    let view = requests::view(&app.ctx, person, &id).await?;
    let way = Way::Code(code.clone());
    let shown = ConsentPage::load(app, person, &way, &view).await?;
    Ok(page(&shown))
}

/// The sign-in page, which leads back here.
fn sign_in_first(app: &App, way: &Way) -> Response {
    Redirect::to(&format!(
        "{}{}",
        app.base_path(),
        way.sign_in_path(app.base_path())
    ))
    .into_response()
}

fn unknown(app: &App, person: &SignedIn, code: TypedCode) -> Response {
    let problem = Some(ConsentError::Unknown.to_string());
    let entry = EntryPage {
        shell: Shell::new(app, Some(person)),
        code,
        problem,
    };
    let mut response = (StatusCode::NOT_FOUND, page(&entry)).into_response();
    response
        .extensions_mut()
        .insert(RefusalCode("unknown_code"));
    response
}

/// The request as it is now, for another look.
async fn changed(
    app: &App,
    person: &SignedIn,
    id: &ApprovalId,
    way: &Way,
) -> Result<Response, Notice> {
    let view = requests::view(&app.ctx, person, id).await;
    let view = view.map_err(|error| refused(error, person, way))?;
    let again = ConsentPage::load(app, person, way, &view).await?;
    let again = again.with_problem(ConsentError::Changed.to_string());
    let mut response = (StatusCode::CONFLICT, page(&again)).into_response();
    response
        .extensions_mut()
        .insert(RefusalCode("request_changed"));
    Ok(response)
}

#[derive(Template)]
#[template(path = "device.html")]
struct EntryPage {
    shell: Shell,
    code: TypedCode,
    problem: Option<String>,
}
