//! The file as written: sections with their defaults.

use std::num::NonZeroU8;
use std::path::PathBuf;
use std::time::Duration;

use procura_agent_auth::agent::Mode;
use procura_agent_auth::algorithm::Algorithm;
use procura_agent_auth::compat::Compat;
use procura_agent_auth::lifetime::LifetimePolicy;
use procura_agent_auth::method::{InboxLimits, Method};
use procura_agent_auth::registration::{AutonomousPolicy, RegistrationPolicy, UnknownHosts};
use procura_agent_auth::token::Window;
use procura_keys::digest::sha256;
use procura_people::password::MIN_LENGTH;
use procura_people::person::Email;
use procura_people::session::SessionPolicy;
use procura_service::agent_auth::introspect::IntrospectionCaller;
use procura_service::housekeeping::RetentionPolicy;
use procura_service::{ArgumentsPolicy, Policy};
use serde::Deserialize;

use super::actor::ActorSection;
use super::capability::CapabilitySection;
use super::custom_method::CustomMethods;
use super::housekeeping::{self, HousekeepingSection, RemovedPeople};
use super::jwks::JwksSection;
use super::limits::LimitsSection;
use super::mcp::McpSection;
use super::notify::NotifySection;
use super::openapi::OpenapiSection;
use super::proxy::ProxySection;
use super::security::SecuritySection;
use super::sign_in::SignInSection;
use super::span::{Span, SpanOrOff};
use super::store::{Nodes, StoreChoice, StoreSection};
use super::tls::TlsSection;
use super::upstream::UpstreamSection;
use super::vault::VaultSection;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    #[serde(default)]
    compat: Compat,
    pub(super) provider: ProviderSection,
    #[serde(default)]
    pub(super) server: ServerSection,
    pub(super) tls: Option<TlsSection>,
    #[serde(default)]
    pub(super) proxy: ProxySection,
    #[serde(default)]
    security: SecuritySection,
    #[serde(default)]
    pub(super) store: StoreSection,
    #[serde(default)]
    hosts: HostsSection,
    #[serde(default)]
    autonomous: AutonomousSection,
    #[serde(default)]
    lifetime: LifetimeSection,
    #[serde(default)]
    approval: ApprovalSection,
    #[serde(default)]
    pub(super) notify: NotifySection,
    #[serde(default)]
    streams: StreamsSection,
    #[serde(default)]
    sessions: SessionsSection,
    #[serde(default)]
    accounts: AccountsSection,
    #[serde(default)]
    pub(super) sign_in: SignInSection,
    #[serde(default)]
    introspection: IntrospectionSection,
    #[serde(default)]
    audit: AuditSection,
    #[serde(default)]
    pub(super) housekeeping: HousekeepingSection,
    #[serde(default)]
    pub(super) jwks: JwksSection,
    #[serde(default)]
    pub(super) limits: LimitsSection,
    #[serde(default)]
    pub(super) development: DevelopmentSection,
    #[serde(default)]
    pub(super) vault: VaultSection,
    #[serde(default)]
    pub(super) actor: ActorSection,
    #[serde(default)]
    pub(super) upstream: Vec<UpstreamSection>,
    #[serde(default)]
    pub(super) openapi: Vec<OpenapiSection>,
    #[serde(default)]
    pub(super) mcp: Vec<McpSection>,
    #[serde(default)]
    pub(super) capability: Vec<CapabilitySection>,
}

/// `[provider]`: who the server is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProviderSection {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) issuer: Option<String>,
    #[serde(default = "both_modes")]
    modes: Vec<Mode>,
    #[serde(default = "every_algorithm")]
    algorithms: Vec<Algorithm>,
    #[serde(default = "yes")]
    public_capabilities: bool,
}

/// `[server]`: where it listens, and how it ends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ServerSection {
    pub(super) listen: String,
    pub(super) drain: Option<Span>,
}

impl ServerSection {
    /// With several nodes, somebody spreads requests over them and has to notice.
    pub(super) fn drain(&self, store: &StoreChoice) -> Duration {
        let usual = match store {
            StoreChoice::Postgres(_, Nodes::Several) => Duration::from_secs(5),
            StoreChoice::Postgres(_, Nodes::One) | StoreChoice::Embedded => Duration::ZERO,
        };
        self.drain.map_or(usual, |drain| drain.0)
    }
}

/// `[hosts]`: what to do with hosts.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct HostsSection {
    unknown: UnknownHosts,
}

/// `[autonomous]`: what to do with agents that act for nobody.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct AutonomousSection {
    unknown_hosts: Option<AutonomousPolicy>,
    linked_hosts: AutonomousPolicy,
}

/// `[lifetime]`: how long agents live (§2.4).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LifetimeSection {
    session_ttl: SpanOrOff,
    max_lifetime: SpanOrOff,
    absolute_lifetime: SpanOrOff,
}

