//! A service that capabilities are carried out by: where it is, how the server proves itself to it, how patient
//! the server is with it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method, StatusCode, header};
use procura_fetch::{FetchError, FetchPolicy, Fetcher, Request, StreamResponse};
use procura_keys::clock::Clock;
use url::Url;

use super::actor::{self, Actor, ActorKeys};
use super::breaker::{Breaker, BreakerPolicy};
use super::credential::{Credential, Place, pair};
use super::encode::component;
use super::outgoing::{Outgoing, check_segments};
use crate::{BackendError, Call};

/// How a service is called.
#[derive(Debug)]
pub struct UpstreamSettings {
    /// Where it is. Paths are appended to this one's.
    pub url: Url,
    /// How the server proves itself.
    pub credential: Credential,
    /// What signs who acts, for a service that is told.
    pub actor_keys: Option<Arc<ActorKeys>>,
    /// How long a call may take until its answer is complete, or its stream has begun.
    pub timeout: Duration,
    /// How often a call that may be repeated is repeated.
    pub retries: u32,
    /// When the service is left alone.
    pub breaker: BreakerPolicy,
    /// The largest answer, in bytes.
    pub max_answer: usize,
    /// How long a job of the service is followed.
    pub job_timeout: Duration,
    /// Whether agents see what the service says when it turns a call down.
    pub show_refusals: bool,
}

impl UpstreamSettings {
    /// The defaults for a service at `url`.
    pub fn new(url: Url) -> Self {
        Self {
            url,
            credential: Credential::None,
            actor_keys: None,
            timeout: Duration::from_secs(30),
            retries: 2,
            breaker: BreakerPolicy::default(),
            max_answer: 4 * 1024 * 1024,
            job_timeout: Duration::from_mins(15),
            show_refusals: false,
        }
    }
}

/// On whose behalf a request is sent.
#[derive(Debug, Default)]
pub(super) struct Acting {
    /// The credential of the person.
    own: Option<Credential>,
    /// Who is told to the service.
    actor: Option<Actor>,
}

/// A service, shared by the capabilities it carries out.
pub struct Upstream {
    settings: UpstreamSettings,
    fetcher: Fetcher,
    breaker: Breaker,
    clock: Arc<dyn Clock>,
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.settings.url.host_str().unwrap_or("the upstream"))
    }
}

/// Why a URL cannot be an upstream's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// It says more than where the service is.
    #[error("has to be http:// or https:// with a host, and without user, query and fragment")]
    Url,
    /// It cannot be called.
    #[error(transparent)]
    Fetch(#[from] FetchError),
}

