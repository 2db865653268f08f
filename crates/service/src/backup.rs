//! Taking a backup in, before anything is served from it.

use procura_keys::clock::Clock;
use procura_keys::entropy::{self, Entropy};
use procura_store::Store;
use serde_json::json;

use crate::audit::{self, Verification};
use crate::error::ServiceResult;

/// Checks the audit log of a backup and, if it is sound, records in it who restored it. What lies between
/// the record before that and this one is lost.
pub async fn admit(
    store: &dyn Store,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    administrator: &str,
) -> ServiceResult<Verification> {
    let found = audit::verify_store(store).await?;
    if found.broken.is_none() {
        let actor = format!("administrator:{administrator}");
        let mut entry = audit::entry(clock.now(), "store.restored", actor);
        entry.detail = json!({ "records": found.records, "head": found.head });
        let mut tx = store.begin().await?;
        tx.salt_audit(entropy::bytes(entropy));
        tx.append_audit(vec![entry]).await?;
        tx.commit().await?;
    }
    Ok(found)
}
