//! Showing a person where to approve, and waiting until they have.

use procura_client::{AgentStanding, Approval, Awaited, Client, ClientError, Pending, Progress};
use serde_json::{Value, json};

use super::standing::outcome;
use crate::error::{CommandError, harmless};
use crate::outcome::Outcome;
use crate::printer::Printer;

/// Shows what has to be done and waits for the decision, or with `no_wait` leaves it at that.
pub(crate) async fn settle(
    client: &Client,
    printer: &Printer,
    pending: &Pending,
    no_wait: bool,
) -> Result<Outcome, CommandError> {
    printer.insist(&instructions(&pending.approval));
    if no_wait {
        return Ok(Outcome::done(
            &pending_value(pending),
            waiting_text(pending),
        ));
    }
    let decided = wait(client, printer, pending).await?;
    Ok(outcome(printer, &decided))
}

async fn wait(
    client: &Client,
    printer: &Printer,
    pending: &Pending,
) -> Result<AgentStanding, ClientError> {
    printer.say("Waiting for approval.");
    let id = harmless(&pending.agent_id);
    printer.say(&format!("Cut off, 'procura status {id} --wait' goes on."));
    let mut progress = |progress: &Progress| match progress {
        Progress::StillPending { remaining } => {
            let seconds = remaining.as_secs();
            printer.ticker(&format!("Nobody has decided yet; {seconds} s left."));
        }
        Progress::AskingLater { after, reason } => {
            let seconds = after.as_secs();
            let reason = harmless(reason);
            printer.say(&format!("{reason}; asking again in {seconds} s."));
        }
    };
    let decided = client.wait_for_approval(pending, &mut progress).await;
    printer.ticker("");
    decided
}

/// All of the page's URL, so that its domain can be checked before anybody signs in there.
fn instructions(approval: &Approval) -> String {
    let mut lines = Vec::new();
    match (
        &approval.verification_uri,
        &approval.verification_uri_complete,
    ) {
        (Some(page), _) => {
            lines.push(format!("To approve, open  {page}"));
            if let Some(code) = &approval.user_code {
                lines.push(format!("and enter         {}", harmless(code)));
            }
        }
        (None, Some(_)) => {}
        (None, None) => lines.push("The service asks the approver itself.".to_owned()),
    }
    if let Some(page) = &approval.verification_uri_complete {
        let start = if lines.is_empty() {
            "To approve, open "
        } else {
            "or open directly "
        };
        lines.push(format!("{start} {page}"));
    }
    if let Some(message) = &approval.binding_message {
        lines.push(format!("The approver sees: {}", harmless(message)));
    }
    if approval.is_elsewhere {
        lines.push(
            "warning: this page is not on the service's own domain; check it before signing in"
                .to_owned(),
        );
    }
    lines.push(format!("It has to happen before {}.", approval.expires_at));
    lines.join("\n")
}

fn waiting_text(pending: &Pending) -> String {
    let id = harmless(&pending.agent_id);
    let what = match &pending.awaited {
        Awaited::Agent => format!("Agent {id} waits for approval."),
        Awaited::Grants(names) => {
            format!("Waiting for approval: {}.", harmless(&names.join(", ")))
        }
    };
    format!("{what} 'procura status {id} --wait' waits for the decision.")
}

pub(crate) fn pending_value(pending: &Pending) -> Value {
    let approval = &pending.approval;
    json!({
        "agent_id": pending.agent_id,
        "status": "pending",
        "approval": {
            "method": approval.method,
            "verification_uri": approval.verification_uri,
            "verification_uri_complete": approval.verification_uri_complete,
            "user_code": approval.user_code,
            "expires_at": approval.expires_at,
            "interval": approval.interval,
        },
    })
}
