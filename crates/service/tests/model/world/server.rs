//! What the service is made of: the clocks and inboxes of the model, and a catalogue of everything in play.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use procura_adapters::{Backend, BackendError, Call, Reply, async_trait};
use procura_agent_auth::agent::Mode;
use procura_agent_auth::algorithm::Algorithm;
use procura_agent_auth::capability::ApprovalStrength;
use procura_agent_auth::compat::Compat;
use procura_agent_auth::constraint::Constraints;
use procura_agent_auth::lifetime::LifetimePolicy;
use procura_agent_auth::method::{InboxLimits, Method};
use procura_agent_auth::notice::{NoticePolicy, Unheeded};
use procura_agent_auth::registration::{AutonomousPolicy, RegistrationPolicy, UnknownHosts};
use procura_agent_auth::token::Window;
use procura_agent_auth::wire::capability::Capability;
use procura_fetch::{FetchError, NoKeySets};
use procura_keys::clock::{Clock, Timestamp};
use procura_keys::entropy::Entropy;
use procura_people::session::SessionPolicy;
use procura_service::agent_auth::possession::PossessionPolicy;
use procura_service::catalogue::{Catalogue, Offered};
use procura_service::housekeeping::RetentionPolicy;
use procura_service::limits::Limits;
use procura_service::people::vault::Vault;
use procura_service::{ArgumentsPolicy, Context, JournalHandle, Parts, Policy, Provider};
use procura_store::Store;
use serde_json::Value;

use crate::model::{
    ABSOLUTE_LIFETIME, INBOX, INBOX_OF_ONE_HOST, MAX_LIFETIME, REQUEST_LIFETIME, SESSION_TTL,
};
use crate::offers::{self, Offer, Takes};
use crate::random::Random;
use crate::step::{Autonomous, Configuration};

pub(super) const ISSUER: &str = "https://procura.example";
pub(super) const EXECUTE_URL: &str = "https://procura.example/capability/execute";

/// How long a sign-in is fresh.
pub(crate) const FRESH_FOR: Duration = Duration::from_mins(5);

/// Starts the service on a store.
pub(super) async fn start(
    store: Arc<dyn Store>,
    clock: &Arc<StillClock>,
    configuration: Configuration,
) -> (Context, JournalHandle) {
    let parts = Parts {
        store,
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        entropy: Arc::new(Numbers),
        provider: Provider {
            name: "model".to_owned(),
            description: "Plays histories".to_owned(),
            issuer: ISSUER.to_owned(),
        },
        policy: policy(configuration),
        catalogue: catalogue(configuration),
        limits: Limits::off(),
        key_sets: Arc::new(NoKeySets(FetchError::NotHttps {
            host: "nowhere".to_owned(),
        })),
        vault: Vault::default(),
        actor_keys: None,
    };
    Context::start(parts).await.unwrap()
}

