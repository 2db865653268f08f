use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::time::Duration;

use procura_adapters::http::ActorKeys;
use procura_agent_auth::agent::Mode;
use procura_agent_auth::algorithm::Algorithm;
use procura_agent_auth::compat::Compat;
use procura_agent_auth::lifetime::LifetimePolicy;
use procura_agent_auth::method::{CustomMethod, InboxLimits, Method};
use procura_agent_auth::notice::NoticePolicy;
use procura_agent_auth::registration::RegistrationPolicy;
use procura_agent_auth::token::Window;
use procura_fetch::KeySets;
use procura_keys::clock::{Clock, Timestamp};
use procura_keys::digest::to_base64url;
use procura_keys::entropy::{self, Entropy};
use procura_people::session::SessionPolicy;
use procura_store::nodes::NodeId;
use procura_store::{Store, StoreError, StoreResult, Transaction};

use crate::agent_auth::execute::jobs::Jobs;
use crate::agent_auth::introspect::IntrospectionCaller;
use crate::agent_auth::notification::Listeners;
use crate::agent_auth::possession::PossessionPolicy;
use crate::agent_auth::snapshot::Snapshots;
use crate::catalogue::Catalogue;
use crate::error::ServiceResult;
use crate::housekeeping::{Removed, RetentionPolicy};
use crate::journal::{Journal, JournalHandle};
use crate::limits::Limits;
use crate::nodes::{self, life};
use crate::notices::{Happening, Tally};
use crate::people::vault::Vault;
use crate::replay::ReplayGuard;
use crate::secrets::Nonces;
use crate::stopping::Stopping;

/// Everything an operation needs. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    inner: Arc<Inner>,
}

/// A [`Context`] that goes when all others have gone.
pub(crate) struct WeakContext(Weak<Inner>);

impl WeakContext {
    pub(crate) fn upgrade(&self) -> Option<Context> {
        self.0.upgrade().map(|inner| Context { inner })
    }
}

struct Inner {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    provider: Provider,
    policy: Policy,
    /// Replaced as a whole, and never held while somebody waits.
    catalogue: RwLock<Arc<Catalogue>>,
    limits: Limits,
    key_sets: Arc<dyn KeySets>,
    vault: Vault,
    actor_keys: Option<Arc<ActorKeys>>,
    replay: ReplayGuard,
    nonces: Nonces,
    snapshots: Snapshots,
    journal: Journal,
    jobs: Jobs,
    node: NodeId,
    stopping: Stopping,
    /// What housekeeping has removed since the start.
    removed: Mutex<Removed>,
    /// What became of notices since the start.
    notices: Mutex<Tally>,
    listeners: Listeners,
}

/// What a context is made of.
pub struct Parts {
    /// Where records live.
    pub store: Arc<dyn Store>,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where randomness comes from.
    pub entropy: Arc<dyn Entropy>,
    /// Who the server is.
    pub provider: Provider,
    /// What it allows.
    pub policy: Policy,
    /// What it offers.
    pub catalogue: Catalogue,
    /// How often.
    pub limits: Limits,
    /// Where published keys come from.
    pub key_sets: Arc<dyn KeySets>,
    /// What people entrust to it.
    pub vault: Vault,
    /// What signs who acts, if any service is told.
    pub actor_keys: Option<Arc<ActorKeys>>,
}

/// Who the server is (AAP §5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// Its unique name.
    pub name: String,
    /// What it is, in words.
    pub description: String,
    /// Its base URL, without a slash at the end.
    pub issuer: String,
}

impl Provider {
    /// The absolute URL of a path of this server.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }

    /// Where capabilities are executed that have no location of their own.
    pub fn default_location(&self) -> String {
        self.url(EXECUTE_PATH)
    }
}

const NOT_CURRENT: &str = "changes by other nodes are not heard";

/// The path of the execute endpoint.
pub(crate) const EXECUTE_PATH: &str = "/capability/execute";

