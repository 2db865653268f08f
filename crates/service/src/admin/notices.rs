//! What became of notices, for administrators.

use procura_agent_auth::notice::Notice;
use procura_keys::clock::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::Listing;
use super::error::{AdminError, page, shown};
use crate::context::Context;

pub(super) async fn list(ctx: &Context, listing: &Listing) -> Result<Value, AdminError> {
    let notices = ctx.read().await?.list_notices(page(listing)?).await?;
    shown(&notices.iter().map(NoticeView::of).collect::<Vec<_>>())
}

/// A notice as shown to administrators.
#[derive(Serialize)]
struct NoticeView<'a> {
    notice_id: &'a str,
    receiver: &'a str,
    event: &'a str,
    user_id: Option<&'a str>,
    requests: Vec<&'a str>,
    status: &'a str,
    attempts: u32,
    due_at: Timestamp,
    error: Option<&'a str>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl<'a> NoticeView<'a> {
    fn of(notice: &'a Notice) -> Self {
        let requests = notice.requests.iter();
        Self {
            notice_id: notice.id.as_str(),
            receiver: &notice.receiver,
            event: notice.audience.event().as_str(),
            user_id: notice.audience.user_id().map(|id| id.0.as_str()),
            requests: requests.map(|one| one.approval_id.as_str()).collect(),
            status: notice.state.as_str(),
            attempts: notice.attempts,
            due_at: notice.due_at,
            error: notice.error.as_deref(),
            created_at: notice.created_at,
            updated_at: notice.updated_at,
        }
    }
}