/// `[approval]`: how people learn of requests, and how long they may take.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ApprovalSection {
    methods: Vec<Method>,
    inbox_per_person: NonZeroU8,
    inbox_per_host: NonZeroU8,
    custom: CustomMethods,
    notifications: bool,
    protected_names: Vec<String>,
    expires_in: Span,
    interval: Span,
}

/// `[streams]`: results in pieces (§5.11).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct StreamsSection {
    max_duration: Span,
}

/// `[sessions]`: how long people stay signed in.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SessionsSection {
    lifetime: Span,
    fresh_for: Span,
}

/// `[accounts]`: how people get one.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct AccountsSection {
    sign_up: bool,
}

/// `[introspection]`: who may ask about tokens (§5.12).
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct IntrospectionSection {
    caller: Vec<IntrospectionCallerSection>,
}

/// `[[introspection.caller]]`: a service and the file that holds its secret.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct IntrospectionCallerSection {
    name: String,
    secret_file: PathBuf,
}

impl IntrospectionCallerSection {
    fn judge(&self) -> Result<IntrospectionCaller, String> {
        let wrong = |why: String| {
            let file = self.secret_file.display();
            format!(
                "introspection.caller {:?}: secret_file: {file} {why}",
                self.name
            )
        };
        let text = std::fs::read_to_string(&self.secret_file);
        let text = text.map_err(|error| wrong(format!("cannot be read: {error}")))?;
        let secret = text.trim_end_matches(['\r', '\n']);
        if secret.len() < MIN_SECRET || secret.chars().any(|c| !c.is_ascii_graphic()) {
            return Err(wrong(format!(
                "has to hold a secret of at least {MIN_SECRET} visible ASCII characters"
            )));
        }
        Ok(IntrospectionCaller {
            name: self.name.clone(),
            secret_digest: sha256(secret.as_bytes()),
        })
    }
}

/// The shortest acceptable secret of a service, in characters.
const MIN_SECRET: usize = 32;

/// `[audit]`: what the log keeps.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct AuditSection {
    arguments: ArgumentsPolicy,
    keep_activity: SpanOrOff,
    keep_records: SpanOrOff,
    removed_people: RemovedPeople,
}

/// `[development]`: conveniences that have no place in production.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct DevelopmentSection {
    pub(super) person: Vec<DevelopmentPerson>,
}

/// `[[development.person]]`: an account made at start, with its password in the file.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DevelopmentPerson {
    /// The address to sign in with.
    pub email: String,
    /// How pages address them.
    pub name: String,
    /// Their password.
    pub password: String,
}

impl std::fmt::Debug for DevelopmentPerson {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DevelopmentPerson({})", self.email)
    }
}

impl Document {
    /// What no single value shows.
    pub(super) fn judge(&self) -> Result<(), String> {
        if self.provider.name.trim().is_empty() {
            return Err("provider.name: has to name the provider".to_owned());
        }
        if self.provider.modes.is_empty() {
            return Err("provider.modes: has to list delegated, autonomous or both".to_owned());
        }
        self.approval.judge()?;
        self.housekeeping.judge()?;
        self.jwks.judge()?;
        if let (Some(activity), Some(records)) =
            (self.audit.keep_activity.0, self.audit.keep_records.0)
            && records < activity
        {
            return Err(
                "audit.keep_records: must not be shorter than audit.keep_activity".to_owned(),
            );
        }
        for person in &self.development.person {
            let email = person.email.parse::<Email>().map(|_| ());
            let length = person.password.chars().count();
            email.map_err(|error| {
                format!("development.person: email: {:?}: {error}", person.email)
            })?;
            if length < MIN_LENGTH {
                let email = &person.email;
                return Err(format!(
                    "development.person {email}: password: needs at least {MIN_LENGTH} characters"
                ));
            }
        }
        if self.sessions.fresh_for.0 > self.sessions.lifetime.0 {
            return Err("sessions.fresh_for: must not be longer than sessions.lifetime".to_owned());
        }
        Ok(())
    }

