//! The providers of the configuration, and what is known of each: what it says of itself, and its keys.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use procura_adapters::http::Secret;
use procura_fetch::{FetchError, FetchPolicy, Fetcher, Request, Response};
use procura_keys::clock::Timestamp;
use procura_keys::issuer_keys::{IssuerKeys, IssuerKeysError, Verdict};
use procura_keys::jwt::{JwtError, Unverified};
use procura_people::openid::{BadProvider, Provider, discovery_url};
use tokio::sync::Mutex;
use url::Url;

/// What the configuration says of a provider.
#[derive(Clone, Debug)]
pub struct OpenIdSettings {
    /// How addresses of this server name it.
    pub id: String,
    /// How pages name it.
    pub name: String,
    /// How it names itself.
    pub issuer: String,
    /// How it names this server.
    pub client_id: String,
    /// By what it knows this server, if by anything.
    pub client_secret: Option<Secret>,
    /// What is asked for, separated by blanks; `openid` is among it.
    pub scope: String,
    /// Whether it lets in who has no account here yet.
    pub sign_up: bool,
    /// Whom of them: those with a confirmed address in one of these domains. Without any, everybody.
    pub domains: Vec<String>,
}

/// All providers, in the order in which pages show them.
#[derive(Clone, Debug, Default)]
pub struct OpenIdProviders(Vec<Arc<OpenIdProvider>>);

impl OpenIdProviders {
    /// Nothing is asked of them yet.
    pub fn new(settings: Vec<OpenIdSettings>) -> Result<Self, FetchError> {
        let providers = settings.into_iter().map(OpenIdProvider::new);
        Ok(Self(
            providers
                .map(|one| one.map(Arc::new))
                .collect::<Result<_, _>>()?,
        ))
    }

    /// The one with this identifier.
    pub fn find(&self, id: &str) -> Option<&OpenIdProvider> {
        self.iter().find(|one| one.settings.id == id)
    }

    /// The one that calls itself this.
    pub fn by_issuer(&self, issuer: &str) -> Option<&OpenIdProvider> {
        self.iter().find(|one| one.settings.issuer == issuer)
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &OpenIdProvider> {
        self.0.iter().map(AsRef::as_ref)
    }
}

/// A provider.
pub struct OpenIdProvider {
    settings: OpenIdSettings,
    fetcher: Fetcher,
    policy: FetchPolicy,
    known: Mutex<Known>,
}

/// What was fetched, when, and what went wrong last.
#[derive(Default)]
struct Known {
    document: Option<(Arc<Provider>, Timestamp)>,
    keys: Option<(Arc<IssuerKeys>, Timestamp)>,
    failure: Option<(ProviderError, Timestamp)>,
}

/// What is wrong with a provider. It is for the operator's log, and holds nothing secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// It cannot be reached.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// It answered with another status than 200.
    #[error("{what} answered with status {status}")]
    Status {
        /// Which of its addresses.
        what: &'static str,
        /// The status.
        status: StatusCode,
    },
    /// What it says of itself will not do.
    #[error("{0}")]
    Document(#[from] BadProvider),
    /// Its keys will not do.
    #[error("its keys: {0}")]
    Keys(#[from] IssuerKeysError),
    /// It did not take the code, or the secret of this server.
    #[error("it refused the code: {0}")]
    Refused(String),
    /// What came for the code is no answer to it.
    #[error("its answer to the code has no ID token")]
    NoIdToken,
    /// The ID token is none.
    #[error("{0}")]
    Token(#[from] JwtError),
    /// The ID token is not signed by a key that it publishes.
    #[error("its ID token is not signed by a key of its own")]
    Forged,
    /// The secret of this server cannot be sent.
    #[error("the client secret has characters that cannot be sent")]
    UnusableSecret,
}

impl fmt::Debug for OpenIdProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenIdProvider({})", self.settings.id)
    }
}

impl OpenIdProvider {
    fn new(settings: OpenIdSettings) -> Result<Self, FetchError> {
        // The operator names it, so it may be inside; a certificate proves that it is the one that was named. A code
        // or secret goes to the address that was meant and to no other, so redirects are not followed.
        let policy = FetchPolicy {
            allow_loopback_http: settings.issuer.starts_with("http:"),
            max_redirects: 0,
            max_response_bytes: MAX_BYTES,
            ..FetchPolicy::client()
        };
        Ok(Self {
            settings,
            fetcher: Fetcher::new(policy.clone())?,
            policy,
            known: Mutex::default(),
        })
    }

