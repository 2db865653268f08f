//! `GET /admin`: whether the server does well.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use procura_service::administration;
use procura_store::search::AuditSearch;

use super::{Part, shell};
use crate::app::App;
use crate::web::connected::rows::Tag;
use crate::web::notice::Notice;
use crate::web::page::{Shell, page};
use crate::web::signed::Admin;
use crate::web::when;

/// What can be asked of a server that answers at all.
pub(super) async fn show(State(app): State<App>, Admin(admin): Admin) -> Result<Response, Notice> {
    let store = match app.ctx.check_ready().await {
        Ok(()) => Tag::new("reads and writes", "good"),
        Err(error) => {
            tracing::error!(%error, "not ready");
            Tag::new("cannot be written", "bad")
        }
    };
    let nothing = AuditSearch::default();
    let newest = administration::search_log(&app.ctx, &admin, &nothing, None, 1).await?;
    let (now, newest) = (app.ctx.now(), newest.records.first());
    let limits = match app.ctx.limits().rates() {
        Some(_) => Tag::new("in force", "good"),
        None => Tag::new("switched off", "bad"),
    };
    let transport = if app.is_https() {
        Tag::new("https", "good")
    } else {
        Tag::new("plain http, for development", "watch")
    };
    Ok(page(&HealthPage {
        shell: shell(&app, admin.person()),
        here: Part::Health,
        issuer: app.ctx.provider().issuer.clone(),
        version: env!("CARGO_PKG_VERSION"),
        store,
        limits,
        transport,
        records: newest.map_or(0, |record| record.sequence),
        latest: newest.map(|record| when::ago(record.at, now)),
        clock: when::moment(now, now),
    }))
}

#[derive(Template)]
#[template(path = "admin/health.html")]
struct HealthPage {
    shell: Shell,
    here: Part,
    issuer: String,
    version: &'static str,
    store: Tag,
    limits: Tag,
    transport: Tag,
    /// How many records the audit log has had.
    records: i64,
    latest: Option<String>,
    clock: String,
}
