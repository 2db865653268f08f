//! One authenticated exchange: sign, send, and once more with a fresh token when the token was refused.

use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use procura_fetch::{Request, Response, StreamResponse};
use procura_keys::clock::Timestamp;
use procura_keys::key::PublicKey;
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::binding::{Binding, DPOP};
use crate::client::Client;
use crate::error::{ClientError, Reaction, Refused};
use crate::http_date;
use crate::key_choice::{Keys, is_key_refused, tells_of_the_key};
use crate::naming::{Naming, is_token_refused};
use crate::profile::{Connection, ProviderRecord};
use crate::provider::{Endpoint, Provider};
use crate::token::{AgentClaims, Stamp, agent_token, host_token};

/// A request to a provider, not yet signed.
pub(crate) struct Call<'a> {
    /// Whose issuer, for what is known of its clock.
    pub(crate) issuer: &'a str,
    /// The method.
    pub(crate) method: Method,
    /// Where to.
    pub(crate) url: Url,
    /// The JSON body of a POST.
    pub(crate) body: Option<Vec<u8>>,
    /// The media types of a usable answer.
    pub(crate) accept: &'static str,
    /// The only recipient of the token.
    pub(crate) aud: &'a str,
    /// Who signs it.
    pub(crate) signer: Signer<'a>,
}

impl<'a> Call<'a> {
    /// A call to an endpoint of `provider`, whose issuer is the recipient of the token.
    pub(crate) fn new(
        provider: &'a Provider,
        method: Method,
        endpoint: Endpoint,
        signer: Signer<'a>,
    ) -> Result<Self, ClientError> {
        let url = provider.endpoint(endpoint);
        Ok(Self {
            issuer: provider.issuer(),
            method,
            url: url.map_err(|defect| ClientError::bad_provider(provider.issuer(), defect))?,
            body: None,
            accept: JSON,
            aud: provider.issuer(),
            signer,
        })
    }

    /// The same call with a JSON body.
    pub(crate) fn with_body(mut self, body: &impl Serialize) -> Result<Self, ClientError> {
        self.body = Some(serde_json::to_vec(body)?);
        Ok(self)
    }

    /// Reads the answer to it.
    pub(crate) fn read<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, ClientError> {
        let bad = |error: serde_json::Error| {
            ClientError::bad_answer(self.url.as_str(), error.to_string())
        };
        let value = procura_keys::json::parse_strict(body).map_err(bad)?;
        serde_json::from_value(value).map_err(bad)
    }

    /// The same call with a parameter in its query.
    pub(crate) fn with_query(mut self, name: &str, value: &str) -> Self {
        self.url.query_pairs_mut().append_pair(name, value);
        self
    }
}

/// Who signs a request.
pub(crate) enum Signer<'a> {
    /// The host; for a registration with the key of the new agent.
    Host(Option<&'a PublicKey>),
    /// An agent, for all its capabilities or for some.
    Agent {
        connection: &'a Connection,
        capabilities: Option<&'a [String]>,
    },
}

impl Signer<'_> {
    pub(crate) fn is_agent(&self) -> bool {
        matches!(self, Self::Agent { .. })
    }
}

/// What came back, if it is a success.
pub(crate) enum Answer {
    /// All of it.
    Whole(Response),
    /// A stream of events that has begun.
    Events(StreamResponse),
}