impl Upstream {
    /// Prepares to call a service. `reach` says which addresses it may be at; its redirects are not followed.
    pub fn new(
        settings: UpstreamSettings,
        reach: &FetchPolicy,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, UpstreamError> {
        let url = &settings.url;
        let plain = matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if !plain {
            return Err(UpstreamError::Url);
        }
        let policy = FetchPolicy {
            total_timeout: settings.timeout,
            max_redirects: 0,
            max_response_bytes: MAX_STREAM.max(settings.max_answer),
            ..reach.clone()
        };
        policy.admit(url)?;
        Ok(Self {
            fetcher: Fetcher::new(policy)?,
            breaker: Breaker::new(settings.breaker),
            settings,
            clock,
        })
    }

    /// How long a call may take.
    pub(super) fn timeout(&self) -> Duration {
        self.settings.timeout
    }

    pub(super) fn settings(&self) -> &UpstreamSettings {
        &self.settings
    }

    /// How the server proves itself.
    pub fn credential(&self) -> &Credential {
        &self.settings.credential
    }

    /// Whether each person has a credential of their own for it.
    pub(super) fn takes_persons(&self) -> bool {
        matches!(self.settings.credential, Credential::Person(_))
    }

    /// On whose behalf a call is made: the credential of the person, where the service takes that, and who is told to
    /// it, where it asks for that.
    pub(super) async fn acting(&self, call: Call<'_>) -> Result<Acting, BackendError> {
        let actor = self.settings.actor_keys.is_some().then(|| call.into());
        let Credential::Person(person) = &self.settings.credential else {
            return Ok(Acting { own: None, actor });
        };
        let secret = call.vault.secret(&person.service, call.user_id).await?;
        let filled = person.place.filled(secret);
        let filled = filled.map_err(|_| call.vault.not_accepted(&person.service))?;
        let own = Some(filled);
        Ok(Acting { own, actor })
    }

    /// The service whose answer says that it does not accept the credential of the person.
    pub(super) fn turned_down(&self, response: &StreamResponse) -> Option<&str> {
        match &self.settings.credential {
            Credential::Person(person) if response.status == StatusCode::UNAUTHORIZED => {
                Some(&person.service)
            }
            _ => None,
        }
    }

    /// Sends a request; again when that may be done and may help. `acting` is what [`acting`](Self::acting) gave.
    pub(super) async fn send(
        &self,
        outgoing: &Outgoing,
        acting: &Acting,
    ) -> Result<StreamResponse, BackendError> {
        let url = self.url(outgoing)?;
        let mut retries = if is_idempotent(&outgoing.method) {
            self.settings.retries
        } else {
            0
        };
        let mut pause = FIRST_PAUSE;
        loop {
            let answer = self.attempt(outgoing, &url, acting).await?;
            if retries == 0 || !is_passing(&answer) {
                return answer.map_err(|error| BackendError::Failed(error.to_string()));
            }
            retries -= 1;
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }

    /// Sends a request once, whatever comes of it.
    #[cfg(feature = "mcp")]
    pub(crate) async fn send_once(
        &self,
        outgoing: &Outgoing,
    ) -> Result<StreamResponse, BackendError> {
        let url = self.url(outgoing)?;
        let answer = self.exchange(outgoing, &url, &Acting::default()).await?;
        answer.map_err(|error| BackendError::Failed(error.to_string()))
    }

    /// Where it is.
    pub fn address(&self) -> &Url {
        &self.settings.url
    }

    /// Asks an address of this service again, for a job.
    pub(super) async fn follow(
        &self,
        url: &Url,
        acting: &Acting,
    ) -> Result<StreamResponse, BackendError> {
        let outgoing = Outgoing::new(Method::GET, String::new());
        let answer = self.attempt(&outgoing, url, acting).await?;
        answer.map_err(|error| BackendError::Failed(error.to_string()))
    }

    /// Whether a URL is of this service.
    pub(super) fn is_own(&self, url: &Url) -> bool {
        url.origin() == self.settings.url.origin()
            && url.username().is_empty()
            && url.password().is_none()
    }

    /// One exchange. Its own failure is inside; outside is what keeps it from happening.
    async fn attempt(
        &self,
        outgoing: &Outgoing,
        url: &Url,
        acting: &Acting,
    ) -> Result<Result<StreamResponse, FetchError>, BackendError> {
        let unavailable = |retry_after| BackendError::Unavailable { retry_after };
        self.breaker.admit(self.clock.now()).map_err(unavailable)?;
        let answer = self.exchange(outgoing, url, acting).await?;
        let succeeded = answer
            .as_ref()
            .is_ok_and(|response| !response.status.is_server_error());
        if self.breaker.record(succeeded, self.clock.now()) {
            let upstream = self.settings.url.host_str();
            tracing::warn!(
                upstream,
                "a service fails again and again and is left alone"
            );
        }
        Ok(answer)
    }

    /// A token that is turned down is replaced once: what was refused for its token was not carried out.
    async fn exchange(
        &self,
        outgoing: &Outgoing,
        url: &Url,
        acting: &Acting,
    ) -> Result<Result<StreamResponse, FetchError>, BackendError> {
        let credential = acting.own.as_ref().unwrap_or(&self.settings.credential);
        let client = match credential {
            Credential::ClientCredentials(client) => client,
            // Nothing goes out without the credential.
            Credential::Person(_) => {
                let why =
                    format!("{self} takes a credential of the person, and was called for nobody");
                return Err(BackendError::Failed(why));
            }
            _ => {
                let request = self.request(outgoing, url, acting, None)?;
                return Ok(self.fetcher.stream(request).await);
            }
        };
        let authorization = client.authorization(self.clock.now()).await?;
        let request = self.request(outgoing, url, acting, Some(authorization.clone()))?;
        let answer = self.fetcher.stream(request).await;
        let refused =
            matches!(&answer, Ok(response) if response.status == StatusCode::UNAUTHORIZED);
        if !refused {
            return Ok(answer);
        }
        client.forget(&authorization).await;
        let fresh = client.authorization(self.clock.now()).await?;
        Ok(self
            .fetcher
            .stream(self.request(outgoing, url, acting, Some(fresh))?)
            .await)
    }

    /// The request as it goes out. Credentials come last, so that nothing replaces them.
    fn request(
        &self,
        outgoing: &Outgoing,
        url: &Url,
        acting: &Acting,
        token: Option<HeaderValue>,
    ) -> Result<Request, BackendError> {
        let actor = self.signed(outgoing, url, acting)?;
        let mut url = url.clone();
        let mut headers = outgoing.headers.clone();
        let mut cookies = outgoing.cookies.clone();
        let mut body = None;
        headers
            .entry(header::ACCEPT)
            .or_insert(HeaderValue::from_static(ACCEPTED));
        if let Some((content_type, bytes)) = &outgoing.body {
            headers.insert(header::CONTENT_TYPE, content_type.clone());
            body = Some(bytes.clone());
        }
        match acting.own.as_ref().unwrap_or(&self.settings.credential) {
            Credential::None | Credential::ClientCredentials(_) | Credential::Person(_) => {}
            Credential::Header { name, value } => {
                headers.insert(name.clone(), value.clone());
            }
            Credential::Query { name, value } => {
                let before = url.query().map(|query| format!("{query}&"));
                let query = before.unwrap_or_default() + &pair(name, value);
                url.set_query(Some(&query));
            }
            Credential::Cookie { name, value } => cookies.push(pair(name, value)),
        }
        if let Some(token) = token {
            headers.insert(header::AUTHORIZATION, token);
        }
        if !cookies.is_empty()
            && let Ok(mut value) = HeaderValue::from_str(&cookies.join("; "))
        {
            value.set_sensitive(true);
            headers.insert(header::COOKIE, value);
        }
        if let Some(actor) = actor {
            headers.insert(actor::NAME, actor);
        }
        Ok(Request {
            method: outgoing.method.clone(),
            url,
            headers,
            body,
        })
    }

    /// Who acts, signed for this one request. A service that asks for it is never called without.
    fn signed(
        &self,
        outgoing: &Outgoing,
        url: &Url,
        acting: &Acting,
    ) -> Result<Option<HeaderValue>, BackendError> {
        let Some(keys) = &self.settings.actor_keys else {
            return Ok(None);
        };
        let actor = acting.actor.as_ref();
        let signed = actor.and_then(|actor| keys.sign(actor, outgoing, url, self.clock.now()));
        let unsigned = || BackendError::Failed(format!("{self} cannot be told who acts"));
        signed.map(Some).ok_or_else(unsigned)
    }

    /// The URL of a request. Whatever its parts are, it is below this upstream's, and a URL parser reads it
    /// exactly as it was written.
    pub fn url(&self, outgoing: &Outgoing) -> Result<Url, BackendError> {
        check_segments(&outgoing.path)?;
        self.check_pairs(outgoing)?;
        let mut url = self.settings.url.clone();
        let path = format!("{}{}", url.path().trim_end_matches('/'), outgoing.path);
        let path = if path.is_empty() {
            "/".to_owned()
        } else {
            path
        };
        let query = Some(outgoing.query.join("&")).filter(|query| !query.is_empty());
        url.set_path(&path);
        url.set_query(query.as_deref());
        let as_written = url.path() == path && url.query() == query.as_deref();
        if !as_written || !self.is_own(&url) {
            let message = "The arguments make a URL that leads elsewhere.";
            return Err(BackendError::Arguments(message.to_owned()));
        }
        Ok(url)
    }

    /// Objects that a description spreads over a query choose names of pairs; the credential's is not theirs.
    fn check_pairs(&self, outgoing: &Outgoing) -> Result<(), BackendError> {
        let (pairs, own) = match self.settings.credential.place() {
            Some(Place::Query(name)) => (&outgoing.query, component(name)),
            Some(Place::Cookie(name)) => (&outgoing.cookies, component(name)),
            Some(Place::Header(_)) | None => return Ok(()),
        };
        let name = |pair: &String| pair.split('=').next().unwrap_or("").to_owned();
        if pairs
            .iter()
            .any(|pair| name(pair).eq_ignore_ascii_case(&own))
        {
            let message = "An argument would set the credential of the service.";
            return Err(BackendError::Arguments(message.to_owned()));
        }
        Ok(())
    }
}

/// Whether doing it twice is the same as doing it once (RFC 9110 §9.2.2).
fn is_idempotent(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE
    )
}

/// Whether trying again may help.
fn is_passing(answer: &Result<StreamResponse, FetchError>) -> bool {
    match answer {
        Ok(response) => matches!(
            response.status,
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
        ),
        Err(error) => matches!(
            error,
            FetchError::TimedOut { .. }
                | FetchError::Connect { .. }
                | FetchError::Protocol { .. }
                | FetchError::Dns { .. }
        ),
    }
}

const ACCEPTED: &str = "application/json, text/event-stream;q=0.9, */*;q=0.8";
/// Before the first repetition; each further pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The most a stream may bring altogether, in bytes.
const MAX_STREAM: usize = 64 * 1024 * 1024;
