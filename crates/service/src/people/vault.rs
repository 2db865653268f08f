//! What people entrust to the server, so that it acts for them at services with a credential of their own.
//!
//! A secret is sealed under a random key of its own and bound to its person and service, and that key is sealed under a
//! key of the operator's. It is opened for one call at a time, leaves only towards its service, and is shown to nobody:
//! not to its person, not to administrators, not in logs or errors.

mod keys;

use std::fmt;
use std::sync::Arc;

use procura_adapters::http::Secret;
use procura_adapters::{AccountProblem, BackendError, async_trait};
use procura_keys::sealed::SealingKey;
use procura_people::account::AccountChange;
use procura_people::person::PersonId;
use procura_people::presence::Lacking;
use procura_people::vault::{BadSecret, SealedSecret, VaultEntry, binding, judge_secret};
use procura_store::StoreError;
use serde_json::json;

pub use self::keys::{KeyEncryption, KeyFile, KeyFileError, Unopened, WrappedKey};
use super::SignedIn;
use super::passkeys::{entry, require};
use crate::audit;
use crate::context::Context;
use crate::error::{ServiceError, ServiceResult};

/// The page on which people do it.
pub const PAGE: &str = "/accounts";

/// The services, and the keys that seal. Without services it is not there as far as anybody sees.
#[derive(Clone, Default)]
pub struct Vault {
    keys: Option<Arc<dyn KeyEncryption>>,
    services: Arc<[VaultService]>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let services = self.services.iter().map(|service| &service.name);
        f.debug_list().entries(services).finish()
    }
}

/// A service that takes a credential of the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultService {
    /// Its name in the configuration.
    pub name: String,
    /// What people know it as.
    pub title: String,
    /// Where people find the key, in the operator's words.
    pub hint: Option<String>,
}

/// Services need keys to seal with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no key to seal the credentials of people with")]
pub struct NoKeys;

impl Vault {
    /// A vault for these services.
    pub fn new(
        keys: Option<Arc<dyn KeyEncryption>>,
        services: Vec<VaultService>,
    ) -> Result<Self, NoKeys> {
        if keys.is_none() && !services.is_empty() {
            return Err(NoKeys);
        }
        let services = services.into();
        Ok(Self { keys, services })
    }

    /// The services, in the order of the configuration.
    pub fn services(&self) -> &[VaultService] {
        &self.services
    }

    /// The service with this name.
    pub fn find(&self, name: &str) -> Option<&VaultService> {
        self.services.iter().find(|service| service.name == name)
    }

    fn keys(&self) -> Result<&dyn KeyEncryption, VaultError> {
        self.keys
            .as_deref()
            .ok_or(VaultError::Sealing(Unopened::NoKey))
    }
}

/// Why a secret is not kept, or not opened.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// What was typed is no secret.
    #[error(transparent)]
    Secret(#[from] BadSecret),
    /// The person has not shown enough of themselves.
    #[error(transparent)]
    Lacking(#[from] Lacking),
    /// The keys do not open it.
    #[error("a credential cannot be sealed or opened: {0}")]
    Sealing(#[from] Unopened),
    /// Something broke.
    #[error(transparent)]
    Failed(#[from] ServiceError),
}

impl From<StoreError> for VaultError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

/// A service, and what this person has entrusted for it.
#[derive(Clone, Debug)]
pub struct Account<'a> {
    /// The service.
    pub service: &'a VaultService,
    /// Without what is in it.
    pub entry: Option<VaultEntry>,
}

/// All services, with what this person has entrusted for each.
pub async fn list<'a>(ctx: &'a Context, person: &SignedIn) -> ServiceResult<Vec<Account<'a>>> {
    let mut tx = ctx.read().await?;
    let entries = tx.list_vault_entries_by_person(&person.person.id).await?;
    let account = |service: &'a VaultService| {
        let mut entries = entries.iter();
        let entry = entries.find(|entry| entry.service == service.name);
        Account {
            service,
            entry: entry.cloned(),
        }
    };
    Ok(ctx.vault().services().iter().map(account).collect())
}

/// Keeps what a person has typed for a service, in the place of what was there. It takes what setting a password takes.
pub async fn connect(
    ctx: &Context,
    person: &SignedIn,
    service: &VaultService,
    typed: &str,
) -> Result<(), VaultError> {
    require(ctx, person, &AccountChange::LetAct(service.name.clone()))?;
    let secret = judge_secret(typed)?;
    let id = &person.person.id;
    let secret = seal(ctx, id, &service.name, secret).await?;
    let now = ctx.now();
    let mut tx = ctx.begin().await?;
    let before = tx.find_vault_entry(id, &service.name).await?;
    tx.put_vault_entry(&VaultEntry {
        person_id: id.clone(),
        service: service.name.clone(),
        secret,
        created_at: now,
    })
    .await?;
    let event = match before {
        None => "vault.connected",
        Some(_) => "vault.renewed",
    };
    let mut connected = entry(person, event, now);
    connected.detail = json!({ "service": service.name });
    tx.append_audit(vec![connected]).await?;
    Ok(tx.commit().await?)
}

