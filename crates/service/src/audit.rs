//! Putting audit entries together, and reading the log back.

use procura_agent_auth::agent::Agent;
use procura_agent_auth::grant::Actor;
use procura_agent_auth::host::Host;
use procura_agent_auth::refusal::Refusal;
use procura_keys::clock::Timestamp;
use procura_keys::digest::{sha256, to_base64url};
use procura_store::Store;
use procura_store::audit::{AuditEntry, ChainBreak, ChainCheck, CheckedLog};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::context::{ArgumentsPolicy, Context};
use crate::error::{ServiceError, ServiceResult};

/// An entry about nothing in particular yet.
pub(crate) fn entry(at: Timestamp, event: &str, actor: String) -> AuditEntry {
    AuditEntry {
        at,
        event: event.to_owned(),
        actor,
        user_id: None,
        host_id: None,
        agent_id: None,
        capability: None,
        outcome: "ok".to_owned(),
        jti: None,
        detail: json!({}),
    }
}

/// How an agent is named as the one who acts.
pub(crate) fn agent_actor(agent: &Agent) -> String {
    format!("agent:{}", agent.id)
}

/// How a host is named as the one who acts.
pub(crate) fn host_actor(host: &Host) -> String {
    format!("host:{}", host.id)
}

/// How whoever decides is named.
pub(crate) fn actor(actor: &Actor) -> String {
    actor.to_record()
}

/// The entry, about this host.
pub(crate) fn about_host(mut entry: AuditEntry, host: &Host) -> AuditEntry {
    entry.host_id = Some(host.id.to_string());
    entry.user_id = host.user_id.as_ref().map(ToString::to_string);
    entry
}

/// The entry, about this agent.
pub(crate) fn about_agent(mut entry: AuditEntry, agent: &Agent) -> AuditEntry {
    entry.agent_id = Some(agent.id.to_string());
    entry.host_id = Some(agent.host_id.to_string());
    entry.user_id = agent.user_id.as_ref().map(ToString::to_string);
    entry
}

/// The code under which an outcome is recorded.
pub(crate) fn outcome<T>(result: &ServiceResult<T>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(ServiceError::Refused(refusal)) => refusal.code_and_status().0,
        Err(ServiceError::Failed(_)) => "internal_error",
    }
}

/// What of the arguments may be kept.
pub(crate) fn arguments(policy: ArgumentsPolicy, arguments: &Map<String, Value>) -> Value {
    match policy {
        ArgumentsPolicy::Full => json!({ "arguments": arguments }),
        ArgumentsPolicy::Digest => {
            let text = Value::Object(arguments.clone()).to_string();
            json!({ "arguments_sha256": to_base64url(&sha256(text.as_bytes())) })
        }
        ArgumentsPolicy::Omit => json!({}),
    }
}

/// Records that an authenticated caller was refused. What is refused before that is not the caller's doing.
pub(crate) async fn record_refusal(
    ctx: &Context,
    operation: &str,
    refusal: &Refusal,
    make: impl FnOnce(AuditEntry) -> AuditEntry,
    actor: String,
) -> ServiceResult<()> {
    let mut refused = make(entry(ctx.now(), "request.refused", actor));
    refused.outcome = refusal.code_and_status().0.to_owned();
    refused.detail = json!({ "operation": operation });
    ctx.journal()
        .write(crate::journal::Entry {
            audit: Some(refused),
            ..Default::default()
        })
        .await
}

/// What checking the whole log found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// How many records were checked.
    pub records: i64,
    /// The place of the first one, which is later than 1 once the log was cut off.
    pub first: Option<i64>,
    /// The hash of the last one, base64url. Kept elsewhere, it shows later that the end was not cut off.
    pub head: Option<String>,
    /// How many have lost the part that is about people.
    pub erased: i64,
    /// When how much of that was erased, and why, oldest first.
    pub erasures: Vec<ErasureView>,
    /// When the log was last cut off.
    pub cut_at: Option<Timestamp>,
    /// Where the log stops being trustworthy, if it does.
    pub broken: Option<String>,
}

/// One erasure on record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureView {
    /// When.
    pub at: Timestamp,
    /// `person`, who wanted it or is gone, or `age`.
    pub why: String,
    /// Of how many records.
    pub count: i64,
    /// Which, as in `3-17,20`.
    pub records: String,
}

/// Checks every link of the log, and that everything that is gone was removed on record.
pub async fn verify(ctx: &Context) -> ServiceResult<Verification> {
    verify_store(ctx.store()).await
}

/// The same, for a store that nothing serves.
pub(crate) async fn verify_store(store: &dyn Store) -> ServiceResult<Verification> {
    let mut check = ChainCheck::default();
    // One state throughout: the log may be cut off meanwhile.
    let mut tx = store.read().await?;
    loop {
        let after = check.last().map_or(0, |(sequence, _)| sequence);
        let records = tx.list_audit(after, VERIFY_BATCH).await?;
        if records.is_empty() {
            break;
        }
        for record in records {
            if let Err(broken) = check.add(&record) {
                return Ok(verification(check.so_far(), Some(broken)));
            }
        }
    }
    let log = check.so_far();
    Ok(match check.finish() {
        Ok(log) => verification(log, None),
        Err(broken) => verification(log, Some(broken)),
    })
}

fn verification(log: CheckedLog, broken: Option<ChainBreak>) -> Verification {
    let erasures = log.erasures.into_iter().map(|erasure| ErasureView {
        at: erasure.at,
        why: erasure.why,
        count: erasure.places.count(),
        records: erasure.places.to_string(),
    });
    Verification {
        records: log.records,
        first: log.first,
        head: log.last.map(|(_, hash)| to_base64url(&hash)),
        erased: log.erased,
        erasures: erasures.collect(),
        cut_at: log.cuts.last().map(|cut| cut.at),
        broken: broken.map(|broken| broken.to_string()),
    }
}

const VERIFY_BATCH: u32 = 1000;
