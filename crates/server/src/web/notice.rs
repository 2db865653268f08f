//! Pages that say one thing: what went wrong and what to do now.
//!
//! A notice is made where the problem is met, travels on a bare response, and is drawn by one layer around all
//! pages, which knows the server's name and path.

use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use procura_agent_auth::refusal::Refusal;
use procura_service::ServiceError;
use procura_service::people::SignedIn;

use super::page::{Shell, page};
use super::when;
use super::words::{Words, say};
use crate::app::App;
use crate::error::RefusalCode;

/// What to say.
#[derive(Clone, Debug)]
pub(super) struct Notice(Box<Content>);

#[derive(Clone, Debug)]
struct Content {
    status: StatusCode,
    /// The outcome in the log.
    code: &'static str,
    title: &'static str,
    text: Vec<Words>,
    command: Option<Command>,
    link: Option<Link>,
    retry_after: Option<Duration>,
    /// Who reads it.
    person: Option<SignedIn>,
}

/// What an administrator can type.
#[derive(Clone, Debug)]
struct Command {
    lead: &'static str,
    line: String,
}

/// Where to go from here.
#[derive(Clone, Debug)]
struct Link {
    label: &'static str,
    /// Follows the base path.
    path: String,
}

impl Notice {
    /// A page with nothing but a title.
    pub(super) fn new(status: StatusCode, code: &'static str, title: &'static str) -> Self {
        let (text, command, link, retry_after, person) = (Vec::new(), None, None, None, None);
        Self(Box::new(Content {
            status,
            code,
            title,
            text,
            command,
            link,
            retry_after,
            person,
        }))
    }

    /// One more paragraph.
    pub(super) fn say(mut self, paragraph: impl Into<Words>) -> Self {
        self.0.text.push(paragraph.into());
        self
    }

    /// A line for an administrator's terminal, and what it is for.
    pub(super) fn command(mut self, lead: &'static str, line: String) -> Self {
        self.0.command = Some(Command { lead, line });
        self
    }

    /// Where to go from here: a path that follows the base path.
    pub(super) fn link(mut self, label: &'static str, path: impl Into<String>) -> Self {
        self.0.link = Some(Link {
            label,
            path: path.into(),
        });
        self
    }

    /// Who reads it.
    pub(super) fn to(mut self, person: &SignedIn) -> Self {
        self.0.person = Some(person.clone());
        self
    }
}

/// The notices that any page can give.
impl Notice {
    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is no such page")
            .say("The address may be mistyped, or the page may have moved.")
            .link("Go to the first page", "/")
    }

    pub(super) fn wrong_method() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "This page does not work that way",
        )
        .say("Open it in a browser, and use the buttons it shows.")
        .link("Go to the first page", "/")
    }

    /// Somebody the application lets in, and an administrator here does not.
    pub(super) fn barred() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "account_barred",
            "This account is barred here",
        )
        .say("An administrator has barred it. Nothing was changed.")
    }

    pub(super) fn address_taken() -> Self {
        Self::new(StatusCode::CONFLICT, "address_taken", "Somebody else has your address")
            .say("Another account here has the same e-mail address as yours, so the two cannot be told apart.")
            .say("Ask whoever looks after this service.")
    }

    pub(super) fn cross_site() -> Self {
        Self::new(StatusCode::FORBIDDEN, "cross_site", "This form came from somewhere else")
            .say("Nothing was changed. Forms are taken only when they are sent from a page of this server.")
            .say("If you were on such a page, open it at the server’s own address and try again.")
            .link("Go to the first page", "/")
    }

    pub(super) fn unreadable_form() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "invalid_form",
            "This form could not be read",
        )
        .say("Nothing was changed. Go back, load the page again, and send the form once more.")
        .link("Go to the first page", "/")
    }

    pub(super) fn form_too_large() -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "form_too_large",
            "This form is too large",
        )
        .say("Nothing was changed. Go back and send less text.")
        .link("Go to the first page", "/")
    }

    pub(super) fn too_many(retry_after: Duration) -> Self {
        let mut notice = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "rate_limited",
            "Too many tries",
        )
        .say(say("Try again in {wait}.").with("wait", when::wait(retry_after)));
        notice.0.retry_after = Some(retry_after);
        notice
    }

    pub(super) fn refused(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::RateLimited { retry_after } => Self::too_many(*retry_after),
            other => Self::not_now(other.to_string()),
        }
    }

    /// What cannot be done now, and why.
    pub(super) fn not_now(why: impl Into<Words>) -> Self {
        Self::new(StatusCode::CONFLICT, "refused", "This is not possible now").say(why)
    }

    pub(super) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_error",
            "Something went wrong here",
        )
        .say("This is a fault of the server, not yours. Try again in a while.")
        .say("If it stays, tell whoever runs this server what you did and when.")
    }
}

impl From<ServiceError> for Notice {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Refused(refusal) => Self::refused(&refusal),
            ServiceError::Failed(failure) => {
                tracing::error!(error = %failure, "a page failed");
                Self::internal()
            }
        }
    }
}

impl IntoResponse for Notice {
    fn into_response(self) -> Response {
        let mut response = self.0.status.into_response();
        response.extensions_mut().insert(RefusalCode(self.0.code));
        response.extensions_mut().insert(self);
        response
    }
}

/// Draws the notice on a response, if there is one.
pub(super) async fn render(State(app): State<App>, mut response: Response) -> Response {
    let Some(Notice(notice)) = response.extensions_mut().remove() else {
        return response;
    };
    let retry_after = notice.retry_after.and_then(seconds);
    let drawn = page(&NoticePage {
        shell: Shell::new(&app, notice.person.as_ref()),
        notice,
    });
    // Headers of the bare response stay, such as the Allow of a wrong method.
    for (name, value) in drawn.headers() {
        response.headers_mut().insert(name, value.clone());
    }
    if let Some(value) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, value);
    }
    *response.body_mut() = drawn.into_body();
    response
}

/// Rounded up: coming back a moment early would be refused again.
pub(super) fn seconds(wait: Duration) -> Option<HeaderValue> {
    HeaderValue::from_str(&wait.as_millis().div_ceil(1000).max(1).to_string()).ok()
}

#[derive(Template)]
#[template(path = "notice.html")]
struct NoticePage {
    shell: Shell,
    notice: Box<Content>,
}

#[cfg(test)]
mod tests {
    use procura_service::Failure;

    use super::*;

    #[test]
    fn what_broke_is_not_told() {
        let failure = Failure::Journal("/var/lib/procura/data.db is full".to_owned());
        let Notice(content) = Notice::from(ServiceError::from(failure));
        assert_eq!(content.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!format!("{content:?}").contains("data.db"), "{content:?}");
    }

    #[test]
    fn waiting_times_are_rounded_up() {
        let Notice(content) = Notice::too_many(Duration::from_millis(1));
        assert_eq!(content.retry_after.and_then(seconds).unwrap(), "1");
        assert_eq!(seconds(Duration::from_millis(1001)).unwrap(), "2");
    }
}
