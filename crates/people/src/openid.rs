//! Sign-in by an OpenID provider: what is sent there, and what has to be true of what comes back.
//!
//! A person is known by the provider and its name for them, never by an e-mail address: addresses change hands.
//! Signatures are checked before anything here is asked (`procura_keys::issuer_keys`).

mod discovery;
mod id_token;

use std::fmt;
use std::time::Duration;

use procura_keys::clock::Timestamp;
use procura_keys::digest::{equal, from_base64url, hmac_sha256, sha256, to_base64url};
use url::Url;

pub use self::discovery::{BadProvider, Provider, discovery_url};
pub use self::id_token::{BadIdToken, Expected, IdToken};
use crate::person::PersonId;
use crate::presence::{Method, Proof};

/// A person as a provider knows them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Upstream {
    /// The provider: its `issuer`, as the configuration writes it.
    pub issuer: String,
    /// The provider's name for the person, at most 255 bytes. It is never given to anybody else.
    pub subject: String,
}

/// A person of this server, as they are known there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Who they are there. It belongs to one person.
    pub upstream: Upstream,
    /// Who they are here. They have one identity of each provider.
    pub person_id: PersonId,
    /// When the two were connected.
    pub created_at: Timestamp,
}

/// A sign-in on its way: kept by the server under the digest of the browser's cookie, and taken out once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Which provider was asked. An answer of another one is refused.
    pub issuer: String,
    /// SHA-256 of the browser's secret.
    pub secret_digest: [u8; 32],
    /// What for.
    pub purpose: Purpose,
    /// Where to go afterwards, as the page that began it was told.
    pub next: Option<String>,
    /// When it can no longer be used.
    pub expires_at: Timestamp,
}

impl Flow {
    /// When it began.
    pub fn begun_at(&self) -> Timestamp {
        self.expires_at.minus(FLOW_LIFETIME)
    }

    /// Since when the person has to have signed in there. Clocks may differ, which is for whoever compares.
    pub fn signed_in_since(&self) -> Option<Timestamp> {
        (self.purpose == Purpose::FreshSignIn).then(|| self.begun_at())
    }

    /// What somebody has shown who came back from it. Who was not asked anew may have signed in there long ago, and
    /// perhaps was not asked anything now: that is never fresh.
    pub fn proof(&self, now: Timestamp) -> Proof {
        let at = match self.purpose {
            Purpose::FreshSignIn => now,
            Purpose::SignIn | Purpose::Connect(_) => Timestamp::from_millis(0),
        };
        Proof {
            method: Method::OpenId,
            at,
        }
    }
}

/// What somebody goes to a provider for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To sign in, as the provider sees fit.
    SignIn,
    /// To sign in anew, whether or not they are signed in there.
    FreshSignIn,
    /// To connect an account there with the account of this person here.
    Connect(PersonId),
}

/// The secret of one sign-in, in a cookie of the browser that began it. It prints as nothing.
///
/// State, nonce and verifier are derived from it, so none of them is worth anything in another browser.
#[derive(Clone)]
pub struct FlowSecret([u8; 32]);

impl FlowSecret {
    /// A secret of these random bytes.
    pub fn new(random: [u8; 32]) -> Self {
        Self(random)
    }

    /// Reads a cookie's value.
    pub fn parse(text: &str) -> Option<Self> {
        from_base64url(text)?.try_into().ok().map(Self)
    }

    /// The cookie's value.
    pub fn expose(&self) -> String {
        to_base64url(&self.0)
    }

    /// Under what its flow is kept.
    pub fn digest(&self) -> [u8; 32] {
        sha256(&self.0)
    }

    /// A sign-in at `issuer` that begins now.
    pub fn begin(
        &self,
        issuer: &str,
        purpose: Purpose,
        next: Option<String>,
        now: Timestamp,
    ) -> Flow {
        Flow {
            issuer: issuer.to_owned(),
            secret_digest: self.digest(),
            purpose,
            next,
            expires_at: now.plus(FLOW_LIFETIME),
        }
    }

    /// Whether an answer with this `state` is to this browser's question. Asked before the flow is taken out, so
    /// that a link from elsewhere does not end a sign-in that is on its way.
    pub fn asked(&self, state: Option<&str>) -> bool {
        equal(
            state.unwrap_or_default().as_bytes(),
            self.state().as_bytes(),
        )
    }