/// Forgets what a person has entrusted for a service, at once. Nothing there is no error.
pub async fn remove(ctx: &Context, person: &SignedIn, service: &VaultService) -> ServiceResult<()> {
    let mut tx = ctx.begin().await?;
    match tx
        .delete_vault_entry(&person.person.id, &service.name)
        .await
    {
        Ok(()) => {}
        Err(StoreError::NotFound(_)) => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    let mut removed = entry(person, "vault.removed", ctx.now());
    removed.detail = json!({ "service": service.name });
    tx.append_audit(vec![removed]).await?;
    Ok(tx.commit().await?)
}

/// Puts the keys of all secrets under the first key of the operator's, and returns how many were under another. The
/// secrets themselves stay sealed.
pub async fn rewrap(ctx: &Context, actor: &str) -> Result<u64, VaultError> {
    let keys = ctx.vault().keys()?;
    let mut done = 0;
    loop {
        let mut tx = ctx.read().await?;
        let waiting = tx
            .list_vault_entries_under_other_keys(keys.current(), AT_ONCE)
            .await?;
        drop(tx);
        if waiting.is_empty() {
            break;
        }
        for waiting in waiting {
            let wrapped = under_current(ctx, keys, &waiting.secret).await?;
            let mut tx = ctx.begin().await?;
            match tx.rewrap_vault_entry(&waiting, &wrapped).await {
                Ok(()) => done += 1,
                // Its person was faster, and what they brought is under the first key.
                Err(StoreError::Conflict(_)) => continue,
                Err(error) => return Err(error.into()),
            }
            tx.commit().await?;
        }
    }
    let mut rewrapped = audit::entry(ctx.now(), "vault.rewrapped", actor.to_owned());
    rewrapped.detail = json!({ "key": keys.current(), "count": done });
    let mut tx = ctx.begin().await?;
    tx.append_audit(vec![rewrapped]).await?;
    tx.commit().await?;
    Ok(done)
}

async fn under_current(
    ctx: &Context,
    keys: &dyn KeyEncryption,
    secret: &SealedSecret,
) -> Result<SealedSecret, VaultError> {
    let key = keys.unwrap(&secret.key_id, &secret.wrapped_key).await?;
    let wrapped = keys.wrap(&key, ctx.random()).await?;
    Ok(SealedSecret {
        key_id: wrapped.key_id,
        wrapped_key: wrapped.bytes,
        ciphertext: secret.ciphertext.clone(),
    })
}

async fn seal(
    ctx: &Context,
    person: &PersonId,
    service: &str,
    secret: &str,
) -> Result<SealedSecret, VaultError> {
    let key = SealingKey::new(ctx.random());
    let bound_to = binding(person, service);
    let ciphertext = key.seal(ctx.random(), &bound_to, secret.as_bytes());
    let ciphertext = ciphertext.map_err(Unopened::from)?;
    let wrapped = ctx.vault().keys()?.wrap(&key, ctx.random()).await?;
    Ok(SealedSecret {
        key_id: wrapped.key_id,
        wrapped_key: wrapped.bytes,
        ciphertext,
    })
}

async fn open(ctx: &Context, entry: &VaultEntry) -> Result<Secret, VaultError> {
    let secret = &entry.secret;
    let keys = ctx.vault().keys()?;
    let key = keys.unwrap(&secret.key_id, &secret.wrapped_key).await?;
    let bound_to = binding(&entry.person_id, &entry.service);
    let opened = key.open(&bound_to, &secret.ciphertext);
    let opened = opened.map_err(Unopened::from)?;
    let text = std::str::from_utf8(&opened).map_err(|_| Unopened::NotSealedHere)?;
    Ok(Secret::new(text.to_owned()))
}

/// The vault as a call reaches it.
pub(crate) struct VaultOf<'a>(pub(crate) &'a Context);

#[async_trait]
impl procura_adapters::Vault for VaultOf<'_> {
    async fn secret(&self, service: &str, user_id: Option<&str>) -> Result<Secret, BackendError> {
        let account = |problem| BackendError::Account {
            service: self.title(service),
            problem,
        };
        let failed = |error: &dyn fmt::Display| BackendError::Failed(error.to_string());
        let Some(person) = user_id else {
            return Err(account(AccountProblem::NoPerson));
        };
        let person = PersonId(person.to_owned());
        let tx = self.0.read().await;
        let mut tx = tx.map_err(|error| failed(&error))?;
        let entry = tx.find_vault_entry(&person, service).await;
        drop(tx);
        match entry.map_err(|error| failed(&error))? {
            Some(entry) => open(self.0, &entry).await.map_err(|error| failed(&error)),
            None => Err(account(AccountProblem::NotConnected { url: self.page() })),
        }
    }

    fn not_accepted(&self, service: &str) -> BackendError {
        BackendError::Account {
            service: self.title(service),
            problem: AccountProblem::NotAccepted { url: self.page() },
        }
    }
}

impl VaultOf<'_> {
    fn title(&self, service: &str) -> String {
        let known = self.0.vault().find(service);
        known.map_or(service, |known| &known.title).to_owned()
    }

    fn page(&self) -> String {
        self.0.provider().url(PAGE)
    }
}

/// How many secrets are put under another key before more are looked for.
const AT_ONCE: u32 = 100;
