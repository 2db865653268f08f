//! What happens to a call that needs a person's decision.

use std::time::Duration;

use procura_client::{Client, ClientError, Pending, Progress};
use rmcp::model::{CallToolResponse, CallToolResult};
use tokio::sync::mpsc;

use super::answer;
use super::asking::{Said, Session};
use super::failure;

/// Sends the person to the page where the client can; else says what to show them. Waits only for somebody who
/// has gone there.
pub(super) async fn settle(
    session: &Session<'_>,
    pending: &Pending,
) -> Result<CallToolResult, CallToolResponse> {
    let approval = &pending.approval;
    let page = approval.verification_uri_complete.as_ref();
    let page = page.or(approval.verification_uri.as_ref());
    // A page on another domain is for the person to judge first, with the warning beside it.
    if let Some(page) = page.filter(|_| !approval.is_elsewhere) {
        let message = match &approval.user_code {
            Some(code) => format!("Decide what the agent may do. The code is {code}."),
            None => "Decide what the agent may do.".to_owned(),
        };
        if session.send_to(page, message, &pending.agent_id).await? == Said::Yes {
            return Ok(wait(session, pending, AFTER_VISIT).await);
        }
    }
    Ok(CallToolResult::structured(answer::pending(pending)))
}

/// Waits for the decision for at most `limit`.
pub(super) async fn wait(
    session: &Session<'_>,
    pending: &Pending,
    limit: Duration,
) -> CallToolResult {
    let client = &session.server.client;
    let (heard, mut reports) = mpsc::unbounded_channel();
    let mut listener = move |progress: &Progress| {
        // Nobody listens after the wait is over.
        let _ = heard.send(progress.clone());
    };
    let decision = client.wait_for_approval(pending, &mut listener);
    tokio::pin!(decision);
    let deadline = tokio::time::sleep(limit);
    tokio::pin!(deadline);
    let mut count = 0;
    loop {
        tokio::select! {
            biased;
            Some(report) = reports.recv() => {
                count += 1;
                session.progress(count, words(&report)).await;
            }
            decided = &mut decision => return outcome(session, decided).await,
            () = &mut deadline => return CallToolResult::structured(answer::pending(pending)),
        }
    }
}

async fn outcome(
    session: &Session<'_>,
    decided: Result<procura_client::AgentStanding, ClientError>,
) -> CallToolResult {
    session.tools_changed().await;
    match decided {
        Ok(standing) => CallToolResult::structured(answer::standing(&standing)),
        Err(error) => failure::result(&error.into()),
    }
}

/// What an agent still waits for, if it does.
pub(super) fn open(client: &Client, agent: &str) -> Option<Pending> {
    client.pending(agent).ok()
}

fn words(progress: &Progress) -> String {
    match progress {
        Progress::StillPending { remaining } => {
            format!("Not decided yet; {} s are left.", remaining.as_secs())
        }
        Progress::AskingLater { after, reason } => {
            format!("{reason}; asking again in {} s.", after.as_secs())
        }
    }
}

/// For how long a person who went to the page is waited for within the call.
const AFTER_VISIT: Duration = Duration::from_secs(45);