    /// `state`: shows that the answer belongs to this browser's question.
    pub fn state(&self) -> String {
        self.derived(b"state")
    }

    /// `nonce`: shows that the ID token was made for this question.
    pub fn nonce(&self) -> String {
        self.derived(b"nonce")
    }

    /// `code_verifier` (RFC 7636): without it a stolen code is worth nothing.
    pub fn verifier(&self) -> String {
        self.derived(b"verifier")
    }

    fn derived(&self, purpose: &[u8]) -> String {
        to_base64url(&hmac_sha256(&self.0, purpose))
    }
}

impl fmt::Debug for FlowSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FlowSecret(…)")
    }
}

/// What the provider is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// This server's name at the provider.
    pub client_id: &'a str,
    /// Where the answer goes: one exact address.
    pub redirect_uri: &'a str,
    /// Separated by blanks; `openid` is among them.
    pub scope: &'a str,
    /// Whether the person has to prove anew who they are.
    pub fresh: bool,
}

/// The address at which the provider asks the person. Parameters that `endpoint` has stay.
pub fn authorization_url(endpoint: &Url, question: Question<'_>, secret: &FlowSecret) -> Url {
    let challenge = to_base64url(&sha256(secret.verifier().as_bytes()));
    let mut url = endpoint.clone();
    let mut query = url.query_pairs_mut();
    query
        .append_pair("response_type", "code")
        .append_pair("client_id", question.client_id)
        .append_pair("redirect_uri", question.redirect_uri)
        .append_pair("scope", question.scope)
        .append_pair("state", &secret.state())
        .append_pair("nonce", &secret.nonce())
        .append_pair("code_challenge", &challenge)
        .append_pair("code_challenge_method", "S256");
    if question.fresh {
        query
            .append_pair("prompt", "login")
            .append_pair("max_age", "0");
    }
    drop(query);
    url
}

/// What came back to the redirect address.
#[derive(Clone, Copy, Debug, Default)]
pub struct Callback<'a> {
    /// The code to exchange.
    pub code: Option<&'a str>,
    /// What was sent as `state`.
    pub state: Option<&'a str>,
    /// Who answers (RFC 9207).
    pub iss: Option<&'a str>,
    /// Why there is no code.
    pub error: Option<&'a str>,
}

/// Judges an answer against the sign-in that the browser's cookie belongs to. Returns the code to exchange.
///
/// `names_issuer` is whether the provider announces that it sends `iss`. One that is sent is always compared.
pub fn judge_callback<'a>(
    callback: Callback<'a>,
    flow: &Flow,
    secret: &FlowSecret,
    names_issuer: bool,
    now: Timestamp,
) -> Result<&'a str, BadCallback> {
    let ours = equal(&secret.digest(), &flow.secret_digest) && secret.asked(callback.state);
    if !ours {
        return Err(BadCallback::NotThisBrowser);
    }
    if now >= flow.expires_at {
        return Err(BadCallback::Expired);
    }
    match callback.iss {
        Some(iss) if iss == flow.issuer => {}
        None if !names_issuer => {}
        _ => return Err(BadCallback::OtherIssuer),
    }
    match (callback.error, callback.code) {
        (Some("access_denied"), _) => Err(BadCallback::Declined),
        (Some(_), _) | (None, None) => Err(BadCallback::Failed),
        (None, Some(code)) => Ok(code),
    }
}

/// Why an answer is not used. Nothing of what the provider wrote is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCallback {
    /// Another browser began this sign-in, or none did.
    #[error("this sign-in was not begun in this browser")]
    NotThisBrowser,
    /// It took too long.
    #[error("this sign-in took too long")]
    Expired,
    /// Another provider than the one that was asked.
    #[error("the answer is not from the provider that was asked")]
    OtherIssuer,
    /// The person said no at the provider.
    #[error("the sign-in was cancelled at the provider")]
    Declined,
    /// Any other error.
    #[error("the provider could not sign you in")]
    Failed,
}

/// How long a person may take at the provider.
pub const FLOW_LIFETIME: Duration = Duration::from_mins(10);

#[cfg(test)]
mod tests;
