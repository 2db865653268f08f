//! A copy of everything, for administrators.

use std::path::Path;

use procura_store::BackupError;
use serde_json::{Value, json};

use super::AdminCall;
use super::error::{AdminError, refused};
use crate::audit;
use crate::context::Context;

/// Writes it and records that there is one: whoever has it has everything.
pub(super) async fn write(
    ctx: &Context,
    call: &AdminCall,
    file: &str,
) -> Result<Value, AdminError> {
    if !Path::new(file).is_absolute() {
        return Err(refused(format!(
            "{file}: give the absolute path of a new file"
        )));
    }
    ctx.journal().settle().await?;
    match ctx.store().back_up(Path::new(file)).await {
        Ok(()) => {}
        Err(BackupError::Failed(error)) => return Err(error.into()),
        Err(error) => return Err(refused(error.to_string())),
    }
    let mut entry = audit::entry(ctx.now(), "store.backed_up", call.actor());
    entry.detail = json!({ "file": file });
    let mut tx = ctx.begin().await?;
    tx.append_audit(vec![entry]).await?;
    tx.commit().await?;
    Ok(json!({ "file": file }))
}
