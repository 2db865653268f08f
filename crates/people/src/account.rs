//! What it takes to change one's own ways to sign in.
//!
//! Whoever could bring in a passkey with less than a passkey could approve anything with it. So a password never
//! adds one: the first comes with a link from an administrator, each further one with a gesture of one that is
//! there, and a recovery code stands in for those that are lost.

use std::time::Duration;

use procura_keys::clock::Timestamp;
use procura_keys::digest::{equal, sha256};

use crate::passkey::PasskeyId;
use crate::presence::{Confirmation, Lacking, Method, Proof, Strength, judge};

/// A change of somebody's own account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountChange {
    /// Another passkey.
    AddPasskey,
    /// A passkey less.
    RemovePasskey(PasskeyId),
    /// Recovery codes instead of those that were.
    MakeRecoveryCodes,
    /// Another password.
    SetPassword,
    /// Signing in with an account at the provider with this identifier.
    Connect(String),
    /// Signing in with it no more.
    Disconnect(String),
    /// Letting this server act at the service with this name, with a secret of the person's own.
    LetAct(String),
}

/// Who wants to change something.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// Whether they have a passkey.
    pub has_passkey: bool,
    /// How they signed in.
    pub proof: Proof,
    /// What they said yes to with a passkey just now.
    pub confirmation: Option<&'a Confirmation>,
}

impl AccountChange {
    /// Names exactly this change, for a passkey to say yes to.
    pub fn subject(&self) -> [u8; 32] {
        let text = match self {
            Self::AddPasskey => "passkey.add".to_owned(),
            Self::RemovePasskey(id) => format!("passkey.remove {id}"),
            Self::MakeRecoveryCodes => "recovery_codes.make".to_owned(),
            Self::SetPassword => "password.set".to_owned(),
            Self::Connect(provider) => format!("openid.connect {provider}"),
            Self::Disconnect(provider) => format!("openid.disconnect {provider}"),
            Self::LetAct(service) => format!("vault.connect {service}"),
        };
        sha256(text.as_bytes())
    }

    /// Whether it makes new means to approve with.
    fn makes_means(&self) -> bool {
        matches!(self, Self::AddPasskey | Self::MakeRecoveryCodes)
    }

    /// Whether somebody may do it.
    pub fn judge(
        &self,
        standing: Standing<'_>,
        fresh_for: Duration,
        now: Timestamp,
    ) -> Result<(), Lacking> {
        let is_confirmed = standing
            .confirmation
            .is_some_and(|confirmation| equal(&confirmation.subject, &self.subject()));
        let is_recovering = standing.proof.method == Method::RecoveryCode;
        let needs_passkey = self.makes_means() || standing.has_passkey;
        if is_confirmed {
            Ok(())
        } else if is_recovering || !needs_passkey {
            judge(Strength::FreshSignIn, standing.proof, fresh_for, now)
        } else if standing.has_passkey {
            Err(Lacking::Presence)
        } else {
            Err(Lacking::FirstPasskey)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRESH: Duration = Duration::from_mins(5);

    /// What becomes of a change by somebody who signed in by `method` so many seconds ago, and may have said yes
    /// to something with a passkey just now.
    fn verdict(
        change: &AccountChange,
        has_passkey: bool,
        (method, age): (Method, i64),
        said_yes_to: Option<&AccountChange>,
    ) -> Result<(), Lacking> {
        let now = Timestamp::from_seconds(10_000);
        let at = Timestamp::from_seconds(10_000 - age);
        let confirmation = said_yes_to.map(|change| Confirmation {
            passkey_id: PasskeyId("pky_1".to_owned()),
            subject: change.subject(),
            at: now,
        });
        let standing = Standing {
            has_passkey,
            proof: Proof { method, at },
            confirmation: confirmation.as_ref(),
        };
        change.judge(standing, FRESH, now)
    }

    // AA-8.11-02
    #[test]
    fn neither_a_password_nor_an_account_elsewhere_brings_in_a_passkey() {
        for change in [AccountChange::AddPasskey, AccountChange::MakeRecoveryCodes] {
            let by = |has_passkey, method| verdict(&change, has_passkey, method, None);
            for method in [Method::Password, Method::OpenId] {
                assert_eq!(by(false, (method, 0)), Err(Lacking::FirstPasskey));
                assert_eq!(by(true, (method, 0)), Err(Lacking::Presence));
            }
            assert_eq!(by(true, (Method::Passkey, 0)), Err(Lacking::Presence));
            for has_passkey in [false, true] {
                assert_eq!(by(has_passkey, (Method::RecoveryCode, 0)), Ok(()));
                let stale = by(has_passkey, (Method::RecoveryCode, 300));
                assert_eq!(stale, Err(Lacking::Freshness));
            }
        }
    }

    #[test]
    fn a_passkey_says_yes_to_one_change() {
        let stale = (Method::Password, 9_000);
        let remove = |id: &str| AccountChange::RemovePasskey(PasskeyId(id.to_owned()));
        let changes = [
            AccountChange::AddPasskey,
            AccountChange::MakeRecoveryCodes,
            AccountChange::SetPassword,
            remove("pky_1"),
            remove("pky_2"),
            AccountChange::Connect("acme".to_owned()),
            AccountChange::Connect("other".to_owned()),
            AccountChange::Disconnect("acme".to_owned()),
            AccountChange::LetAct("acme".to_owned()),
            AccountChange::LetAct("other".to_owned()),
        ];
        for change in &changes {
            for other in &changes {
                let expected = if change == other {
                    Ok(())
                } else {
                    Err(Lacking::Presence)
                };
                let judged = verdict(change, true, stale, Some(other));
                assert_eq!(judged, expected, "{change:?} {other:?}");
            }
        }
    }

    #[test]
    fn without_a_passkey_a_fresh_sign_in_changes_the_password() {
        let change = AccountChange::SetPassword;
        let by = |has_passkey, age| verdict(&change, has_passkey, (Method::Password, age), None);
        assert_eq!(by(false, 0), Ok(()));
        assert_eq!(by(false, 300), Err(Lacking::Freshness));
        assert_eq!(by(true, 0), Err(Lacking::Presence));
    }
}
