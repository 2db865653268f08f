//! Where somebody is signed in.

use procura_people::session::Session;
use serde_json::json;

use super::SignedIn;
use super::passkeys::entry;
use crate::context::Context;
use crate::error::ServiceResult;

/// The sessions of a person that have not ended, oldest first.
pub async fn list_sessions(ctx: &Context, person: &SignedIn) -> ServiceResult<Vec<Session>> {
    let now = ctx.now();
    let mut tx = ctx.read().await?;
    let mut sessions = tx.list_sessions_by_person(&person.person.id).await?;
    sessions.retain(|session| session.is_live(now));
    Ok(sessions)
}

/// Ends one session of a person. Of others nothing is ended.
pub async fn end_session(
    ctx: &Context,
    person: &SignedIn,
    token_digest: &[u8; 32],
) -> ServiceResult<()> {
    let theirs = list_sessions(ctx, person).await?;
    if theirs
        .iter()
        .any(|session| session.token_digest == *token_digest)
    {
        end(ctx, person, &[*token_digest]).await?;
    }
    Ok(())
}

/// Ends every session of a person but the one they are using.
pub async fn end_other_sessions(ctx: &Context, person: &SignedIn) -> ServiceResult<()> {
    let theirs = list_sessions(ctx, person).await?;
    let digests = theirs.into_iter().map(|session| session.token_digest);
    let others: Vec<_> = digests
        .filter(|digest| *digest != person.session.token_digest)
        .collect();
    end(ctx, person, &others).await
}

async fn end(ctx: &Context, person: &SignedIn, digests: &[[u8; 32]]) -> ServiceResult<()> {
    let mut tx = ctx.begin().await?;
    for digest in digests {
        tx.delete_session(digest).await?;
    }
    let mut entry = entry(person, "sessions.ended", ctx.now());
    entry.detail = json!({ "count": digests.len() });
    tx.append_audit(vec![entry]).await?;
    tx.commit().await?;
    Ok(())
}