    /// What the configuration says of it.
    pub fn settings(&self) -> &OpenIdSettings {
        &self.settings
    }

    pub(super) async fn send(&self, request: Request) -> Result<Response, ProviderError> {
        Ok(self.fetcher.send(request).await?)
    }

    /// What it says of itself. Those who ask at once share one request and its failure.
    pub(super) async fn document(&self, now: Timestamp) -> Result<Arc<Provider>, ProviderError> {
        let mut known = self.known.lock().await;
        self.document_of(&mut known, now).await
    }

    /// Whether one of its keys signed this token. A token may be older than the keys that are known here; then they
    /// are asked for once more.
    pub(super) async fn judge(
        &self,
        token: &Unverified<'_>,
        now: Timestamp,
    ) -> Result<(), ProviderError> {
        let mut known = self.known.lock().await;
        let held = known.keys.clone();
        let held = held.filter(|(_, at)| now.since(*at) < KEEP);
        if let Some((keys, _)) = held {
            match keys.judge(token) {
                Verdict::Signed => return Ok(()),
                Verdict::Forged => return Err(ProviderError::Forged),
                Verdict::UnknownKey => {}
            }
        }
        let keys = self.fetch_keys(&mut known, now).await?;
        match keys.judge(token) {
            Verdict::Signed => Ok(()),
            Verdict::Forged | Verdict::UnknownKey => Err(ProviderError::Forged),
        }
    }

    async fn document_of(
        &self,
        known: &mut Known,
        now: Timestamp,
    ) -> Result<Arc<Provider>, ProviderError> {
        if let Some((document, at)) = &known.document
            && now.since(*at) < KEEP
        {
            return Ok(Arc::clone(document));
        }
        known.spare_it(now)?;
        let fetched = self.fetch_document().await;
        let document = Arc::new(known.note(fetched, now)?);
        known.document = Some((Arc::clone(&document), now));
        Ok(document)
    }

    async fn fetch_document(&self) -> Result<Provider, ProviderError> {
        let issuer = &self.settings.issuer;
        let bytes = self.get(discovery_url(issuer)?, "its document").await?;
        let document = Provider::parse(issuer, &bytes.body)?;
        // The others are judged when they are called; this one is called by browsers.
        self.policy.admit(&document.authorization_endpoint)?;
        Ok(document)
    }

    async fn fetch_keys(
        &self,
        known: &mut Known,
        now: Timestamp,
    ) -> Result<Arc<IssuerKeys>, ProviderError> {
        let document = self.document_of(known, now).await?;
        known.spare_it(now)?;
        let answer = self.get(document.jwks_uri.clone(), "its key set").await;
        let fetched = answer.and_then(|answer| Ok(IssuerKeys::parse(&answer.body)?));
        let keys = Arc::new(known.note(fetched, now)?);
        known.keys = Some((Arc::clone(&keys), now));
        Ok(keys)
    }

    async fn get(&self, url: Url, what: &'static str) -> Result<Response, ProviderError> {
        let response = self.send(Request::get(url)).await?;
        match response.status {
            StatusCode::OK => Ok(response),
            status => Err(ProviderError::Status { what, status }),
        }
    }
}

impl Known {
    /// Those who waited for a request that failed do not wait for one of their own.
    fn spare_it(&self, now: Timestamp) -> Result<(), ProviderError> {
        match &self.failure {
            Some((failure, at)) if now.since(*at) < RETRY_AFTER => Err(failure.clone()),
            _ => Ok(()),
        }
    }

    fn note<T>(
        &mut self,
        fetched: Result<T, ProviderError>,
        now: Timestamp,
    ) -> Result<T, ProviderError> {
        let failure = fetched.as_ref().err().cloned();
        self.failure = failure.map(|failure| (failure, now));
        fetched
    }
}

/// For how long what a provider published is taken to be so.
const KEEP: Duration = Duration::from_hours(1);
/// For how long a provider that could not be reached is not asked again.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// The largest answer of a provider, in bytes.
const MAX_BYTES: usize = 256 * 1024;
