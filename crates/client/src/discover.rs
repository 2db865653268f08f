//! Finding providers: `discover_provider` (§6.2.3), `list_providers` (§6.2.1), and the caching of discovery
//! documents (§5.1, §10.5).

use std::time::Duration;

use http::header::{ACCEPT, CACHE_CONTROL};
use http::{HeaderMap, HeaderValue};
use procura_agent_auth::wire::discovery::PATH;
use procura_fetch::{Request, Response};
use procura_keys::clock::Timestamp;
use url::Url;

use crate::call::JSON;
use crate::client::{Client, Notice};
use crate::error::{CallerError, ClientError};
use crate::profile::{Connection, ProviderRecord};
use crate::provider::{Provider, ProviderDefect};

impl Client {
    /// The provider at `url`, from its discovery document. A document fetched before is used while it is
    /// fresh, and when the server cannot be asked.
    ///
    /// The document may speak for another origin only if that origin says the same. Whoever calls this with
    /// a URL out of an agent's hands should ask a person first (§8.9).
    pub async fn discover(&self, url: &str) -> Result<Provider, ClientError> {
        let base = base_url(url)?;
        let known = self.profile.providers()?;
        let known = known.into_iter().find(|it| it.is_at(&base));
        self.current(&base, known, None).await
    }

    /// The provider at `url`, fetched now whatever is known of it.
    pub async fn rediscover(&self, url: &str) -> Result<Provider, ClientError> {
        let base = base_url(url)?;
        self.fetch(&base, None).await
    }

    /// Takes a provider from a discovery document that came some other way, such as with a program made for it, and
    /// never asks for it: only [`rediscover`](Self::rediscover) does (§5.1). Checked like one that was fetched; whoever
    /// calls this vouches for where it came from.
    pub fn configure(&self, document: &[u8]) -> Result<Provider, ClientError> {
        let provider = Provider::parse(document, &self.url_policy());
        let provider = provider.map_err(|defect| ClientError::bad_provider("the file", defect))?;
        let record = ProviderRecord {
            provider: provider.clone(),
            known_as: Vec::new(),
            fresh_until: FOREVER,
            clock_offset: 0,
            compat: None,
            refuses_issuer: false,
        };
        self.profile.put_provider(record, &*self.parts.entropy)?;
        Ok(provider)
    }

    /// Every provider met so far, by name.
    pub fn providers(&self) -> Result<Vec<Provider>, ClientError> {
        let records = self.profile.providers()?;
        Ok(records.into_iter().map(|it| it.provider).collect())
    }

    /// The provider named by a URL or by the name of one that is known.
    pub async fn provider(&self, name_or_url: &str) -> Result<Provider, ClientError> {
        if name_or_url.contains("://") {
            return self.discover(name_or_url).await;
        }
        let record = self.known_by_name(name_or_url)?;
        let issuer = record.provider.issuer().to_owned();
        self.current(&issuer, Some(record), Some(&issuer)).await
    }

    /// The provider of a connected agent.
    pub(crate) async fn provider_of(&self, agent: &Connection) -> Result<Provider, ClientError> {
        let record = self.profile.provider(&agent.issuer)?;
        self.current(&agent.issuer, record, Some(&agent.issuer))
            .await
    }

    fn known_by_name(&self, name: &str) -> Result<ProviderRecord, ClientError> {
        let mut records = self.profile.providers()?;
        let known = || records.iter().map(|it| it.provider.name().to_owned());
        let names: Vec<_> = known().collect();
        records.retain(|it| it.provider.name() == name);
        match records.len() {
            1 => Ok(records.swap_remove(0)),
            0 => Err(CallerError::UnknownProvider {
                name: name.to_owned(),
                known: names,
            }
            .into()),
            _ => Err(CallerError::AmbiguousProvider {
                name: name.to_owned(),
                issuers: records
                    .iter()
                    .map(|it| it.provider.issuer().to_owned())
                    .collect(),
            }
            .into()),
        }
    }

    /// What is known while it is fresh; else what `base` publishes now; else, in an outage, what is known.
    pub(crate) async fn current(
        &self,
        base: &str,
        known: Option<ProviderRecord>,
        issuer: Option<&str>,
    ) -> Result<Provider, ClientError> {
        let known = match known {
            Some(record) if self.now() < record.fresh_until => {
                return self.checked(record.provider);
            }
            known => known,
        };
        match (self.fetch(base, issuer).await, known) {
            (Err(error), Some(record)) if error.is_outage() => {
                let issuer = record.provider.issuer().to_owned();
                self.notify(&Notice::OldDiscoveryUsed { issuer });
                self.checked(record.provider)
            }
            (fetched, _) => fetched,
        }
    }

    /// A provider out of the profile, checked like a fetched one: a file may come from anywhere.
    fn checked(&self, provider: Provider) -> Result<Provider, ClientError> {
        match provider.check(&self.url_policy()) {
            Ok(()) => Ok(provider),
            Err(defect) => Err(ClientError::bad_provider(provider.issuer(), defect)),
        }
    }

