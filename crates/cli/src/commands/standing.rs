//! Showing where an agent stands.

use procura_agent_auth::wire::grant::GrantObject;
use procura_client::AgentStanding;

use crate::error::harmless;
use crate::exit::Exit;
use crate::json::one_line;
use crate::outcome::Outcome;
use crate::printer::Printer;
use crate::table::table;

/// The outcome of a decision: where the agent stands, and whether anything was approved at all.
pub(crate) fn outcome(printer: &Printer, standing: &AgentStanding) -> Outcome {
    let outcome = shown(printer, standing);
    let denied = standing.denied().count();
    if denied > 0 && denied == standing.grants.len() {
        return outcome.with_exit(Exit::NotApproved);
    }
    outcome
}

/// Where an agent stands, with a warning for each grant that is wider than what was asked for.
pub(crate) fn shown(printer: &Printer, standing: &AgentStanding) -> Outcome {
    for wide in &standing.wider {
        printer.insist(&format!(
            "warning: {} was asked for within {} and granted within {}. The service gave more than it should, \
             so it is not used.",
            harmless(&wide.capability),
            one_line(&wide.asked),
            harmless(&wide.limits()),
        ));
    }
    Outcome::done(standing, text(standing))
}

fn text(standing: &AgentStanding) -> String {
    let mut lines = vec![format!(
        "Agent {} ({}) at {} is {}.",
        harmless(&standing.agent_id),
        harmless(&standing.name),
        harmless(&standing.issuer),
        harmless(&standing.status)
    )];
    if let Some(user) = &standing.user_id {
        lines.push(format!("It acts for {}.", harmless(user)));
    }
    if let Some(end) = &standing.expires_at {
        lines.push(format!("Its session ends at {}.", harmless(end)));
    }
    if standing.grants.is_empty() {
        lines.push("It holds no capabilities.".to_owned());
    } else {
        lines.push(grants(&standing.grants));
    }
    lines.join("\n")
}

fn grants(grants: &[GrantObject]) -> String {
    let row = |grant: &GrantObject| {
        let limits = grant.constraints.as_ref().map(one_line);
        [
            grant.capability.to_string(),
            grant.status.clone(),
            limits.unwrap_or_else(|| "-".to_owned()),
            grant.reason.clone().unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = grants.iter().map(row).collect();
    table(["CAPABILITY", "STATUS", "LIMITS", "REASON"], &rows)
}
