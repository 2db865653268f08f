//! People of an application that embeds the server, in the place of accounts of its own.

use async_trait::async_trait;
use http::request::Parts;
use procura_keys::clock::Timestamp;
use procura_people::passkey::PasskeyId;
use procura_people::person::{Email, PersonId};
pub use procura_service::people::application::Profile;
use serde_json::Value;

/// Who the people of an application are, and how it asks them to prove it.
///
/// The pages ask it at each request. It takes the place of everything the server has for accounts: passwords,
/// passkeys, recovery codes, invitations, sessions and the pages for them. What people decide, and what they see
/// of their apps, stays with the server.
#[async_trait]
pub trait People: Send + Sync {
    /// Who sends this request, by whatever the application knows a browser by: its own cookie, or an extension that
    /// its own middleware left on the request. `None` when nobody is signed in. An error is answered with `500`.
    async fn identify(&self, request: &Parts) -> anyhow::Result<Option<Visit>>;

    /// The address of the application's own page to sign in at. It leads back to `return_to`, a path of this site with
    /// its query, and nowhere else. With [`Why::Again`] somebody is signed in and has to prove anew who they
    /// are: leading them back with the old [`Visit::proved_at`] leads them here again.
    fn sign_in(&self, why: Why, return_to: &str) -> String;

    /// The address of the page to sign out at. Without one, the pages do not offer it.
    fn sign_out(&self) -> Option<String> {
        None
    }

    /// What a browser is to ask an authenticator, as the members of `PublicKeyCredentialRequestOptions` in JSON: a
    /// challenge of the application's own that says yes to `subject` and to nothing else, user verification required.
    /// Asked only of somebody who [can confirm](Visit::can_confirm).
    async fn ask(&self, person: &PersonId, subject: [u8; 32]) -> anyhow::Result<Option<Value>> {
        let _ = (person, subject);
        Ok(None)
    }

    /// Whether `answer`, the credential in JSON, is that of a passkey of this person that verified them, to a challenge
    /// for this very subject that was not answered before: then the passkey that it was. `None` for everything else. No
    /// session, password or code can take its place: it is what keeps software that drives a browser from approving
    /// (AAP §8.11).
    async fn confirm(
        &self,
        person: &PersonId,
        subject: [u8; 32],
        answer: &str,
    ) -> anyhow::Result<Option<PasskeyId>> {
        let _ = (person, subject, answer);
        Ok(None)
    }
}

/// Somebody the application has recognized.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// Who they are.
    pub profile: Profile,
    /// When they last proved it, not merely came back. Decisions take that to be minutes ago.
    pub proved_at: Timestamp,
    /// Whether they have a passkey that the application can ask. Without one, whatever changes something in
    /// their name takes an administrator's approval.
    pub can_confirm: bool,
}

/// Why somebody is to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Nobody is signed in.
    SignedOut,
    /// Too long ago for what they are about to decide.
    Again,
}

/// Reads what an application has for somebody. `None` when the identifier or the address will not do.
pub fn profile(id: &str, email: &str, name: &str) -> Option<Profile> {
    Some(Profile {
        id: PersonId::of_application(id)?,
        email: email.parse::<Email>().ok()?,
        name: name.to_owned(),
        administrator: false,
    })
}
