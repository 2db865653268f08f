//! Asking the server that registered the agents about each token (§5.12).

use async_trait::async_trait;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use procura_agent_auth::refusal::Refusal;
use procura_agent_auth::wire::discovery::{self, Discovery};
use procura_agent_auth::wire::introspect::{
    IntrospectRequest, IntrospectResponse, IntrospectedAgent,
};
use procura_fetch::{FetchError, FetchPolicy, Fetcher, Request};
use procura_keys::json::parse_strict;
use serde_json::Value;
use tokio::sync::Mutex;
use url::Url;
use zeroize::Zeroizing;

use crate::agent::Agent;
use crate::authority::{Authority, Denied, Question};

/// An [`Authority`] that asks over HTTPS, once for each call, with the capability and arguments in question, so
/// that the answer knows the limits of the grant.
///
/// Answers are not kept: a token is good for one call, so there is nothing to ask again. What is kept is where to
/// ask, from the discovery document, until asking there fails.
pub struct Introspection {
    issuer: String,
    fetcher: Fetcher,
    secret: Option<Zeroizing<String>>,
    without_verdict: WithoutVerdict,
    endpoint: Mutex<Option<Url>>,
}

/// What becomes of a call when the server says who calls, and not whether this call is within its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WithoutVerdict {
    Refused,
    GrantSuffices,
}

impl Introspection {
    /// Asks the server at `issuer`. It may be inside the own network, over https.
    pub fn of(issuer: impl Into<String>) -> Result<Self, IntrospectionError> {
        Self::with_policy(issuer, &FetchPolicy::client())
    }

    /// The same under other rules for outbound requests, for development on loopback.
    pub fn with_policy(
        issuer: impl Into<String>,
        policy: &FetchPolicy,
    ) -> Result<Self, IntrospectionError> {
        let issuer = issuer.into();
        let bad = |reason: String| IntrospectionError::BadIssuer {
            issuer: issuer.clone(),
            reason,
        };
        let url = Url::parse(&issuer).map_err(|error| bad(error.to_string()))?;
        policy.admit(&url).map_err(|error| bad(error.to_string()))?;
        // A redirect would take tokens and the secret somewhere else.
        let policy = FetchPolicy {
            max_redirects: 0,
            ..policy.clone()
        };
        Ok(Self {
            fetcher: Fetcher::new(policy)?,
            issuer,
            secret: None,
            without_verdict: WithoutVerdict::Refused,
            endpoint: Mutex::new(None),
        })
    }

    /// Says who asks, where the server answers known services only.
    #[must_use]
    pub fn with_secret(mut self, secret: impl Into<String>) -> Self {
        self.secret = Some(Zeroizing::new(secret.into()));
        self
    }

    /// Lets a call through when the server lists a grant for its capability and gives no verdict on the
    /// arguments. Verdicts are an extension, so other servers give none; the limits of their grants are then
    /// held by nobody, unless the service does it.
    #[must_use]
    pub fn accepting_grants_without_verdict(mut self) -> Self {
        self.without_verdict = WithoutVerdict::GrantSuffices;
        self
    }

    /// Where to ask. Whoever finds it unknown looks it up while all others wait.
    async fn endpoint(&self) -> Result<Url, Denied> {
        let mut known = self.endpoint.lock().await;
        if let Some(endpoint) = known.as_ref() {
            return Ok(endpoint.clone());
        }
        let found = self.discover().await?;
        *known = Some(found.clone());
        Ok(found)
    }

    async fn discover(&self) -> Result<Url, Denied> {
        let unusable = |why: &str| Denied::Unavailable(format!("its discovery document {why}"));
        let at = format!("{}{}", self.issuer.trim_end_matches('/'), discovery::PATH);
        let url = Url::parse(&at).map_err(|error| Denied::Unavailable(error.to_string()))?;
        let answer = self.fetcher.send(Request::get(url)).await;
        let answer = answer.map_err(|error| Denied::Unavailable(error.to_string()))?;
        if answer.status != StatusCode::OK {
            return Err(unusable("is not there"));
        }
        let document = parse_strict(&answer.body).map_err(|_| unusable("is not JSON"))?;
        let document: Discovery =
            serde_json::from_value(document).map_err(|_| unusable("lacks members"))?;
        if document.issuer != self.issuer {
            return Err(unusable("is of another issuer"));
        }
        let path = document.endpoints.introspect.as_deref();
        let path = path.ok_or_else(|| unusable("names no endpoint for introspection"))?;
        discovery::endpoint_url(&self.issuer, path)
            .ok_or_else(|| unusable("sends introspection to another origin"))
    }

