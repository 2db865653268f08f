//! `/admin/notices`: whom the server told of what waits, and what went wrong with it.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use procura_agent_auth::id::NoticeId;
use procura_agent_auth::notice::{Audience, Notice as Sent, NoticeState};
use procura_keys::clock::Timestamp;
use procura_service::administration;
use procura_store::Page;

use super::query::query;
use super::{Part, ROWS, page_of, shell};
use crate::app::App;
use crate::web::connected::rows::Tag;
use crate::web::form::Query;
use crate::web::notice::Notice;
use crate::web::page::{Shell, page};
use crate::web::signed::Admin;
use crate::web::text::visible;
use crate::web::when;

/// `GET /admin/notices`.
pub(super) async fn show(
    State(app): State<App>,
    Admin(admin): Admin,
    Query(fields): Query,
) -> Result<Response, Notice> {
    let after = NoticeId::try_from(fields.text("after").to_owned()).ok();
    let limit = ROWS + 1;
    let mut found = administration::list_notices(&app.ctx, &admin, Page { after, limit }).await?;
    let next = page_of(&mut found).map(|last| query(&[("after", last.id.as_str())]));
    let now = app.ctx.now();
    Ok(page(&NoticesPage {
        shell: shell(&app, admin.person()),
        here: Part::Notices,
        is_told: !app.ctx.policy().notices.receivers.is_empty(),
        rows: found.iter().map(|sent| Row::new(sent, now)).collect(),
        next,
    }))
}

#[derive(Template)]
#[template(path = "admin/notices.html")]
struct NoticesPage {
    shell: Shell,
    here: Part,
    /// Whether the server tells anybody of anything.
    is_told: bool,
    rows: Vec<Row>,
    next: Option<String>,
}

/// One notice.
struct Row {
    made: String,
    receiver: String,
    /// The identifier of the person; whoever runs the server has none.
    person: Option<String>,
    requests: usize,
    state: Tag,
    attempts: u32,
    error: Option<String>,
    /// When it is tried again.
    next: Option<String>,
}

impl Row {
    fn new(sent: &Sent, now: Timestamp) -> Self {
        let state = match (sent.state, sent.attempts) {
            (NoticeState::Waiting, 0) => Tag::new("waits", ""),
            (NoticeState::Waiting, _) => Tag::new("tried", "watch"),
            (NoticeState::Delivered, _) => Tag::new("delivered", "good"),
            (NoticeState::Dead, _) => Tag::new("given up", "bad"),
            (NoticeState::Dropped, _) => Tag::new("not needed", ""),
        };
        let waits = sent.state == NoticeState::Waiting;
        Self {
            made: when::moment(sent.created_at, now),
            receiver: visible(&sent.receiver),
            person: match &sent.audience {
                Audience::Person(user) => Some(user.0.clone()),
                Audience::Administrators => None,
            },
            requests: sent.requests.len(),
            state,
            attempts: sent.attempts,
            error: sent.error.as_deref().map(visible),
            next: waits.then(|| when::moment(sent.due_at, now)),
        }
    }
}
