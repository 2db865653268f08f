//! `GET /`: who you are here, and where to type a code.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};

use super::page::{Shell, page};
use super::session::Visitor;
use crate::app::App;

pub(super) async fn show(State(app): State<App>, visitor: Visitor) -> Response {
    let Some(person) = visitor.person else {
        return Redirect::to(&format!("{}/login", app.base_path())).into_response();
    };
    page(&HomePage {
        shell: Shell::new(&app, Some(&person)),
        name: person.person.name,
        email: person.person.email.to_string(),
    })
}

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage {
    shell: Shell,
    name: String,
    email: String,
}
