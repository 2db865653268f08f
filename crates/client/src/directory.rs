//! Finding providers by what they are wanted for: `search_providers` (§6.2.2), in a directory (§6.11).

#[cfg(test)]
mod tests;

use futures_util::future::join_all;
use http::HeaderValue;
use http::header::ACCEPT;
use procura_fetch::Request;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use crate::call::JSON;
use crate::client::{Client, Notice};
use crate::error::{CallerError, ClientError, Refused};
use crate::provider::Provider;

/// What a directory knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Providers whose own discovery document says what the directory says. They are kept like discovered ones.
    pub providers: Vec<Provider>,
    /// Entries that are not to be used.
    pub refused: Vec<RefusedEntry>,
}

/// An entry of a directory that its provider does not confirm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RefusedEntry {
    /// The issuer it names. Untrusted text.
    pub issuer: String,
    /// Why it is not used.
    pub reason: String,
}

impl Client {
    /// Asks the directory of [`Options::directory`](crate::Options::directory) for providers that fit `intent`, a
    /// description in plain words. At most `limit` are looked at, ten unless given, and never more than fifty.
    ///
    /// A directory is trusted to find providers and for nothing else: each has to publish the discovery document
    /// under the issuer that the directory names. An entry whose provider says otherwise, or cannot be asked, is
    /// refused, and [`Notice::EntryRefused`] tells of it.
    pub async fn search_providers(
        &self,
        intent: &str,
        limit: Option<u32>,
    ) -> Result<Found, ClientError> {
        let directory = self.options.directory.as_deref();
        let directory = directory.ok_or(CallerError::NoDirectory)?;
        let limit = limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
        let entries = self.entries(directory, intent, limit).await?;
        let entries = entries.into_iter().take(limit as usize);
        let mut found = Found {
            providers: Vec::new(),
            refused: Vec::new(),
        };
        for judged in join_all(entries.map(|entry| self.verified(entry))).await {
            match judged {
                Ok(provider) => found.providers.push(provider),
                Err(entry) => {
                    self.notify(&Notice::EntryRefused(entry.clone()));
                    found.refused.push(entry);
                }
            }
        }
        Ok(found)
    }

    async fn entries(
        &self,
        directory: &str,
        intent: &str,
        limit: u32,
    ) -> Result<Vec<Value>, ClientError> {
        let url = search_url(directory, intent, limit)?;
        let mut request = Request::get(url);
        let json = HeaderValue::from_static(JSON);
        request.headers.insert(ACCEPT, json);
        let response = self.parts.transport.send(request).await?;
        if !response.status.is_success() {
            let status = response.status.as_u16();
            return Err(Refused::parse(status, &response.body, None).into());
        }
        let bad = |error: serde_json::Error| ClientError::bad_answer(directory, error.to_string());
        let value = procura_keys::json::parse_strict(&response.body).map_err(bad)?;
        let results: Results = serde_json::from_value(value).map_err(bad)?;
        Ok(results.providers)
    }

    /// The provider of an entry as it describes itself (§6.11).
    async fn verified(&self, entry: Value) -> Result<Provider, RefusedEntry> {
        let issuer = entry.get("issuer").and_then(Value::as_str);
        let issuer = issuer.unwrap_or_default().to_owned();
        let refused = |reason: String| RefusedEntry {
            issuer: issuer.clone(),
            reason,
        };
        let listed = Provider::parse(entry.to_string().as_bytes(), &self.url_policy());
        let listed = listed.map_err(|defect| refused(defect.to_string()))?;
        let known = self.profile.provider(listed.issuer());
        let known = known.map_err(|error| refused(error.to_string()))?;
        let issuer = listed.issuer();
        let current = self.current(issuer, known, Some(issuer)).await;
        current.map_err(|error| refused(error.to_string()))
    }
}

/// `{directory_url}/api/search`, and nothing cleverer: a directory may live under a path.
fn search_url(directory: &str, intent: &str, limit: u32) -> Result<Url, CallerError> {
    let base = directory.trim_end_matches('/');
    let not_a_url = || CallerError::NotAUrl(directory.to_owned());
    let url = Url::parse(base).map_err(|_| not_a_url())?;
    if !url.has_host() || url.query().is_some() || url.fragment().is_some() {
        return Err(not_a_url());
    }
    let mut url = Url::parse(&format!("{base}/api/search")).map_err(|_| not_a_url())?;
    url.query_pairs_mut()
        .append_pair("intent", intent)
        .append_pair("limit", &limit.to_string());
    Ok(url)
}

#[derive(Deserialize)]
struct Results {
    providers: Vec<Value>,
}

/// What a directory returns unless asked otherwise.
const DEFAULT_LIMIT: u32 = 10;
/// Each entry is a request to somebody.
const MAX_LIMIT: u32 = 50;
