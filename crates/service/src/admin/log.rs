//! The audit log, for administrators.

use procura_store::audit::AuditRecord;
use serde_json::Value;

use super::error::{AdminError, MAX_LIMIT, shown};
use crate::audit;
use crate::context::Context;

pub(super) async fn tail(ctx: &Context, count: u32) -> Result<Value, AdminError> {
    ctx.journal().settle().await?;
    let records = ctx
        .read()
        .await?
        .list_last_audit(count.min(MAX_LIMIT))
        .await?;
    Ok(records.iter().map(AuditRecord::to_value).collect())
}

/// As many records as one answer holds; the caller goes on after the last one.
pub(super) async fn export(ctx: &Context, after: i64) -> Result<Value, AdminError> {
    ctx.journal().settle().await?;
    let records = ctx.read().await?.list_audit(after, MAX_LIMIT).await?;
    Ok(records.iter().map(AuditRecord::to_value).collect())
}

pub(super) async fn verify(ctx: &Context) -> Result<Value, AdminError> {
    ctx.journal().settle().await?;
    shown(&audit::verify(ctx).await?)
}