impl Client {
    /// Sends `call` and reads the answer, which has to be JSON of the given shape.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        call: &Call<'_>,
    ) -> Result<T, ClientError> {
        let response = self.whole(call).await?;
        call.read(&response.body)
    }

    /// Sends `call` and returns the whole answer, if it is a success.
    pub(crate) async fn whole(&self, call: &Call<'_>) -> Result<Response, ClientError> {
        match self.exchange(call, Delivery::AtOnce).await? {
            Answer::Whole(response) => Ok(response),
            Answer::Events(_) => Err(ClientError::bad_answer(
                call.url.as_str(),
                "a stream of events",
            )),
        }
    }

    /// Sends `call`; when its token is refused, once more with a fresh one, and bound to a key where that is
    /// demanded. A refused token means that nothing was done, so this is safe for every request. Nothing else is
    /// ever sent twice.
    ///
    /// A token of an agent that is still refused is sent once more saying the opposite of its host, unless somebody
    /// said what this provider wants. What it accepts then is kept.
    pub(crate) async fn exchange(
        &self,
        call: &Call<'_>,
        delivery: Delivery,
    ) -> Result<Answer, ClientError> {
        let naming = self.naming(call.issuer)?;
        let outcome = Box::pin(self.exchange_as(call, delivery, naming)).await;
        let Some(naming) = self.other_naming(call, &outcome)? else {
            return outcome;
        };
        let otherwise = Box::pin(self.exchange_as(call, delivery, naming)).await;
        if is_token_refused(&otherwise) || !tells_of_the_key(&otherwise) {
            return outcome;
        }
        self.learn_naming(call.issuer, naming)?;
        otherwise
    }

    /// While a rotation is under way, a token that is refused is signed with the key that is to follow, too. If that
    /// one is accepted, the rotation had happened and only its answer was lost (§5.8, §5.9).
    async fn exchange_as(
        &self,
        call: &Call<'_>,
        delivery: Delivery,
        naming: Naming,
    ) -> Result<Answer, ClientError> {
        let mut tried = Vec::new();
        let mut refused = None;
        // Read again each time: another process may be the one that rotates.
        while let Some(candidate) = self.untried_keys(call, naming, &tried)? {
            let outcome = self.exchange_with(call, delivery, &candidate.keys).await;
            match outcome {
                Err(ClientError::Refused(reason)) if is_key_refused(&reason) => {
                    refused.get_or_insert(reason);
                    tried.push(candidate);
                }
                outcome => {
                    if !tried.is_empty() && tells_of_the_key(&outcome) {
                        self.adopt(call, &candidate.keys)?;
                    }
                    return outcome;
                }
            }
        }
        let nothing = || ClientError::bad_answer(call.url.as_str(), "no key to sign with");
        Err(refused.map_or_else(nothing, ClientError::Refused))
    }

    async fn exchange_with(
        &self,
        call: &Call<'_>,
        delivery: Delivery,
        keys: &Keys,
    ) -> Result<Answer, ClientError> {
        let mut binding = self.demanded_binding(call)?;
        // One for what the first answer asks for, and one for a nonce that is told only after that.
        for _ in 0..2 {
            let (result, headers) = self.attempt(call, delivery, keys, binding.as_ref()).await?;
            let refused = match result {
                Err(ClientError::Refused(refused)) if refused.reaction() == Reaction::SignAgain => {
                    refused
                }
                other => return other,
            };
            match (refused.code.as_deref(), &mut binding) {
                (Some("invalid_jwt" | "jti_replay"), _) if !keys.naming.is_trial => {
                    self.learn_clock(call.issuer, &headers)?;
                    return self
                        .attempt(call, delivery, keys, binding.as_ref())
                        .await?
                        .0;
                }
                (Some("invalid_dpop_proof"), none @ None) if call.signer.is_agent() => {
                    *none = Some(self.new_binding()?);
                }
                (Some("use_dpop_nonce"), Some(bound)) => {
                    if !bound.learn_nonce(&headers) {
                        return Err(ClientError::Refused(refused));
                    }
                }
                _ => return Err(ClientError::Refused(refused)),
            }
        }
        self.attempt(call, delivery, keys, binding.as_ref())
            .await?
            .0
    }

    /// A binding from the start: for agents of a provider that publishes that it demands one, and for registrations
    /// wherever it can be checked, so that a host JWT is good for nothing elsewhere (§8.9).
    fn demanded_binding(&self, call: &Call<'_>) -> Result<Option<Binding>, ClientError> {
        let record = self.profile.provider(call.issuer)?;
        let document = record.as_ref().map(|record| record.provider.discovery());
        let demanded = document.and_then(|it| it.dpop_bound_access_tokens_required);
        let is_demanded = demanded == Some(true) && call.signer.is_agent();
        let algorithms = document.and_then(|it| it.dpop_signing_alg_values_supported.as_ref());
        let is_possible = algorithms.is_some_and(|it| it.iter().any(|name| name == "EdDSA"));
        let registers = matches!(call.signer, Signer::Host(Some(_)));
        if is_demanded || (is_possible && registers) {
            return self.new_binding().map(Some);
        }
        Ok(None)
    }

    fn new_binding(&self) -> Result<Binding, ClientError> {
        Ok(Binding::new(&*self.parts.entropy)?)
    }

    async fn attempt(
        &self,
        call: &Call<'_>,
        delivery: Delivery,
        keys: &Keys,
        binding: Option<&Binding>,
    ) -> Result<(Result<Answer, ClientError>, HeaderMap), ClientError> {
        let request = self.signed(call, keys, binding)?;
        let answer = match delivery {
            Delivery::AtOnce => Answer::Whole(self.parts.transport.send(request).await?),
            Delivery::AsItComes => {
                let stream = self.parts.transport.stream(request).await?;
                if is_event_stream(stream.status, &stream.headers) {
                    Answer::Events(stream)
                } else {
                    Answer::Whole(collect(stream).await?)
                }
            }
        };
        let Answer::Whole(response) = answer else {
            return Ok((Ok(answer), HeaderMap::new()));
        };
        let headers = response.headers.clone();
        Ok((self.judged(call, response).map(Answer::Whole), headers))
    }

    fn judged(&self, call: &Call<'_>, response: Response) -> Result<Response, ClientError> {
        if response.status.is_success() {
            return Ok(response);
        }
        if response.status.is_redirection() {
            return Err(ClientError::bad_answer(call.url.as_str(), "a redirect"));
        }
        let retry_after = http_date::retry_after(&response.headers, self.now());
        let refused = Refused::parse(response.status.as_u16(), &response.body, retry_after);
        if is_moved(&refused) {
            self.expire_provider(call.issuer)?;
        }
        Err(refused.into())
    }

    fn signed(
        &self,
        call: &Call<'_>,
        keys: &Keys,
        binding: Option<&Binding>,
    ) -> Result<Request, ClientError> {
        let token = self.token(call, keys, binding)?;
        let secret = |text: String| {
            let mut value = HeaderValue::try_from(text)
                .map_err(|error| ClientError::bad_answer(call.url.as_str(), error.to_string()))?;
            value.set_sensitive(true);
            Ok::<_, ClientError>(value)
        };
        let mut headers = HeaderMap::new();
        match binding {
            None => headers.insert(AUTHORIZATION, secret(format!("Bearer {token}"))?),
            Some(binding) => {
                let stamp = self.stamp(call.issuer)?;
                let proof = binding.proof(&token, &call.method, &call.url, stamp)?;
                headers.insert(DPOP, secret(proof)?);
                headers.insert(AUTHORIZATION, secret(format!("DPoP {token}"))?)
            }
        };
        headers.insert(ACCEPT, HeaderValue::from_static(call.accept));
        if call.body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        }
        Ok(Request {
            method: call.method.clone(),
            url: call.url.clone(),
            headers,
            body: call.body.clone().map(Into::into),
        })
    }

    fn token(
        &self,
        call: &Call<'_>,
        keys: &Keys,
        binding: Option<&Binding>,
    ) -> Result<String, ClientError> {
        let stamp = self.stamp(call.issuer)?;
        match (&call.signer, &keys.agent) {
            (
                Signer::Agent {
                    connection,
                    capabilities,
                },
                Some(agent),
            ) => {
                let host = keys.naming.issuer(&keys.host);
                let claims = AgentClaims {
                    host: host.as_ref(),
                    agent_id: &connection.agent_id,
                    aud: call.aud,
                    capabilities: *capabilities,
                    bound_to: binding.map(Binding::thumbprint),
                };
                Ok(agent_token(agent, &claims, stamp)?)
            }
            (Signer::Host(agent), _) => {
                let bound_to = binding.map(Binding::thumbprint);
                Ok(host_token(&keys.host, call.aud, *agent, bound_to, stamp)?)
            }
            (Signer::Agent { .. }, None) => Err(ClientError::bad_answer(
                call.url.as_str(),
                "an agent without a key",
            )),
        }
    }

    /// Time and name of a new token, by the clock of the server that will read it.
    pub(crate) fn stamp(&self, issuer: &str) -> Result<Stamp, ClientError> {
        let record = self.profile.provider(issuer)?;
        let offset = record.map_or(0, |record| record.clock_offset);
        let now = Timestamp::from_millis(self.now().as_millis().saturating_add(offset));
        Ok(Stamp::new(now, &*self.parts.entropy))
    }

    /// Keeps how far the server's clock is from ours, if that can be. A token for a day far ahead would wait for that day
    /// in the logs of whoever asked for it, and a clock that wrong could not have verified a certificate.
    fn learn_clock(&self, issuer: &str, headers: &HeaderMap) -> Result<(), ClientError> {
        let Some(server) = http_date::date(headers) else {
            return Ok(());
        };
        let offset = server.as_millis().saturating_sub(self.now().as_millis());
        if offset.unsigned_abs() > MAX_CLOCK_OFFSET.as_millis().try_into().unwrap_or(u64::MAX) {
            return Ok(());
        }
        self.change_record(issuer, |record| record.clock_offset = offset)
    }

    /// Has the discovery document fetched again before its next use (§10.5).
    fn expire_provider(&self, issuer: &str) -> Result<(), ClientError> {
        let now = self.now();
        self.change_record(issuer, |record| record.fresh_until = now)
    }

    /// Changes what is kept of a provider, if it was met before.
    pub(crate) fn change_record(
        &self,
        issuer: &str,
        change: impl FnOnce(&mut ProviderRecord),
    ) -> Result<(), ClientError> {
        let entropy = &*self.parts.entropy;
        Ok(self.profile.update_provider(issuer, entropy, change)?)
    }
}

