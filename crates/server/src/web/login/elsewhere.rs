//! `/login` where an application that embeds the server has the people: the way to its own sign-in page.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::app::App;
use crate::people::Why;
use crate::web::form::Query;
use crate::web::next::Next;
use crate::web::notice::Notice;
use crate::web::page::{Shell, page};
use crate::web::session::Visitor;

/// `GET /login`, with `?next=` for where to go afterwards.
///
/// A page that goes on by itself, not a redirect: a browser would count that as part of a form that led here, and forms
/// may lead to this site only, while an application may have its people sign in anywhere.
pub(crate) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    Query(query): Query,
) -> Result<Response, Notice> {
    let people = app.people.as_ref().ok_or_else(Notice::not_found)?;
    let shell = Shell::new(&app, visitor.person.as_ref());
    let next = Next::parse(query.text("next"));
    let return_to = next.as_ref().map_or(shell.home(), Next::as_str);
    let why = match visitor.person {
        Some(_) => Why::Again,
        None => Why::SignedOut,
    };
    let target = people.sign_in(why, return_to);
    Ok(page(&ElsewherePage { shell, why, target }))
}

#[derive(Template)]
#[template(path = "elsewhere.html")]
struct ElsewherePage {
    shell: Shell,
    why: Why,
    target: String,
}
