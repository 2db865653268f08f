//! `GET /`: who you are here, what waits for you, and where to type a code.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};

use super::inbox;
use super::notice::Notice;
use super::page::{Shell, page};
use super::session::Visitor;
use crate::app::App;

pub(super) async fn show(State(app): State<App>, visitor: Visitor) -> Result<Response, Notice> {
    let Some(person) = visitor.person else {
        return Ok(Redirect::to(&format!("{}/login", app.base_path())).into_response());
    };
    let waiting = inbox::waiting(&app, &person).await?.len();
    Ok(page(&HomePage {
        shell: Shell::new(&app, Some(&person)),
        name: person.person.name,
        email: person.person.email.to_string(),
        waiting,
    }))
}

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage {
    shell: Shell,
    name: String,
    email: String,
    waiting: usize,
}
