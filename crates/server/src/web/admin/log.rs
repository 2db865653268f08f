//! `/admin/log`: the audit log, newest first.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use procura_keys::clock::Timestamp;
use procura_service::administration::{self, LogPage};
use procura_service::audit::Verification;
use procura_store::audit::{Activity, AuditRecord};
use procura_store::search::AuditSearch;

use super::query::query;
use super::{Part, ROWS, shell};
use crate::app::App;
use crate::web::connected::rows::{Tag, short};
use crate::web::form::{Fields, Query};
use crate::web::notice::Notice;
use crate::web::page::{Shell, page};
use crate::web::signed::Admin;
use crate::web::text::visible;
use crate::web::when;
use crate::web::words::say;

/// `GET /admin/log`.
pub(super) async fn show(
    State(app): State<App>,
    Admin(admin): Admin,
    Query(fields): Query,
) -> Result<Response, Notice> {
    let search = read(&fields);
    let before = fields.text("before").parse::<i64>().ok();
    let found = administration::search_log(&app.ctx, &admin, &search, before, ROWS).await?;
    let shell = shell(&app, admin.person());
    Ok(page(&LogListPage::new(
        shell,
        &fields,
        found,
        app.ctx.now(),
    )))
}

/// `GET /admin/log/verify`.
pub(super) async fn verify(
    State(app): State<App>,
    Admin(admin): Admin,
) -> Result<Response, Notice> {
    let checked = administration::verify_log(&app.ctx, &admin).await?;
    Ok(page(&VerifiedPage {
        shell: shell(&app, admin.person()),
        here: Part::Log,
        checked,
    }))
}

/// What an address says is looked for.
pub(super) fn read(fields: &Fields) -> AuditSearch {
    let text = |name| {
        let text = fields.text(name).trim();
        (!text.is_empty()).then(|| text.to_owned())
    };
    AuditSearch {
        event: text("event"),
        outcome: text("outcome"),
        capability: text("capability"),
        user_id: text("person"),
        host_id: text("app"),
        agent_id: text("agent"),
    }
}

#[derive(Template)]
#[template(path = "admin/log.html")]
struct LogListPage {
    shell: Shell,
    here: Part,
    filters: Vec<Filter>,
    rows: Vec<RecordRow>,
    /// Whether anything is looked for.
    is_filtered: bool,
    /// Whether the newest records are shown.
    is_newest: bool,
    older: Option<String>,
    /// What an export of the same would be.
    export: String,
}

impl LogListPage {
    fn new(shell: Shell, fields: &Fields, found: LogPage, now: Timestamp) -> Self {
        let filters = FILTERS.map(|(name, label, hint)| Filter {
            name,
            label,
            hint,
            typed: fields.text(name).to_owned(),
        });
        let values: Vec<_> = filters
            .iter()
            .map(|filter| (filter.name, filter.typed.as_str()))
            .collect();
        let export = query(&values);
        let older = found.before.map(|before| {
            let before = before.to_string();
            query(&[values.as_slice(), &[("before", &before)]].concat())
        });
        Self {
            shell,
            here: Part::Log,
            is_filtered: filters.iter().any(|filter| !filter.typed.is_empty()),
            is_newest: fields.text("before").is_empty(),
            rows: found
                .records
                .into_iter()
                .map(|record| RecordRow::new(record, now))
                .collect(),
            older,
            export,
            filters: filters.into(),
        }
    }
}

#[derive(Template)]
#[template(path = "admin/verified.html")]
struct VerifiedPage {
    shell: Shell,
    here: Part,
    checked: Verification,
}

/// One field to look by.
struct Filter {
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    typed: String,
}

/// One record.
struct RecordRow {
    sequence: i64,
    iso: String,
    when: String,
    event: String,
    outcome: Tag,
    actor: String,
    capability: Option<String>,
    /// The agent, app and person: in short, where there is more about them, and in full.
    about: Vec<About>,
    detail: Option<String>,
}

impl RecordRow {
    fn new(record: AuditRecord, now: Timestamp) -> Self {
        let tone = match record.outcome.as_str() {
            "ok" | "active" | "approved" => "good",
            "pending" => "watch",
            _ => "bad",
        };
        let row = Self {
            sequence: record.sequence,
            iso: record.at.to_string(),
            when: when::moment(record.at, now),
            event: shown(&record.event),
            outcome: Tag::new(shown(&record.outcome), tone),
            actor: say("erased").to_string(),
            capability: None,
            about: Vec::new(),
            detail: None,
        };
        match record.activity {
            Some(activity) => row.with(activity),
            None => row,
        }
    }

    /// The part that is about people, and that can be erased.
    fn with(self, activity: Activity) -> Self {
        let detail = shown(&activity.detail.to_string());
        let about = [
            About::new(activity.agent_id, "/admin/agents/"),
            About::new(activity.host_id, "/admin/apps/"),
            About::new(activity.user_id, "/admin/log?person="),
        ];
        Self {
            actor: actor(&shown(&activity.actor)),
            capability: activity.capability.as_deref().map(shown),
            about: about.into_iter().flatten().collect(),
            detail: (detail != "{}").then_some(detail),
            ..self
        }
    }
}

/// What a record is about.
struct About {
    short: String,
    path: String,
}

impl About {
    fn new(id: Option<String>, page: &str) -> Option<Self> {
        let id = visible(&id?);
        Some(Self {
            short: short(&id),
            path: format!("{page}{id}"),
        })
    }
}

/// Who acted, with their identifier in short.
fn actor(actor: &str) -> String {
    match actor.split_once(':') {
        Some((kind, id)) => format!("{kind} {}", short(id)),
        None => actor.to_owned(),
    }
}

/// What is readable of a text of any length.
fn shown(text: &str) -> String {
    let text = visible(text);
    match text.char_indices().nth(MAX_CHARS) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

const FILTERS: [(&str, &str, &str); 6] = [
    ("event", "Event", "agent.revoked"),
    ("outcome", "Outcome", "ok"),
    ("capability", "Capability", "transfer"),
    ("agent", "Agent", "agt_…"),
    ("app", "App", "hst_…"),
    ("person", "Person", "usr_…"),
];

/// The export has all of it.
const MAX_CHARS: usize = 300;