/// What the server allows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the configuration, and none depends on another"
)]
pub struct Policy {
    /// Who may register as what.
    pub registration: RegistrationPolicy,
    /// How long agents live.
    pub lifetime: LifetimePolicy,
    /// For how long tokens are good.
    pub window: Window,
    /// Key types that may be registered. Others that were before stay good.
    pub algorithms: Vec<Algorithm>,
    /// Whether hosts and agents may publish their keys instead of sending them.
    pub published_keys: bool,
    /// What is let pass for the sake of deployed clients.
    pub compat: Compat,
    /// What agents have to show beside a token.
    pub possession: PossessionPolicy,
    /// How people learn of a request.
    pub approval_methods: Vec<Method>,
    /// Methods of approval of the server's own.
    pub custom_methods: Vec<CustomMethod>,
    /// How many requests may wait in a person's inbox.
    pub inbox: InboxLimits,
    /// Whether clients may listen for the answer instead of asking for it (§10.10.2).
    pub approval_notifications: bool,
    /// Whom the server itself tells of requests, and how often.
    pub notices: NoticePolicy,
    /// Names that no stranger should be taken for, beside the server's own.
    pub protected_names: Vec<String>,
    /// For how long people may take to decide.
    pub approval_expires_in: Duration,
    /// How often clients may look whether they have.
    pub approval_interval: Duration,
    /// For how long a stream may run.
    pub max_stream: Duration,
    /// How long people stay signed in.
    pub session: SessionPolicy,
    /// Whether people may make accounts without an invitation.
    pub sign_up: bool,
    /// Whether capabilities are shown to whoever asks, or to hosts and agents only.
    pub public_capabilities: bool,
    /// The services that may introspect. Without any, everybody may.
    pub introspection_callers: Vec<IntrospectionCaller>,
    /// What the audit log keeps of arguments.
    pub audit_arguments: ArgumentsPolicy,
    /// For how long records are kept.
    pub retention: RetentionPolicy,
}

impl Policy {
    /// The modes that may be registered.
    pub fn modes(&self) -> &[Mode] {
        &self.registration.modes
    }
}

/// What the audit log keeps of the arguments of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArgumentsPolicy {
    /// All of them.
    Full,
    /// Their SHA-256, to compare with what somebody claims they were.
    Digest,
    /// Nothing.
    Omit,
}

impl Context {
    /// Puts a context together and starts its journal. Needs a running event loop.
    pub async fn start(parts: Parts) -> ServiceResult<(Self, JournalHandle)> {
        let now = parts.clock.now();
        let feed = parts.store.listen().await?;
        let mut tx = parts.store.read().await?;
        let seen = tx.list_seen(now).await?;
        drop(tx);
        let fresh = entropy::bytes(parts.entropy.as_ref());
        let nonces = Nonces::load(parts.store.as_ref(), fresh, now).await?;
        let node = entropy::bytes::<16>(parts.entropy.as_ref());
        let (journal, handle) = Journal::start(
            Arc::clone(&parts.store),
            Arc::clone(&parts.clock),
            Arc::clone(&parts.entropy),
        );
        let inner = Inner {
            store: parts.store,
            clock: parts.clock,
            entropy: parts.entropy,
            provider: parts.provider,
            policy: parts.policy,
            catalogue: RwLock::new(Arc::new(parts.catalogue)),
            limits: parts.limits,
            key_sets: parts.key_sets,
            vault: parts.vault,
            actor_keys: parts.actor_keys,
            replay: ReplayGuard::restored(&seen),
            nonces,
            snapshots: Snapshots::new(feed.is_some()),
            journal,
            jobs: Jobs::default(),
            stopping: Stopping::default(),
            node: NodeId(format!("node_{}", to_base64url(&node))),
            removed: Mutex::default(),
            notices: Mutex::default(),
            listeners: Listeners::default(),
        };
        let ctx = Self {
            inner: Arc::new(inner),
        };
        life::begin(&ctx).await?;
        if let Some(feed) = feed {
            tokio::spawn(life::go_on(ctx.downgrade()));
            tokio::spawn(nodes::follow(ctx.downgrade(), feed));
        }
        Ok((ctx, handle))
    }

