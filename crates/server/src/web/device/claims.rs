//! What an app did on its own before a person connects it (AAP §9.3). Connecting makes it theirs to answer for, so
//! they see it first.

use procura_service::ServiceResult;
use procura_service::agent_auth::connected::activity::{self, ClaimableAgent};
use procura_service::people::SignedIn;

use crate::app::App;
use crate::web::connected::events::EventRow;
use crate::web::text::visible;

/// An agent that ends as the person's.
pub(super) struct ClaimRow {
    pub(super) name: String,
    pub(super) events: Vec<EventRow>,
    /// Whether it did more than is shown.
    pub(super) has_more: bool,
}

/// The agents that approving the request with this reference claims.
pub(super) async fn of_request(
    app: &App,
    person: &SignedIn,
    reference: &str,
) -> ServiceResult<Vec<ClaimRow>> {
    let Ok(id) = reference.parse() else {
        return Ok(Vec::new());
    };
    let now = app.ctx.now();
    let claimable = activity::before_claiming(&app.ctx, &id).await?;
    let row = |claimable: &ClaimableAgent| ClaimRow {
        name: visible(&claimable.agent.name),
        events: claimable
            .activity
            .events
            .iter()
            .map(|event| EventRow::new(event, &person.person.id.0, now))
            .collect(),
        has_more: claimable.activity.before.is_some(),
    };
    Ok(claimable.iter().map(row).collect())
}
