//! Failures as a model can act on them: the protocol's code, what happened, and which tool to call next.

use procura_client::{CallerError, ClientError, NotApproved};
use rmcp::model::CallToolResult;
use serde_json::{Value, json};

use crate::error::CommandError;

/// The result of a tool that failed.
pub(super) fn result(error: &CommandError) -> CallToolResult {
    let mut body = error.to_json();
    if let Some(members) = body.as_object_mut() {
        members.remove("exit_code");
        if let Some(next) = next(error) {
            members.insert("next".to_owned(), json!(next));
        }
    }
    failed(body)
}

/// A failure that is no error of the client's.
pub(super) fn refused(code: &str, message: &str, next: &str) -> CallToolResult {
    failed(json!({ "error": code, "message": message, "next": next }))
}

fn failed(body: Value) -> CallToolResult {
    CallToolResult::structured_error(body)
}

fn next(error: &CommandError) -> Option<&'static str> {
    let CommandError::Client(error) = error else {
        return None;
    };
    match error {
        ClientError::Caller(error) => of_caller(error),
        ClientError::Refused(refused) => of_code(refused.code.as_deref()?),
        ClientError::NotApproved(NotApproved::Denied { .. }) => {
            Some("Accept the decision. Ask again only if the person tells you to.")
        }
        ClientError::NotApproved(NotApproved::Expired) => {
            Some("Nobody decided in time. If it is still wanted, ask again and tell the person.")
        }
        ClientError::JobStillRunning { .. } => {
            Some("The service is still at work. Do not run it again: it would be done twice.")
        }
        ClientError::WiderGrant(_) => Some(
            "Tell the person. request_capability asks for it again, within limits that they accept.",
        ),
        _ => None,
    }
}

fn of_caller(error: &CallerError) -> Option<&'static str> {
    match error {
        CallerError::UnknownAgent(_) | CallerError::AmbiguousAgent { .. } => {
            Some("list_agents shows the identifiers.")
        }
        CallerError::UnknownProvider { .. } => {
            Some("list_providers shows the known services; discover_provider finds one by its URL.")
        }
        CallerError::NotHeld(_) => Some("request_capability asks for it."),
        _ => None,
    }
}

fn of_code(code: &str) -> Option<&'static str> {
    Some(match code {
        "capability_not_granted" => "request_capability asks for it, if the person wants it.",
        "constraint_violated" => {
            "Stay within the limits, or ask for wider ones with request_capability and say why."
        }
        "invalid_capabilities" | "capability_not_found" => {
            "Choose from available_capabilities, or see list_capabilities."
        }
        "invalid_request" => "describe_capability shows what the arguments have to look like.",
        "agent_pending" => "The person has not decided yet. agent_status with wait_seconds waits.",
        "agent_expired" => "reactivate_agent brings the agent back with its host's defaults.",
        "agent_revoked"
        | "agent_rejected"
        | "agent_claimed"
        | "host_revoked"
        | "absolute_lifetime_exceeded" => {
            "This agent has ended. Ask the person before you connect another one."
        }
        "limit_exceeded" => "The grant is used up. request_capability asks for more.",
        "rate_limited" => "Wait as long as retry_after says.",
        _ => return None,
    })
}