    /// A context that does not keep what it is made of.
    pub(crate) fn downgrade(&self) -> WeakContext {
        WeakContext(Arc::downgrade(&self.inner))
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// Who the server is.
    pub fn provider(&self) -> &Provider {
        &self.inner.provider
    }

    /// What it allows.
    pub fn policy(&self) -> &Policy {
        &self.inner.policy
    }

    /// What it offers now. Whoever looks twice in one decision has to look at the same one.
    pub fn catalogue(&self) -> Arc<Catalogue> {
        let catalogue = self.inner.catalogue.read();
        Arc::clone(&catalogue.unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another one in its place, for whoever looks from now on.
    pub(crate) fn set_catalogue(&self, catalogue: Catalogue) {
        let place = self.inner.catalogue.write();
        *place.unwrap_or_else(PoisonError::into_inner) = Arc::new(catalogue);
    }

    /// The rate limits.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// Drops what time has made useless in memory: full counters. Call it each minute.
    pub fn tidy(&self) {
        self.inner.limits.sweep();
    }

    /// What housekeeping has removed since the start.
    pub fn removed(&self) -> Removed {
        *self.lock_removed()
    }

    pub(crate) fn note_removed(&self, removed: &Removed) {
        self.lock_removed().add(removed);
    }

    fn lock_removed(&self) -> MutexGuard<'_, Removed> {
        self.inner
            .removed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// What became of notices since the start.
    pub fn notice_tally(&self) -> Tally {
        self.lock_notices().clone()
    }

    pub(crate) fn count_notice(&self, receiver: &str, happening: Happening) {
        self.lock_notices().count(receiver, happening);
    }

    fn lock_notices(&self) -> MutexGuard<'_, Tally> {
        let notices = self.inner.notices.lock();
        notices.unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the server can read and write, and hears of what other processes change.
    pub async fn check_ready(&self) -> StoreResult<()> {
        if !self.snapshots().are_current() {
            return Err(StoreError::Unavailable(NOT_CURRENT.into()));
        }
        let tx = self.begin().await?;
        tx.commit().await
    }

    pub(crate) async fn begin(&self) -> StoreResult<Box<dyn Transaction>> {
        let mut tx = self.inner.store.begin().await?;
        tx.salt_audit(self.random());
        Ok(tx)
    }

    pub(crate) fn store(&self) -> &dyn Store {
        self.inner.store.as_ref()
    }

    pub(crate) async fn read(&self) -> StoreResult<Box<dyn Transaction>> {
        self.inner.store.read().await
    }

    pub(crate) fn random<const N: usize>(&self) -> [u8; N] {
        entropy::bytes(self.inner.entropy.as_ref())
    }

    pub(crate) fn key_sets(&self) -> &dyn KeySets {
        self.inner.key_sets.as_ref()
    }

    /// The services for which people entrust something to the server.
    pub fn vault(&self) -> &Vault {
        &self.inner.vault
    }

    /// What signs who acts, if any service is told.
    pub fn actor_keys(&self) -> Option<&ActorKeys> {
        self.inner.actor_keys.as_deref()
    }

    pub(crate) fn replay(&self) -> &ReplayGuard {
        &self.inner.replay
    }

    pub(crate) fn nonces(&self) -> &Nonces {
        &self.inner.nonces
    }

    pub(crate) fn snapshots(&self) -> &Snapshots {
        &self.inner.snapshots
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.inner.journal
    }

    pub(crate) fn listeners(&self) -> &Listeners {
        &self.inner.listeners
    }

    /// Whether this process is about to end.
    pub fn stopping(&self) -> &Stopping {
        &self.inner.stopping
    }

    /// Which run of which process this is.
    pub(crate) fn node(&self) -> &NodeId {
        &self.inner.node
    }

    /// Whether other processes use the same store.
    pub(crate) fn is_one_of_several(&self) -> bool {
        self.snapshots().are_shared()
    }

    pub(crate) fn jobs(&self) -> &Jobs {
        &self.inner.jobs
    }
}
