//! `/admin/people`: everybody with an account.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use procura_keys::clock::Timestamp;
use procura_people::person::{Email, Person};
use procura_service::admin::AdminRequest;
use procura_service::administration;
use procura_store::Page;

use super::query::query;
use super::{Part, ROWS, done, page_of, shell};
use crate::app::App;
use crate::web::connected::done::Done;
use crate::web::connected::rows::{Confirm, Tag};
use crate::web::form::{Form, Query};
use crate::web::notice::Notice;
use crate::web::page::{Shell, page};
use crate::web::signed::Admin;
use crate::web::text::visible;
use crate::web::when;

/// `GET /admin/people`.
pub(super) async fn show(
    State(app): State<App>,
    Admin(admin): Admin,
    Query(fields): Query,
) -> Result<Response, Notice> {
    let email: String = fields
        .text("email")
        .chars()
        .filter(|c| !c.is_control())
        .collect();
    let after = fields.text("after").parse::<Email>().ok();
    let limit = ROWS + 1;
    let found =
        administration::search_people(&app.ctx, &admin, email.trim(), Page { after, limit });
    let mut found = found.await?;
    let next =
        page_of(&mut found).map(|last| query(&[("email", &email), ("after", last.email.as_str())]));
    let now = app.ctx.now();
    let own = &admin.person().person.id;
    Ok(page(&PeoplePage {
        shell: shell(&app, admin.person()),
        here: Part::People,
        done: Done::read(fields.text("done")),
        rows: found
            .iter()
            .map(|person| PersonRow::new(person, person.id == *own, now))
            .collect(),
        email,
        next,
    }))
}

/// `POST /admin/people`: bars somebody from signing in.
pub(super) async fn bar(
    State(app): State<App>,
    Admin(admin): Admin,
    Form(form): Form,
) -> Result<Response, Notice> {
    let email = form.text("bar").to_owned();
    if email == admin.person().person.email.as_str() {
        let why = "You cannot bar yourself. Another administrator can.";
        return Err(Notice::not_now(why).to(admin.person()));
    }
    let request = AdminRequest::DisablePerson { email };
    let reply = administration::run(&app.ctx, &admin, request).await;
    done(reply, admin.person())?;
    let query = Done::Barred.query();
    let target = format!("{}/admin/people{query}", app.base_path());
    Ok(Redirect::to(&target).into_response())
}

#[derive(Template)]
#[template(path = "admin/people.html")]
struct PeoplePage {
    shell: Shell,
    here: Part,
    done: Option<&'static str>,
    email: String,
    rows: Vec<PersonRow>,
    next: Option<String>,
}

struct PersonRow {
    email: String,
    name: String,
    role: Tag,
    since: String,
    apps: String,
    bar: Option<Confirm>,
}

impl PersonRow {
    fn new(person: &Person, is_own: bool, now: Timestamp) -> Self {
        let role = match (person.disabled, person.administrator) {
            (true, _) => Tag::new("barred", "bad"),
            (false, true) => Tag::new("administrator", "watch"),
            (false, false) => Tag::new("active", "good"),
        };
        let bar = Confirm {
            ask: "Bar",
            what: Some(person.email.to_string()),
            consequence: "They are signed out everywhere and cannot sign in any more. Their agents go on.",
            yes: "Yes, bar them",
            path: "/admin/people".to_owned(),
            is_small: true,
        };
        Self {
            email: person.email.to_string(),
            name: visible(&person.name),
            role,
            since: when::ago(person.created_at, now),
            apps: query(&[("person", person.email.as_str())]),
            bar: (!is_own && !person.disabled).then_some(bar),
        }
    }
}
