//! The page itself.

use askama::Template;
use procura_keys::clock::Timestamp;
use procura_keys::digest::to_base64url;
use procura_people::mail::MailChoice;
use procura_people::passkey::Passkey;
use procura_people::presence::Method;
use procura_people::session::Session;
use procura_service::ServiceResult;
use procura_service::people::{self, SignedIn, passkeys};

use super::mail;
use super::openid::{self, ElsewhereRow};
use super::push::Devices;
use crate::app::App;
use crate::web::page::{Place, Shell};
use crate::web::text::visible;
use crate::web::when;

#[derive(Template)]
#[template(path = "account.html")]
pub(super) struct AccountPage {
    shell: Shell,
    email: String,
    /// What was just done.
    done: Option<&'static str>,
    problem: Option<String>,
    /// Whether browsers allow passkeys at this address.
    passkeys_work: bool,
    passkeys: Vec<PasskeyRow>,
    /// Whether this session may bring in a passkey, by one that is there or by a recovery code.
    may_add_passkey: bool,
    has_password: bool,
    recovery_codes: u32,
    /// Where else the person signs in, or could.
    elsewhere: Vec<ElsewhereRow>,
    sessions: Vec<SessionRow>,
    /// Absent where the server sends no e-mail.
    mail: Option<MailChoice>,
    /// Absent where the server sends nothing to devices.
    devices: Option<Devices>,
}

impl AccountPage {
    pub(super) async fn load(app: &App, person: &SignedIn) -> ServiceResult<Self> {
        let now = app.ctx.now();
        let passkeys = passkeys::list(&app.ctx, person).await?;
        let sessions = people::list_sessions(&app.ctx, person).await?;
        let recovering = person.session.proof.method == Method::RecoveryCode;
        Ok(Self {
            shell: Shell::new(app, Some(person)).at(Place::Account),
            email: person.person.email.to_string(),
            done: None,
            problem: None,
            passkeys_work: people::relying_party(&app.ctx).is_some(),
            may_add_passkey: !passkeys.is_empty() || recovering,
            passkeys: passkeys
                .iter()
                .map(|passkey| PasskeyRow::new(passkey, now))
                .collect(),
            has_password: person.person.password.is_some(),
            recovery_codes: people::count_recovery_codes(&app.ctx, person).await?,
            elsewhere: openid::rows(app, person).await?,
            mail: mail::choice(app, person).await?,
            devices: Devices::load(app, person).await?,
            sessions: sessions
                .iter()
                .map(|session| SessionRow::new(session, person, now))
                .collect(),
        })
    }

    pub(super) fn saying(self, done: Option<&'static str>) -> Self {
        Self { done, ..self }
    }

    pub(super) fn with_problem(self, problem: String) -> Self {
        Self {
            problem: Some(problem),
            ..self
        }
    }

    fn invite_command(&self) -> String {
        format!("procurad admin people invite {}", self.email)
    }
}

struct PasskeyRow {
    id: String,
    name: String,
    synced: bool,
    created: String,
    used: Option<String>,
}

impl PasskeyRow {
    fn new(passkey: &Passkey, now: Timestamp) -> Self {
        Self {
            id: passkey.id.to_string(),
            name: visible(passkey.name.as_str()),
            synced: passkey.synced,
            created: when::moment(passkey.created_at, now),
            used: passkey.last_used_at.map(|at| when::moment(at, now)),
        }
    }
}

struct SessionRow {
    id: String,
    is_this: bool,
    method: &'static str,
    since: String,
    ends: String,
}

impl SessionRow {
    fn new(session: &Session, person: &SignedIn, now: Timestamp) -> Self {
        Self {
            // The digest of the cookie, which opens nothing.
            id: to_base64url(&session.token_digest),
            is_this: session.token_digest == person.session.token_digest,
            method: match session.proof.method {
                Method::Password => "with a password",
                Method::Passkey => "with a passkey",
                Method::RecoveryCode => "with a recovery code",
                Method::Application => "elsewhere",
                Method::OpenId => "with an account elsewhere",
            },
            since: when::moment(session.created_at, now),
            ends: when::moment(session.expires_at, now),
        }
    }
}
