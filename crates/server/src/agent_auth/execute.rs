//! `POST /capability/execute` and the state of what it started (§5.11).

use std::convert::Infallible;

use axum::Json;
use axum::extract::State;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::Stream;
use futures_util::stream::unfold;
use http::header::{ACCEPT, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use procura_agent_auth::refusal::Refusal;
use procura_agent_auth::wire::execute::{
    BatchRequest, BatchResponse, ExecuteRequest, ExecuteResponse, JobResponse, JobStatus,
};
use procura_service::agent_auth::execute::batch;
use procura_service::agent_auth::execute::jobs::{self, JobId, JobState};
use procura_service::agent_auth::execute::{self, Execution, Piece};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::caller::{Asking, Executing};
use crate::app::App;
use crate::error::{Rejection, error_body};
use crate::json::Body;

pub(super) async fn execute(
    State(app): State<App>,
    Executing(caller): Executing,
    headers: HeaderMap,
    body: Result<Body<ExecuteRequest>, Rejection>,
) -> Result<Response, Rejection> {
    let request = match Body::content(body) {
        Ok(request) => request,
        Err(error) => return Err(execute::refuse_unread(&app.ctx, caller, error).await.into()),
    };
    let in_pieces = takes_events(&headers);
    Ok(
        match execute::execute(&app.ctx, caller, request, in_pieces).await? {
            Execution::Done(data) => Json(ExecuteResponse { data }).into_response(),
            Execution::Started(job) => (StatusCode::ACCEPTED, pending(&app, &job)).into_response(),
            Execution::Streaming(pieces) => Sse::new(events(pieces)).into_response(),
        },
    )
}

/// Whether a client names events among the types it takes. "Anything" does not mean them.
fn takes_events(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(ACCEPT).into_iter();
    let mut types = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(|range| range.split(';').next().unwrap_or_default().trim());
    types.any(|media_type| media_type.eq_ignore_ascii_case("text/event-stream"))
}

/// Carries out several calls under one token.
pub(super) async fn batch_execute(
    State(app): State<App>,
    Executing(caller): Executing,
    body: Result<Body<BatchRequest>, Rejection>,
) -> Result<Json<BatchResponse>, Rejection> {
    let request = match Body::content(body) {
        Ok(request) => request,
        Err(error) => return Err(execute::refuse_unread(&app.ctx, caller, error).await.into()),
    };
    Ok(Json(batch::batch_execute(&app.ctx, caller, request).await?))
}

/// Tells the agent that started a job how it stands.
pub(super) async fn job(
    State(app): State<App>,
    Asking(caller, name): Asking,
) -> Result<Response, Rejection> {
    let state = jobs::state(&app.ctx, &caller, &name).await?;
    Ok(match state {
        JobState::Pending => pending(&app, &JobId::from_name(name)).into_response(),
        JobState::Completed(value) => Json(JobResponse {
            status: JobStatus::Completed,
            status_url: None,
            result: Some(value),
            error: None,
        })
        .into_response(),
        JobState::Failed(error) => failed(error).into_response(),
        JobState::Interrupted => failed(Some(Refusal::JobInterrupted.body())).into_response(),
    })
}

fn failed(error: Option<Value>) -> Json<JobResponse> {
    let untold = || json!({ "error": "internal_error", "message": "The capability failed." });
    Json(JobResponse {
        status: JobStatus::Failed,
        status_url: None,
        result: None,
        error: Some(error.unwrap_or_else(untold)),
    })
}

fn pending(app: &App, job: &JobId) -> impl IntoResponse {
    let status_url = Some(job.status_url(&app.ctx));
    let answer = JobResponse {
        status: JobStatus::Pending,
        status_url,
        result: None,
        error: None,
    };
    ([(RETRY_AFTER, "1")], Json(answer))
}

/// Pieces as server-sent events: `data`, and at the end `done`, with the result if the pieces were none, or `error`.
fn events(pieces: mpsc::Receiver<Piece>) -> impl Stream<Item = Result<Event, Infallible>> {
    unfold(pieces, |mut pieces| async move {
        let event = match pieces.recv().await? {
            Piece::Data(value) => Event::default().event("data").data(value.to_string()),
            Piece::Cut(error) => Event::default()
                .event("error")
                .data(error_body(&error).to_string()),
            Piece::Done(result) => {
                let result = result.unwrap_or_else(|| json!({}));
                Event::default().event("done").data(result.to_string())
            }
        };
        Some((Ok(event), pieces))
    })
}
