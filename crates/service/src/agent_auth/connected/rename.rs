//! What a person calls their apps and agents. The names that apps and agents give themselves stay as they are,
//! and stay visible: a label is for its owner's eyes alone.

use procura_agent_auth::grant::Actor;
use procura_agent_auth::id::{AgentId, HostId, UserId};
use procura_agent_auth::text::clean;
use procura_store::Transaction;
use procura_store::audit::AuditEntry;

use super::{ConnectedError, own_agent, own_host};
use crate::agent_auth::consent::user_id;
use crate::audit;
use crate::context::Context;
use crate::people::SignedIn;

/// A label: readable text of at most [`MAX_LABEL`] characters, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label(Option<String>);

/// The longest label, in characters.
pub const MAX_LABEL: usize = 60;

/// A text that cannot be a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("A name has to be readable text of at most {MAX_LABEL} characters.")]
pub struct NotALabel;

impl std::str::FromStr for Label {
    type Err = NotALabel;

    /// Reads what was typed; blank takes the label away.
    fn from_str(typed: &str) -> Result<Self, NotALabel> {
        if typed.trim().is_empty() {
            return Ok(Self(None));
        }
        clean(typed, MAX_LABEL)
            .map(|label| Self(Some(label)))
            .ok_or(NotALabel)
    }
}

/// Sets a person's label of their app.
pub async fn rename_app(
    ctx: &Context,
    person: &SignedIn,
    id: &HostId,
    label: &Label,
) -> Result<(), ConnectedError> {
    let user = user_id(person);
    let mut tx = ctx.begin().await?;
    let host = own_host(tx.as_mut(), &user, id).await?;
    let entry = audit::about_host(entry(ctx, "host.labelled", &user), &host);
    put(tx, &user, id.as_str(), label, entry).await
}

/// Sets a person's label of their agent.
pub async fn rename_agent(
    ctx: &Context,
    person: &SignedIn,
    id: &AgentId,
    label: &Label,
) -> Result<(), ConnectedError> {
    let user = user_id(person);
    let mut tx = ctx.begin().await?;
    let (agent, _) = own_agent(tx.as_mut(), &user, id).await?;
    let entry = audit::about_agent(entry(ctx, "agent.labelled", &user), &agent);
    put(tx, &user, id.as_str(), label, entry).await
}

/// The label itself stays out of the log, which keeps it for ever.
fn entry(ctx: &Context, event: &str, user: &UserId) -> AuditEntry {
    audit::entry(ctx.now(), event, Actor::User(user.clone()).to_record())
}

async fn put(
    mut tx: Box<dyn Transaction>,
    user: &UserId,
    subject: &str,
    Label(label): &Label,
    entry: AuditEntry,
) -> Result<(), ConnectedError> {
    tx.put_label(user, subject, label.as_deref()).await?;
    let entry = AuditEntry {
        user_id: Some(user.to_string()),
        ..entry
    };
    tx.append_audit(vec![entry]).await?;
    tx.commit().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_readable_text_or_nothing() {
        let read = |typed: &str| typed.parse::<Label>().map(|Label(label)| label);
        assert_eq!(
            read("  My \t laptop\u{202e} "),
            Ok(Some("My laptop".into()))
        );
        assert_eq!(read(" \n "), Ok(None));
        assert_eq!(read("\u{200b}"), Err(NotALabel));
        assert!(read(&"é".repeat(MAX_LABEL)).is_ok());
        assert_eq!(read(&"é".repeat(MAX_LABEL + 1)), Err(NotALabel));
    }
}
