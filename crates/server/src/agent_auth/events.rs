//! `GET /agent/events/{token}`: how an agent stands, as server-sent events, while its request for approval is open
//! (§10.10.2).

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use http::header::{CACHE_CONTROL, REFERRER_POLICY};
use procura_agent_auth::wire::status::StatusResponse;
use procura_service::agent_auth::notification;

use crate::app::App;
use crate::error::Rejection;

/// Whoever knows the URL listens: it is as long as a key, and kept by nobody but the client.
pub(super) async fn events(
    State(app): State<App>,
    Path(token): Path<String>,
) -> Result<Response, Rejection> {
    let changes = notification::listen(&app.ctx, &token).await?;
    let again = app.ctx.policy().approval_interval;
    let events = unfold((changes, Some(again)), |(mut changes, again)| async move {
        let status = changes.recv().await?;
        Some((Ok::<_, Infallible>(event(&status, again)), (changes, None)))
    });
    let alive = KeepAlive::new().interval(KEEP_ALIVE);
    let headers = [
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    Ok((headers, Sse::new(events).keep_alive(alive)).into_response())
}

/// The first one says how long to wait before connecting again.
fn event(status: &StatusResponse, again: Option<Duration>) -> Event {
    let event = Event::default().event("status");
    let event = match again {
        Some(again) => event.retry(again),
        None => event,
    };
    // The body of an answer that is made of texts, numbers and lists always prints.
    let body = serde_json::to_string(status).unwrap_or_default();
    event.data(body)
}

const KEEP_ALIVE: Duration = Duration::from_secs(15);