fn policy(configuration: Configuration) -> Policy {
    let millis = |count: i64| Duration::from_millis(count.unsigned_abs());
    let modes: &[Mode] = if configuration.delegated_only {
        &[Mode::Delegated]
    } else {
        &[Mode::Delegated, Mode::Autonomous]
    };
    Policy {
        registration: RegistrationPolicy {
            modes: modes.to_vec(),
            unknown_hosts: if configuration.known_hosts_only {
                UnknownHosts::Refuse
            } else {
                UnknownHosts::Register
            },
            autonomous_unknown_hosts: autonomous(configuration.unlinked),
            autonomous_linked_hosts: autonomous(configuration.linked),
        },
        lifetime: LifetimePolicy {
            session_ttl: Some(millis(SESSION_TTL)),
            max_lifetime: Some(millis(MAX_LIFETIME)),
            absolute_lifetime: Some(millis(ABSOLUTE_LIFETIME)),
        },
        window: Window::default(),
        algorithms: Algorithm::ALL.to_vec(),
        published_keys: true,
        compat: Compat::Strict,
        possession: PossessionPolicy::default(),
        approval_methods: Method::ALL.to_vec(),
        custom_methods: Vec::new(),
        approval_notifications: false,
        protected_names: Vec::new(),
        inbox: InboxLimits {
            per_person: INBOX,
            per_host: INBOX_OF_ONE_HOST,
        },
        approval_expires_in: millis(REQUEST_LIFETIME),
        approval_interval: Duration::from_secs(5),
        max_stream: Duration::from_mins(1),
        session: SessionPolicy {
            lifetime: Duration::from_hours(12),
            fresh_for: FRESH_FOR,
        },
        public_capabilities: true,
        sign_up: false,
        notices: NoticePolicy {
            receivers: Vec::new(),
            prefers_inbox: false,
            quiet: Duration::ZERO,
            quiet_per_app: Duration::ZERO,
            unheeded: Unheeded {
                count: NonZeroU32::MIN,
                per: Duration::ZERO,
            },
            tries: 1,
            max_waiting: 1,
            keep: Duration::ZERO,
        },
        introspection_callers: Vec::new(),
        audit_arguments: ArgumentsPolicy::Digest,
        // Nothing is kept for so short a time that a history would see it go.
        retention: RetentionPolicy {
            pending: None,
            requests: None,
            ended_grants: None,
            activity: None,
            audit: None,
            erase_removed_people: true,
        },
    }
}

fn autonomous(policy: Autonomous) -> AutonomousPolicy {
    match policy {
        Autonomous::Pending => AutonomousPolicy::Pending,
        Autonomous::Activate => AutonomousPolicy::Activate,
        Autonomous::Refuse => AutonomousPolicy::Refuse,
    }
}

fn catalogue(configuration: Configuration) -> Catalogue {
    let mut catalogue = Catalogue::default();
    for offer in offers::offered(configuration) {
        catalogue.add(offered(offer)).unwrap();
    }
    catalogue
}

fn offered(offer: &Offer) -> Offered {
    let shown = Capability {
        name: offer.name.parse().unwrap(),
        description: "For the model".to_owned(),
        location: offer.location.map(str::to_owned),
        input: offers::schema(offer.name),
        output: None,
        grant_status: None,
    };
    let strength = match offer.takes {
        Takes::Nothing => ApprovalStrength::None,
        Takes::SignIn => ApprovalStrength::Session,
        Takes::Presence => ApprovalStrength::Presence,
    };
    let mut offered = Offered::new(shown, strength, Arc::new(Silent)).unwrap();
    offered.is_default = offer.is_default;
    offered.imposed = offer
        .imposed
        .and_then(|sheet| Constraints::parse(sheet.value()).unwrap());
    offered
}

/// Has nothing to say: at once, or for as long as somebody listens.
struct Silent;

#[async_trait]
impl Backend for Silent {
    async fn call(&self, call: Call<'_>) -> Result<Reply, BackendError> {
        Ok(match call.capability {
            "watch" => Reply::Stream(stream::pending().boxed()),
            _ => Reply::Value(Value::Null),
        })
    }
}

/// A clock that stands still until it is turned.
pub(crate) struct StillClock(AtomicI64);

impl StillClock {
    pub(super) fn new(millis: i64) -> Self {
        Self(AtomicI64::new(millis))
    }

    pub(crate) fn set(&self, millis: i64) {
        self.0.store(millis, Ordering::SeqCst);
    }

    pub(crate) fn millis(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.millis())
    }
}

/// Bytes that never come twice in a run of the tests.
struct Numbers;

impl Entropy for Numbers {
    fn fill(&self, bytes: &mut [u8]) {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let mut random = Random::new(NEXT.fetch_add(1 << 20, Ordering::Relaxed));
        for chunk in bytes.chunks_mut(8) {
            let block = random.next().to_le_bytes();
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }
}
