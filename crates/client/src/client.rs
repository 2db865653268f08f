//! The client itself: what it is made of and where it gets time, randomness and the network from.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use procura_fetch::{FetchError, FetchPolicy};
use procura_keys::clock::{Clock, Timestamp};
use procura_keys::entropy::Entropy;

use crate::answers::Answers;
use crate::directory::RefusedEntry;
use crate::error::ClientError;
use crate::pause::Pause;
use crate::profile::{Profile, Protection};
use crate::system::{SystemClock, SystemEntropy, SystemPause};
use crate::transport::{FetchTransport, Transport};

/// Holds keys and speaks to servers on behalf of agents (§6.1). Share it behind a reference: its methods
/// take `&self` and may run at the same time. Clones share everything.
#[derive(Clone)]
pub struct Client {
    pub(crate) profile: Profile,
    pub(crate) options: Options,
    pub(crate) parts: Parts,
    pub(crate) answers: Arc<Answers>,
}

impl Client {
    /// A client on the real network, clock and randomness.
    pub fn system(profile: Profile, options: Options) -> Result<Self, ClientError> {
        let parts = Parts::system(options.allow_loopback_http)?;
        Ok(Self::new(profile, options, parts))
    }

    /// A client on the given parts.
    pub fn new(profile: Profile, options: Options, parts: Parts) -> Self {
        Self {
            profile,
            options,
            parts,
            answers: Arc::default(),
        }
    }

    /// Where this client keeps what it knows.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// What whoever runs it chose.
    pub fn options(&self) -> &Options {
        &self.options
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }

    /// Which URLs may be called and shown. The transport judges again what it calls.
    pub(crate) fn url_policy(&self) -> FetchPolicy {
        FetchPolicy {
            allow_loopback_http: self.options.allow_loopback_http,
            ..FetchPolicy::client()
        }
    }

    pub(crate) fn notify(&self, notice: &Notice) {
        if let Some(listener) = &self.options.notices {
            listener(notice);
        }
    }
}

/// What a client is made of besides its profile.
#[derive(Clone)]
pub struct Parts {
    /// The way to the network.
    pub transport: Arc<dyn Transport>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness, for keys and token names.
    pub entropy: Arc<dyn Entropy>,
    /// How to wait.
    pub pause: Arc<dyn Pause>,
}

impl Parts {
    /// The real ones. `allow_loopback_http` admits `http://` to this machine, for development.
    pub fn system(allow_loopback_http: bool) -> Result<Self, FetchError> {
        Ok(Self {
            transport: Arc::new(FetchTransport::new(allow_loopback_http)?),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            pause: Arc::new(SystemPause),
        })
    }
}

/// Choices of whoever runs the client.
#[derive(Clone)]
pub struct Options {
    /// Whether `http://` is accepted for issuers, locations and pages on this machine. For development.
    pub allow_loopback_http: bool,
    /// How approvers know this machine, for example its host name (§3.1).
    pub host_name: Option<String>,
    /// The directory to search for providers (§6.11), without the `/api/search` of its endpoint.
    pub directory: Option<String>,
    /// How long an execution that the server finishes later is asked for.
    pub max_job_wait: Duration,
    /// Who is told what the client does beside what it was asked for.
    pub notices: Option<NoticeListener>,
}

/// Takes [`Notice`]s.
pub type NoticeListener = Arc<dyn Fn(&Notice) + Send + Sync>;

impl Default for Options {
    fn default() -> Self {
        Self {
            allow_loopback_http: false,
            host_name: None,
            directory: None,
            max_job_wait: Duration::from_mins(10),
            notices: None,
        }
    }
}

/// Something the client did beside what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// It made a host key pair, and keeps it in this directory, or in memory only.
    HostKeyCreated {
        /// The directory.
        directory: Option<PathBuf>,
        /// How it is protected there.
        protection: Protection,
    },
    /// An earlier registration had gone through although its answer never arrived. The protocol tells nobody which
    /// agent a key belongs to, so that agent can never be used, and another one was registered.
    AgentLost {
        /// The provider's issuer.
        issuer: String,
    },
    /// A directory named a provider that is not to be trusted with it (§6.11).
    EntryRefused(RefusedEntry),
    /// A provider could not be asked for its discovery document, so the last one is used (§10.5).
    OldDiscoveryUsed {
        /// The provider's issuer.
        issuer: String,
    },
}

impl Notice {
    /// Whether somebody should see it even if they want to hear little.
    pub fn is_warning(&self) -> bool {
        match self {
            Self::HostKeyCreated {
                directory,
                protection,
            } => directory.is_some() && *protection == Protection::Permissions,
            Self::AgentLost { .. } | Self::EntryRefused(_) => true,
            Self::OldDiscoveryUsed { .. } => false,
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HostKeyCreated {
                directory: Some(directory),
                protection,
            } => {
                let directory = directory.display();
                match protection {
                    Protection::Passphrase => write!(
                        f,
                        "Created this machine's key pair. Keys are kept in {directory}, encrypted under the passphrase."
                    ),
                    Protection::Keychain(name) => write!(
                        f,
                        "Created this machine's key pair. Keys are kept in {directory}, encrypted under a key in the \
                         {name}."
                    ),
                    Protection::Permissions => write!(
                        f,
                        "warning: Created this machine's key pair. Keys are kept unencrypted in {directory}, in files \
                         that only your user can read."
                    ),
                }
            }
            Self::HostKeyCreated {
                directory: None, ..
            } => f.write_str("Created a key pair for this host. It is kept in memory only."),
            Self::AgentLost { issuer } => write!(
                f,
                "{issuer} had registered an agent earlier without its answer arriving here. That agent can never \
                 be used; a new one is registered in its place."
            ),
            Self::EntryRefused(RefusedEntry { issuer, reason }) => write!(
                f,
                "warning: the directory lists {issuer:?}, which is not used: {reason}"
            ),
            Self::OldDiscoveryUsed { issuer } => write!(
                f,
                "{issuer} could not be asked for its discovery document; using the last one."
            ),
        }
    }
}
