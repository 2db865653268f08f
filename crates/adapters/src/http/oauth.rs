//! Access tokens by the client credentials grant (RFC 6749 §4.4), kept until shortly before they end.

use std::fmt;
use std::time::Duration;

use http::{HeaderValue, Method, header};
use procura_fetch::{Fetcher, Request};
use procura_keys::clock::Timestamp;
use serde::Deserialize;
use tokio::sync::Mutex;
use url::Url;
use url::form_urlencoded::Serializer;

use super::credential::{Credential, Secret, sensitive};
use crate::BackendError;

/// A client of an authorization server.
pub struct ClientCredentials {
    /// The token endpoint.
    pub token_url: Url,
    /// The client.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret,
    /// Where the secret goes.
    pub secret_place: SecretPlace,
    /// More members of the request, such as `scope` and `audience`.
    pub parameters: Vec<(String, String)>,
    /// What fetches tokens.
    pub fetcher: Fetcher,
    held: Mutex<Option<Held>>,
}

/// Where the secret goes (RFC 6749 §2.3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretPlace {
    /// HTTP Basic authentication.
    #[default]
    Basic,
    /// The body.
    Body,
}

#[derive(Clone)]
struct Held {
    authorization: HeaderValue,
    until: Timestamp,
}

#[derive(Deserialize)]
struct TokenResponse {
    access_token: String,
    token_type: String,
    expires_in: Option<u64>,
}

impl fmt::Debug for ClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientCredentials({})", self.client_id)
    }
}

impl ClientCredentials {
    /// A client that holds no token yet.
    pub fn new(token_url: Url, client_id: String, client_secret: Secret, fetcher: Fetcher) -> Self {
        Self {
            token_url,
            client_id,
            client_secret,
            secret_place: SecretPlace::default(),
            parameters: Vec::new(),
            fetcher,
            held: Mutex::new(None),
        }
    }

    /// The value of the authorization header. Those who ask at once share one request.
    pub(super) async fn authorization(&self, now: Timestamp) -> Result<HeaderValue, BackendError> {
        let mut held = self.held.lock().await;
        if let Some(held) = held.as_ref().filter(|held| now < held.until) {
            return Ok(held.authorization.clone());
        }
        let fresh = self.fetch(now).await?;
        *held = Some(fresh.clone());
        Ok(fresh.authorization)
    }

    /// Forgets a token that the upstream turned down, unless a newer one is held already.
    pub(super) async fn forget(&self, refused: &HeaderValue) {
        let mut held = self.held.lock().await;
        if held
            .as_ref()
            .is_some_and(|held| held.authorization == *refused)
        {
            *held = None;
        }
    }

    async fn fetch(&self, now: Timestamp) -> Result<Held, BackendError> {
        let failed = |why: String| BackendError::Failed(format!("no access token: {why}"));
        let request = self
            .request()
            .ok_or_else(|| failed("the client cannot be sent".to_owned()))?;
        let response = self.fetcher.send(request).await;
        let response = response.map_err(|error| failed(error.to_string()))?;
        if !response.status.is_success() {
            return Err(failed(format!(
                "the token endpoint answered {}",
                response.status
            )));
        }
        // The body holds a token, so no part of it becomes an error.
        let token: TokenResponse = serde_json::from_slice(&response.body)
            .map_err(|_| failed("the answer is no token response".to_owned()))?;
        if !token.token_type.eq_ignore_ascii_case("bearer") {
            return Err(failed("the token is not a bearer token".to_owned()));
        }
        let authorization = sensitive(&format!("Bearer {}", token.access_token));
        let lifetime = token
            .expires_in
            .map_or(UNSAID_LIFETIME, Duration::from_secs);
        Ok(Held {
            authorization: authorization
                .ok_or_else(|| failed("the token is no header".to_owned()))?,
            until: now.plus(lifetime.saturating_sub(EARLIER)),
        })
    }

    fn request(&self) -> Option<Request> {
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        for (name, value) in &self.parameters {
            form.append_pair(name, value);
        }
        let mut request = Request {
            method: Method::POST,
            ..Request::get(self.token_url.clone())
        };
        match self.secret_place {
            SecretPlace::Body => {
                form.append_pair("client_id", &self.client_id);
                form.append_pair("client_secret", self.client_secret.expose());
            }
            SecretPlace::Basic => {
                let coded = |text: &str| -> String {
                    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
                };
                let password = Secret::new(coded(self.client_secret.expose()));
                let credential = Credential::basic(&coded(&self.client_id), &password).ok()?;
                if let Credential::Header { name, value } = credential {
                    request.headers.insert(name, value);
                }
            }
        }
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers.insert(header::CONTENT_TYPE, form_type);
        let json = HeaderValue::from_static("application/json");
        request.headers.insert(header::ACCEPT, json);
        request.body = Some(form.finish().into());
        Some(request)
    }
}

/// How long a token is kept whose lifetime is not told.
const UNSAID_LIFETIME: Duration = Duration::from_mins(5);
/// How long before its end a token is no longer used.
const EARLIER: Duration = Duration::from_secs(30);
