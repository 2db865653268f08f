//! `POST /capability/batch-execute`: several calls under one token, each judged, recorded and answered by itself.
//!
//! The token is verified and used up once. Its `capabilities` claim bounds every call of the batch.

use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream;
use procura_adapters::Reply;
use procura_agent_auth::refusal::Refusal;
use procura_agent_auth::wire::execute::{
    BatchCall, BatchOutcome, BatchRequest, BatchResponse, ExecuteRequest, JobStatus, MAX_BATCH,
};
use serde_json::Value;

use super::{INTERNAL_ERROR, Running, attempt_entry, authorize, call_backend};
use crate::agent_auth::account::{self, Spending};
use crate::agent_auth::caller::{AgentCaller, ExecutingAgent};
use crate::context::Context;
use crate::error::{ServiceError, ServiceResult};
use crate::journal::Entry;

/// Carries out a batch. It fails as a whole only when it cannot be read or recorded.
pub async fn batch_execute(
    ctx: &Context,
    executing: ExecutingAgent,
    request: BatchRequest,
) -> ServiceResult<BatchResponse> {
    let ExecutingAgent { caller, unsaved } = executing;
    ctx.journal().write(unsaved).await?;
    let count = request.requests.len();
    if !(1..=MAX_BATCH).contains(&count) {
        let message = format!("requests has to hold 1 to {MAX_BATCH} calls.");
        let refused = Err(Refusal::invalid(message).into());
        return caller.record(ctx, "batch_execute", refused).await;
    }
    let caller = Arc::new(caller);
    let calls = stream::iter(request.requests.into_iter().enumerate());
    let outcomes = calls.map(|(place, BatchCall { id, call })| {
        let caller = Arc::clone(&caller);
        async move {
            let id = id.unwrap_or_else(|| place.to_string());
            outcome(id, run(ctx, caller, place, call).await)
        }
    });
    Ok(BatchResponse {
        responses: outcomes.buffered(AT_ONCE).collect().await,
    })
}

/// One call, from its limits to its record.
async fn run(
    ctx: &Context,
    caller: Arc<AgentCaller>,
    place: usize,
    call: ExecuteRequest,
) -> ServiceResult<Value> {
    let arguments = call.arguments.unwrap_or_default();
    // The token paid for the first call; a batch is no way around the limit.
    let within = match place {
        0 => Ok(()),
        _ => account::charge_agent(ctx, &caller.snapshot, Spending::Work),
    };
    let authorized = match within {
        Ok(()) => authorize(ctx, &caller, &call.capability, &arguments).await,
        Err(refusal) => Err(refusal.into()),
    };
    let mut audit = attempt_entry(ctx, &caller, &call.capability, &arguments, &authorized);
    audit.detail["place_in_batch"] = place.into();
    ctx.journal()
        .write(Entry {
            audit: Some(audit),
            ..Entry::default()
        })
        .await?;
    let (offered, _) = authorized?;
    let running = Arc::new(Running { caller, offered });
    match call_backend(ctx, &running, &arguments, false).await {
        Ok(Reply::Value(value)) => {
            running.finish(ctx, "ok").await?;
            Ok(value)
        }
        Ok(Reply::Job(_) | Reply::Stream(_) | Reply::Narrated(_)) => {
            let refusal = Refusal::NotInABatch;
            running.finish(ctx, refusal.code_and_status().0).await?;
            Err(refusal.into())
        }
        Err(error) => {
            running.finish(ctx, super::outcome(&error)).await?;
            Err(error)
        }
    }
}

fn outcome(id: String, result: ServiceResult<Value>) -> BatchOutcome {
    match result {
        Ok(data) => BatchOutcome {
            id,
            status: JobStatus::Completed,
            data: Some(data),
            error: None,
        },
        Err(error) => {
            let mut body = match error {
                ServiceError::Refused(refusal) => refusal.body(),
                ServiceError::Failed(failure) => {
                    tracing::error!(error = %failure, "a call of a batch failed");
                    serde_json::json!({ "error": INTERNAL_ERROR, "message": "The capability failed." })
                }
            };
            body["code"] = body["error"].clone();
            BatchOutcome {
                id,
                status: JobStatus::Failed,
                data: None,
                error: Some(body),
            }
        }
    }
}

/// How many calls of a batch run at once.
const AT_ONCE: usize = 8;