/// The most that clocks are taken to differ by.
const MAX_CLOCK_OFFSET: Duration = Duration::from_hours(24);

/// How an answer is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// To its end, first.
    AtOnce,
    /// While it arrives, if it is a stream of events.
    AsItComes,
}

/// Whether an answer is a stream of server-sent events.
pub(crate) fn is_event_stream(status: StatusCode, headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let media_type = content_type.and_then(|it| it.split(';').next());
    status == StatusCode::OK
        && media_type.is_some_and(|it| it.trim().eq_ignore_ascii_case("text/event-stream"))
}

/// Whether an endpoint seems to have gone, rather than the thing it was asked about.
fn is_moved(refused: &Refused) -> bool {
    let about_a_thing = refused.code.as_deref().is_some_and(|code| {
        ["agent_not_found", "host_not_found", "capability_not_found"].contains(&code)
    });
    matches!(refused.status, 404 | 410) && !about_a_thing
}

async fn collect(stream: StreamResponse) -> Result<Response, ClientError> {
    use futures_util::TryStreamExt as _;
    let mut body = stream.body;
    let mut bytes = Vec::new();
    while let Some(chunk) = body.try_next().await? {
        bytes.extend_from_slice(&chunk);
    }
    Ok(Response {
        status: stream.status,
        headers: stream.headers,
        url: stream.url,
        body: bytes.into(),
    })
}

pub(crate) const JSON: &str = "application/json";
