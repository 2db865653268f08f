//! The requests that wait for one person (§7.2), who finds them here without a code.

use procura_agent_auth::approval::Channel;
use procura_agent_auth::id::ApprovalId;
use procura_people::consent::ConsentView;

use super::consent::{self, ConsentError, File};
use crate::context::Context;
use crate::people::SignedIn;

/// What waits for this person's decision, newest first. Short: so many requests may wait, and no more.
pub async fn list(ctx: &Context, person: &SignedIn) -> Result<Vec<ConsentView>, ConsentError> {
    let mut tx = ctx.read().await?;
    let mut waiting = Vec::new();
    for approval in tx.list_inbox(&consent::user_id(person), ctx.now()).await? {
        let file = File::load(tx.as_mut(), &approval.id).await?;
        // The agent may have ended since, with nobody to cancel what it asked for.
        if file.require_answerable(ctx, person).is_ok() {
            waiting.push(file.view(ctx));
        }
    }
    Ok(waiting)
}

/// One of them. A request with a code is not here: whoever opens it has to know its code.
pub async fn view(
    ctx: &Context,
    person: &SignedIn,
    id: &ApprovalId,
) -> Result<ConsentView, ConsentError> {
    let found = ctx.read().await?.find_approval(id).await?;
    match found.map(|approval| approval.channel) {
        Some(Channel::Inbox { .. }) => consent::view(ctx, person, id).await,
        Some(Channel::Code { .. } | Channel::Custom { .. }) | None => Err(ConsentError::Unknown),
    }
}