    /// `certificates` says whether the server learns the client certificates of connections.
    pub(super) fn policy(&self, certificates: bool) -> Result<Policy, String> {
        let callers = self.introspection.caller.iter();
        let introspection_callers = callers.map(IntrospectionCallerSection::judge);
        Ok(Policy {
            public_capabilities: self.provider.public_capabilities,
            introspection_callers: introspection_callers.collect::<Result<_, _>>()?,
            registration: RegistrationPolicy {
                modes: self.provider.modes.clone(),
                unknown_hosts: self.hosts.unknown,
                autonomous_unknown_hosts: self.autonomous.unknown_hosts.unwrap_or(
                    if self.compat.activates_autonomous() {
                        AutonomousPolicy::Activate
                    } else {
                        AutonomousPolicy::Pending
                    },
                ),
                autonomous_linked_hosts: self.autonomous.linked_hosts,
            },
            lifetime: LifetimePolicy {
                session_ttl: self.lifetime.session_ttl.0,
                max_lifetime: self.lifetime.max_lifetime.0,
                absolute_lifetime: self.lifetime.absolute_lifetime.0,
            },
            window: Window::default(),
            compat: self.compat,
            algorithms: self.provider.algorithms.clone(),
            published_keys: self.jwks.enabled,
            possession: self.security.judge(certificates)?,
            approval_methods: self.approval.methods.clone(),
            custom_methods: self.approval.custom.read()?,
            inbox: InboxLimits {
                per_person: self.approval.inbox_per_person.get().into(),
                per_host: self.approval.inbox_per_host.get().into(),
            },
            approval_notifications: self.approval.notifications,
            notices: self.notify.policy(self.approval.expires_in.0)?,
            protected_names: self.approval.protected_names.clone(),
            approval_expires_in: self.approval.expires_in.0,
            approval_interval: self.approval.interval.0,
            max_stream: self.streams.max_duration.0,
            session: SessionPolicy {
                lifetime: self.sessions.lifetime.0,
                fresh_for: self.sessions.fresh_for.0,
            },
            sign_up: self.accounts.sign_up,
            audit_arguments: self.audit.arguments,
            retention: RetentionPolicy {
                pending: self.housekeeping.pending.0,
                requests: self.housekeeping.requests.0,
                ended_grants: self.housekeeping.ended_grants.0,
                activity: self.audit.keep_activity.0,
                audit: self.audit.keep_records.0,
                erase_removed_people: self.audit.removed_people == RemovedPeople::Erase,
            },
        })
    }
}

impl ApprovalSection {
    fn judge(&self) -> Result<(), String> {
        let interval = self.interval.0;
        if interval < Duration::from_secs(1) || interval >= self.expires_in.0 {
            return Err(
                "approval.interval: has to be at least 1s and shorter than approval.expires_in"
                    .to_owned(),
            );
        }
        // Every server has it (§7), and it is what is left for people the server does not know.
        let has = |method: Method| self.methods.iter().filter(|one| **one == method).count();
        if has(Method::DeviceAuthorization) != 1 || has(Method::Ciba) > 1 {
            return Err(
                "approval.methods: has to list device_authorization, or it and ciba".to_owned(),
            );
        }
        Ok(())
    }
}

fn yes() -> bool {
    true
}

fn every_algorithm() -> Vec<Algorithm> {
    Algorithm::ALL.to_vec()
}

fn both_modes() -> Vec<Mode> {
    vec![Mode::Delegated, Mode::Autonomous]
}

impl Default for ServerSection {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            drain: None,
        }
    }
}

impl Default for HostsSection {
    fn default() -> Self {
        Self {
            unknown: UnknownHosts::Register,
        }
    }
}

impl Default for AutonomousSection {
    fn default() -> Self {
        Self {
            unknown_hosts: None,
            linked_hosts: AutonomousPolicy::Pending,
        }
    }
}

impl Default for LifetimeSection {
    fn default() -> Self {
        Self {
            session_ttl: SpanOrOff(Some(Duration::from_hours(1))),
            max_lifetime: SpanOrOff(Some(Duration::from_hours(24))),
            absolute_lifetime: SpanOrOff(Some(Duration::from_hours(30 * 24))),
        }
    }
}

impl Default for ApprovalSection {
    fn default() -> Self {
        Self {
            methods: Method::ALL.to_vec(),
            inbox_per_person: NonZeroU8::new(20).unwrap_or(NonZeroU8::MIN),
            inbox_per_host: NonZeroU8::new(5).unwrap_or(NonZeroU8::MIN),
            custom: CustomMethods::default(),
            notifications: true,
            protected_names: Vec::new(),
            expires_in: Span(Duration::from_mins(5)),
            interval: Span(Duration::from_secs(5)),
        }
    }
}

impl Default for StreamsSection {
    fn default() -> Self {
        Self {
            max_duration: Span(Duration::from_hours(1)),
        }
    }
}

impl Default for SessionsSection {
    fn default() -> Self {
        let policy = SessionPolicy::default();
        Self {
            lifetime: Span(policy.lifetime),
            fresh_for: Span(policy.fresh_for),
        }
    }
}

impl Default for AuditSection {
    fn default() -> Self {
        Self {
            arguments: ArgumentsPolicy::Digest,
            keep_activity: SpanOrOff(Some(housekeeping::YEAR)),
            keep_records: SpanOrOff(None),
            removed_people: RemovedPeople::Erase,
        }
    }
}
