//! What all pages have in common.

use std::fmt;

use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use procura_service::people::SignedIn;
use procura_service::people::vault::PAGE;

use super::notice::Notice;
use super::words::{Language, Words};
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
    /// Whether accounts are the server's own, and not those of an application that embeds it.
    pub(super) own_accounts: bool,
    /// Where the application signs people out, if it says.
    pub(super) sign_out: Option<String>,
    /// Whether there are services for which people entrust keys.
    has_services: bool,
    /// Whether they are an administrator.
    is_administrator: bool,
    /// Which part of the pages this is.
    here: Option<Place>,
}

/// The words of the templates, which reach functions only through what they are given.
#[expect(
    clippy::unused_self,
    reason = "templates call methods of what they are given"
)]
impl Shell {
    /// Says an English text in the reader's language. Never for the words of strangers.
    pub(super) fn say(&self, text: impl fmt::Display) -> Words {
        text.to_string().into()
    }

    /// The tag of that language.
    pub(super) fn language(&self) -> &'static str {
        Language::current().tag()
    }

    /// All languages: tag, own name, and whether it is this one.
    pub(super) fn languages(&self) -> impl Iterator<Item = (&'static str, &'static str, bool)> {
        let current = Language::current();
        Language::ALL
            .into_iter()
            .map(move |(language, tag, name)| (tag, name, language == current))
    }
}

/// A part of the pages that the navigation leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Apps,
    Inbox,
    Activity,
    Services,
    Account,
    Administration,
}

/// A link of the navigation.
pub(super) struct PlaceLink {
    pub(super) name: &'static str,
    pub(super) path: String,
    pub(super) is_here: bool,
}

impl Shell {
    pub(super) fn new(app: &App, person: Option<&SignedIn>) -> Self {
        Self {
            base: app.base_path().to_owned(),
            service: app.ctx.provider().name.clone(),
            person: person.map(|signed_in| signed_in.person.email.to_string()),
            own_accounts: app.people.is_none(),
            sign_out: app.people.as_ref().and_then(|people| people.sign_out()),
            has_services: !app.ctx.vault().services().is_empty(),
            is_administrator: person.is_some_and(|signed_in| signed_in.person.administrator),
            here: None,
        }
    }

    /// The frame of a page that belongs to this part.
    pub(super) fn at(self, place: Place) -> Self {
        let here = Some(place);
        Self { here, ..self }
    }

    /// The navigation.
    pub(super) fn places(&self) -> Vec<PlaceLink> {
        let link = |place, name, path: &str| PlaceLink {
            name,
            path: format!("{}{path}", self.base),
            is_here: self.here == Some(place),
        };
        let mut places = vec![
            PlaceLink {
                path: self.home().to_owned(),
                ..link(Place::Apps, "Apps", "")
            },
            link(Place::Inbox, "Inbox", "/inbox"),
            link(Place::Activity, "Activity", "/activity"),
        ];
        if self.has_services {
            places.push(link(Place::Services, "Services", PAGE));
        }
        places.push(link(Place::Account, "Account", "/account"));
        if self.is_administrator {
            places.push(link(Place::Administration, "Administration", "/admin"));
        }
        places
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