    /// Fetches, checks and keeps the document at `base`. With `expected` it has to be for that issuer.
    async fn fetch(&self, base: &str, expected: Option<&str>) -> Result<Provider, ClientError> {
        let (provider, fresh_for) = self.document(base).await?;
        let (provider, fresh_for) = match expected {
            Some(_) => (provider, fresh_for),
            None if is_same_origin(base, provider.issuer()) => (provider, fresh_for),
            None => self.confirmed(&provider).await?,
        };
        if let Some(expected) = expected {
            require_issuer(base, &provider, expected)?;
        }
        let record = ProviderRecord {
            provider: provider.clone(),
            known_as: vec![base.to_owned()],
            fresh_until: self.now().plus(fresh_for),
            clock_offset: 0,
            compat: None,
            refuses_issuer: false,
        };
        self.profile.put_provider(record, &*self.parts.entropy)?;
        Ok(provider)
    }

    /// A document that speaks for an issuer elsewhere counts only as far as that issuer repeats it.
    async fn confirmed(&self, claimed: &Provider) -> Result<(Provider, Duration), ClientError> {
        let issuer = claimed.issuer();
        let (provider, fresh_for) = self.document(issuer).await?;
        require_issuer(issuer, &provider, issuer)?;
        Ok((provider, fresh_for))
    }

    async fn document(&self, base: &str) -> Result<(Provider, Duration), ClientError> {
        let text = format!("{}{PATH}", base.trim_end_matches('/'));
        let url = Url::parse(&text).map_err(|_| CallerError::NotAUrl(base.to_owned()))?;
        let mut request = Request::get(url);
        let headers = &mut request.headers;
        headers.insert(ACCEPT, HeaderValue::from_static(JSON));
        let response = self.parts.transport.send(request).await?;
        let provider = self.read_document(&response);
        let provider = provider.map_err(|defect| ClientError::bad_provider(base, defect))?;
        Ok((provider, fresh_for(&response.headers)))
    }

    fn read_document(&self, response: &Response) -> Result<Provider, ProviderDefect> {
        if !response.status.is_success() {
            let status = response.status.as_u16();
            return Err(ProviderDefect::NoDocument { status });
        }
        Provider::parse(&response.body, &self.url_policy())
    }
}

impl ProviderRecord {
    pub(crate) fn is_at(&self, base: &str) -> bool {
        let issuer = self.provider.issuer().trim_end_matches('/');
        issuer == base || self.known_as.iter().any(|known| known == base)
    }
}

/// The base of a provider's URLs, in one spelling: without the path of the document and a final slash.
pub(crate) fn base_url(text: &str) -> Result<String, CallerError> {
    let not_a_url = || CallerError::NotAUrl(text.to_owned());
    let url = Url::parse(text.trim()).map_err(|_| not_a_url())?;
    if !url.has_host() || url.query().is_some() || url.fragment().is_some() {
        return Err(not_a_url());
    }
    let base = url.as_str();
    let base = base.strip_suffix(PATH).unwrap_or(base);
    Ok(base.trim_end_matches('/').to_owned())
}

fn is_same_origin(base: &str, issuer: &str) -> bool {
    let origin = |text| Url::parse(text).map(|url| url.origin()).ok();
    origin(base).is_some_and(|base| Some(base) == origin(issuer))
}

fn require_issuer(base: &str, provider: &Provider, expected: &str) -> Result<(), ClientError> {
    if provider.issuer() == expected {
        return Ok(());
    }
    let defect = ProviderDefect::WrongIssuer {
        expected: expected.to_owned(),
        found: provider.issuer().to_owned(),
    };
    Err(ClientError::bad_provider(base, defect))
}

/// For how long an answer may be used without asking again: an hour where the server does not say.
pub(crate) fn fresh_for(headers: &HeaderMap) -> Duration {
    let values = headers.get_all(CACHE_CONTROL).iter();
    let texts: Vec<_> = values.filter_map(|value| value.to_str().ok()).collect();
    if texts.is_empty() {
        return DEFAULT_FRESHNESS;
    }
    let mut longest = DEFAULT_FRESHNESS;
    for directive in texts.iter().flat_map(|text| text.split(',')) {
        let directive = directive.trim().to_ascii_lowercase();
        match directive.split_once('=') {
            None if directive == "no-store" || directive == "no-cache" => return Duration::ZERO,
            Some(("max-age", seconds)) => {
                let seconds = seconds.trim_matches('"').parse().unwrap_or(0);
                longest = Duration::from_secs(seconds).min(MAX_FRESHNESS);
            }
            _ => {}
        }
    }
    longest
}

/// When a provider that was configured is asked for its document: at the end of the year 9999.
const FOREVER: Timestamp = Timestamp::from_seconds(253_402_300_799);
/// Used when the server says nothing about caching.
const DEFAULT_FRESHNESS: Duration = Duration::from_hours(1);
/// The longest time without asking again, whatever the server says.
const MAX_FRESHNESS: Duration = Duration::from_hours(24);

#[cfg(test)]
mod tests;
