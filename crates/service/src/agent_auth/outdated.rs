//! Grants of capabilities that are not what they were when somebody granted them (§2.12).
//!
//! A grant says which form of its capability it is for, and is good for no other: a call finds that out by itself,
//! whatever happened at the same time, here or in another process. What is done here makes it visible: such grants are
//! taken back, on record, so that their agents ask again and people see what became of what they approved.

use std::collections::HashMap;

use procura_agent_auth::capability::{CapabilityName, Form};
use procura_agent_auth::grant::{Actor, Grant, GrantState};
use procura_agent_auth::id::AgentId;
use procura_store::agent_auth::GrantUpdate;
use procura_store::{Page, Transaction};
use serde_json::json;

use crate::audit;
use crate::catalogue::Catalogue;
use crate::context::Context;
use crate::error::{ServiceResult, decide_again};

/// Offers this from now on, and takes back what was granted of capabilities that are no longer what they were. Returns
/// how many grants that was. Grants of what is not offered any more stay, and are good again once it is back as it was.
pub async fn offer(ctx: &Context, catalogue: Catalogue) -> ServiceResult<usize> {
    let before = ctx.catalogue();
    let forms: HashMap<_, _> = catalogue
        .iter()
        .filter_map(|offered| Some((offered.shown.name.clone(), offered.form?)))
        .filter(|(name, form)| before.form(name) != Some(*form))
        .collect();
    ctx.set_catalogue(catalogue);
    let mut count = 0;
    for (name, form) in forms {
        loop {
            let taken = decide_again!(take_some_back(ctx, &name, form))?;
            if taken == 0 {
                break;
            }
            count += taken;
        }
    }
    Ok(count)
}

/// A few at a time, so that other writers get their turn.
async fn take_some_back(ctx: &Context, name: &CapabilityName, form: Form) -> ServiceResult<usize> {
    let first = Page {
        after: None,
        limit: AT_ONCE,
    };
    let mut tx = ctx.begin().await?;
    let outdated = tx.list_outdated_grants(name, form, first).await?;
    if outdated.is_empty() {
        return Ok(0);
    }
    for grant in &outdated {
        take_back(ctx, tx.as_mut(), grant).await?;
    }
    tx.commit().await?;
    let agents: Vec<&AgentId> = outdated.iter().map(|grant| &grant.agent_id).collect();
    ctx.snapshots().drop_agents(agents);
    Ok(outdated.len())
}

async fn take_back(ctx: &Context, tx: &mut dyn Transaction, grant: &Grant) -> ServiceResult<()> {
    let by = Actor::Policy;
    let now = ctx.now();
    let mut entry = audit::entry(now, "grant.revoked", by.to_record());
    if let Some(agent) = tx.find_agent(&grant.agent_id).await? {
        entry = audit::about_agent(entry, &agent);
    }
    entry.capability = Some(grant.capability.to_string());
    entry.detail = json!({ "grant_id": grant.id, "reason": CHANGED });
    tx.apply_grant(&GrantUpdate {
        id: grant.id.clone(),
        from: grant.state.status(),
        to: GrantState::Withdrawn { withdrawn_by: by },
        constraints: grant.constraints.clone(),
        reason: grant.reason.clone(),
        expires_at: grant.expires_at,
        uses: grant.uses,
        form: grant.form,
        at: now,
    })
    .await?;
    tx.append_audit(vec![entry]).await?;
    Ok(())
}

const AT_ONCE: u32 = 100;
/// In the audit log.
const CHANGED: &str = "capability_changed";
