//! What all pages have in common.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use procura_service::people::SignedIn;

use super::notice::Notice;
use crate::app::App;

/// The frame around a page.
#[derive(Clone, Debug)]
pub(super) struct Shell {
    /// What links and forms start with.
    pub(super) base: String,
    /// The name of the server.
    pub(super) service: String,
    /// The address the person signed in with.
    pub(super) person: Option<String>,
}

impl Shell {
    pub(super) fn new(app: &App, person: Option<&SignedIn>) -> Self {
        Self {
            base: app.base_path().to_owned(),
            service: app.ctx.provider().name.clone(),
            person: person.map(|signed_in| signed_in.person.email.to_string()),
        }
    }

    /// The path of the first page. Under a base path it has no slash at its end.
    pub(super) fn home(&self) -> &str {
        if self.base.is_empty() {
            "/"
        } else {
            &self.base
        }
    }
}

/// A page as an answer.
pub(super) fn page(template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => Html(html).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            Notice::internal().into_response()
        }
    }
}