    /// The agent, if the answer permits this very call.
    fn read(&self, answer: IntrospectResponse, question: &Question<'_>) -> Result<Agent, Denied> {
        let about = answer.agent.filter(|_| answer.active);
        let about = about.ok_or(Denied::Inactive)?;
        match &about.verdict {
            Some(verdict) if verdict.permitted => Ok(agent(about)),
            Some(verdict) => Err(forbidden(verdict.error.clone(), question)),
            None if self.without_verdict == WithoutVerdict::Refused => Err(Denied::Unavailable(
                "it gave no verdict on the call, and only it knows the limits of the grant"
                    .to_owned(),
            )),
            None => {
                let agent = agent(about);
                let granted = agent.capabilities.contains(question.capability);
                granted
                    .then_some(agent)
                    .ok_or_else(|| not_granted(question))
            }
        }
    }

    fn request(&self, url: Url, question: &Question<'_>) -> Result<Request, Denied> {
        let body = IntrospectRequest {
            token: question.token.to_owned(),
            capability: Some(question.capability.clone()),
            arguments: Some(question.arguments.clone()),
        };
        let body = serde_json::to_vec(&body).map_err(|e| Denied::Unavailable(e.to_string()))?;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, JSON);
        headers.insert(CONTENT_TYPE, JSON);
        if let Some(secret) = &self.secret {
            let bearer = Zeroizing::new(format!("Bearer {}", secret.as_str()));
            let mut value = HeaderValue::from_str(&bearer).map_err(|_| {
                Denied::Unavailable("the secret cannot stand in a header".to_owned())
            })?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(Request {
            method: Method::POST,
            url,
            headers,
            body: Some(body.into()),
        })
    }
}

#[async_trait]
impl Authority for Introspection {
    fn issuer(&self) -> &str {
        &self.issuer
    }

    async fn judge(&self, question: Question<'_>) -> Result<Agent, Denied> {
        let endpoint = self.endpoint().await?;
        let request = self.request(endpoint, &question)?;
        // Never sent twice: the first may have used the token up.
        let answer = self.fetcher.send(request).await;
        let status = answer.as_ref().map(|answer| answer.status);
        if !matches!(status, Ok(StatusCode::OK | StatusCode::TOO_MANY_REQUESTS)) {
            // Perhaps it has moved.
            *self.endpoint.lock().await = None;
        }
        let answer = answer.map_err(|error| Denied::Unavailable(error.to_string()))?;
        if answer.status != StatusCode::OK {
            return Err(Denied::Unavailable(format!(
                "it answered {}",
                answer.status
            )));
        }
        let garbled = || Denied::Unavailable("its answer cannot be read".to_owned());
        let value = parse_strict(&answer.body).map_err(|_| garbled())?;
        let answer: IntrospectResponse = serde_json::from_value(value).map_err(|_| garbled())?;
        self.read(answer, &question)
    }
}

fn forbidden(body: Option<Value>, question: &Question<'_>) -> Denied {
    let code = body.as_ref().and_then(|body| body.get("error")?.as_str());
    match (code.map(str::to_owned), body) {
        (Some(code), Some(body)) => Denied::Forbidden { code, body },
        _ => not_granted(question),
    }
}

fn not_granted(question: &Question<'_>) -> Denied {
    Denied::Refused(Refusal::CapabilityNotGranted {
        capability: question.capability.clone(),
        removed: false,
    })
}

fn agent(about: IntrospectedAgent) -> Agent {
    let grants = about.agent_capability_grants.into_iter();
    let active = grants.filter(|grant| grant.status == "active");
    Agent {
        id: about.agent_id,
        host_id: about.host_id,
        user_id: about.user_id,
        mode: about.mode,
        capabilities: active.map(|grant| grant.capability).collect(),
        expires_at: about.expires_at,
    }
}

/// Why an authority cannot be asked at all.
#[derive(Debug, thiserror::Error)]
pub enum IntrospectionError {
    /// Not a server that may be asked.
    #[error("the issuer {issuer:?} cannot be used: {reason}")]
    BadIssuer {
        /// As given.
        issuer: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Outbound HTTP cannot be set up.
    #[error(transparent)]
    Fetch(#[from] FetchError),
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");
