//! `/admin/capabilities`: what the server offers, what approving it takes, and who holds it.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use procura_agent_auth::capability::{ApprovalStrength, CapabilityName};
use procura_agent_auth::id::GrantId;
use procura_service::administration;
use procura_service::catalogue::Offered;
use procura_store::Page;

use super::agents::AgentRow;
use super::query::query;
use super::{Part, ROWS, page_of, shell};
use crate::app::App;
use crate::web::connected::rows::Tag;
use crate::web::form::Query;
use crate::web::limit;
use crate::web::notice::Notice;
use crate::web::page::{Shell, page};
use crate::web::signed::Admin;
use crate::web::text::visible;

/// `GET /admin/capabilities`.
pub(super) async fn show(State(app): State<App>, Admin(admin): Admin) -> Response {
    let catalogue = app.ctx.catalogue();
    let offered = catalogue.iter();
    page(&CapabilitiesPage {
        shell: shell(&app, admin.person()),
        here: Part::Capabilities,
        rows: offered.map(|one| CapabilityRow::new(one)).collect(),
    })
}

/// `GET /admin/capabilities/{name}`.
pub(super) async fn show_one(
    State(app): State<App>,
    Admin(admin): Admin,
    Path(name): Path<String>,
    Query(fields): Query,
) -> Result<Response, Notice> {
    let unknown = || Notice::not_found().to(admin.person());
    let name = name.parse::<CapabilityName>().map_err(|_| unknown())?;
    let after = fields.text("after").parse::<GrantId>().ok();
    let limit = ROWS + 1;
    let page_wanted = Page { after, limit };
    let mut found = administration::list_holders(&app.ctx, &admin, &name, page_wanted).await?;
    let last = page_of(&mut found);
    let next = last.map(|last| query(&[("after", last.held.grant.id.as_str())]));
    let now = app.ctx.now();
    let catalogue = app.ctx.catalogue();
    let offered = catalogue.find(&name);
    Ok(page(&HoldersPage {
        shell: shell(&app, admin.person()),
        here: Part::Capabilities,
        name: visible(name.as_str()),
        capability: offered.map(|offered| CapabilityRow::new(offered)),
        rows: found
            .iter()
            .map(|holder| HolderRow {
                agent: AgentRow::new(&holder.agent, now),
                limits: holder.held.limits.iter().map(limit::sentence).collect(),
            })
            .collect(),
        next,
    }))
}

#[derive(Template)]
#[template(path = "admin/capabilities.html")]
struct CapabilitiesPage {
    shell: Shell,
    here: Part,
    rows: Vec<CapabilityRow>,
}

#[derive(Template)]
#[template(path = "admin/holders.html")]
struct HoldersPage {
    shell: Shell,
    here: Part,
    name: String,
    /// Absent when it is not offered any more.
    capability: Option<CapabilityRow>,
    rows: Vec<HolderRow>,
    next: Option<String>,
}

struct CapabilityRow {
    name: String,
    description: String,
    approval: Tag,
    is_default: bool,
    location: Option<String>,
}

impl CapabilityRow {
    fn new(offered: &Offered) -> Self {
        let approval = match offered.approval {
            ApprovalStrength::None => Tag::new("nobody has to approve", ""),
            ApprovalStrength::Session => Tag::new("a signed-in person", "good"),
            ApprovalStrength::Presence => Tag::new("a person with a passkey", "watch"),
        };
        Self {
            name: offered.shown.name.to_string(),
            description: offered.shown.description.clone(),
            approval,
            is_default: offered.is_default,
            location: offered.shown.location.clone(),
        }
    }
}

struct HolderRow {
    agent: AgentRow,
    limits: Vec<String>,
}
