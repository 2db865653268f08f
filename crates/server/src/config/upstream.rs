//! `[[upstream]]`: services that carry capabilities out.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use http::HeaderName;
use procura_adapters::http::{
    ActorKeys, BreakerPolicy, ClientCredentials, Credential, PersonCredential, PersonPlace, Secret,
    SecretPlace, Upstream, UpstreamSettings,
};
use procura_fetch::{AddressVerdict, FetchPolicy, Fetcher, Reach};
use procura_service::people::vault::VaultService;
use procura_service::system::SystemClock;
use serde::Deserialize;
use url::Url;

use super::span::Span;

/// One service.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UpstreamSection {
    pub(super) name: String,
    pub(super) url: Url,
    /// Whether it may be at an internal address that is not this machine.
    #[serde(default)]
    internal: bool,
    #[serde(default)]
    credential: CredentialSection,
    timeout: Option<Span>,
    retries: Option<u32>,
    failures: Option<u32>,
    pause: Option<Span>,
    max_answer: Option<usize>,
    job_timeout: Option<Span>,
    #[serde(default)]
    show_refusals: bool,
    /// Whether it is told who acts.
    #[serde(default)]
    tell_actor: bool,
}

/// `[upstream.credential]`: how the server proves itself.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case", tag = "kind")]
pub(super) enum CredentialSection {
    /// Not at all.
    #[default]
    None,
    Bearer {
        file: Option<PathBuf>,
        env: Option<String>,
    },
    Basic {
        user: String,
        file: Option<PathBuf>,
        env: Option<String>,
    },
    Header {
        name: String,
        file: Option<PathBuf>,
        env: Option<String>,
    },
    Query {
        name: String,
        file: Option<PathBuf>,
        env: Option<String>,
    },
    Cookie {
        name: String,
        file: Option<PathBuf>,
        env: Option<String>,
    },
    /// Each person has a key of their own, and entrusts it to the server on a page.
    Person {
        /// What people know the service as; its name without this.
        title: Option<String>,
        /// Where they find the key.
        hint: Option<String>,
        #[serde(default)]
        place: PlaceSection,
        /// Of the header, the pair of the query or the cookie.
        name: Option<String>,
    },
    ClientCredentials {
        token_url: Url,
        client_id: String,
        file: Option<PathBuf>,
        env: Option<String>,
        #[serde(default)]
        secret_in: SecretPlace,
        #[serde(default)]
        parameters: BTreeMap<String, String>,
    },
}

/// `place` of a person's key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PlaceSection {
    #[default]
    Bearer,
    Header,
    Query,
    Cookie,
}

impl UpstreamSection {
    /// What people see of it, if they entrust keys for it.
    pub(super) fn vault_service(&self) -> Option<VaultService> {
        let CredentialSection::Person { title, hint, .. } = &self.credential else {
            return None;
        };
        Some(VaultService {
            name: self.name.clone(),
            title: title.clone().unwrap_or_else(|| self.name.clone()),
            hint: hint.clone(),
        })
    }

    /// Prepares to call the service.
    pub(super) fn judge(
        &self,
        actor_keys: Option<&Arc<ActorKeys>>,
    ) -> Result<Arc<Upstream>, String> {
        let named = |problem: String| format!("upstream {:?}: {problem}", self.name);
        let reach = reach(&self.url, self.internal);
        let credential = self.credential.judge(&self.name).map_err(named)?;
        let defaults = UpstreamSettings::new(self.url.clone());
        let actor_keys = actor_keys.filter(|_| self.tell_actor).cloned();
        if self.tell_actor && actor_keys.is_none() {
            return Err(named("tell_actor: needs actor.key_file".to_owned()));
        }
        let span = |given: Option<Span>, usual| given.map_or(usual, |Span(span)| span);
        let settings = UpstreamSettings {
            credential,
            actor_keys,
            timeout: span(self.timeout, defaults.timeout),
            retries: self.retries.unwrap_or(defaults.retries),
            breaker: BreakerPolicy {
                failures: self.failures.unwrap_or(defaults.breaker.failures),
                pause: span(self.pause, defaults.breaker.pause),
            },
            max_answer: self.max_answer.unwrap_or(defaults.max_answer),
            job_timeout: span(self.job_timeout, defaults.job_timeout),
            show_refusals: self.show_refusals,
            url: defaults.url,
        };
        if settings.timeout.is_zero() || settings.breaker.failures == 0 {
            return Err(named(
                "timeout and failures have to be more than nothing".to_owned(),
            ));
        }
        let upstream = Upstream::new(settings, &reach, Arc::new(SystemClock));
        let upstream = upstream.map_err(|error| {
            let hint = if self.internal {
                ""
            } else {
                "; set internal = true for a service of your own network"
            };
            named(format!("url: {error}{hint}"))
        })?;
        Ok(Arc::new(upstream))
    }
}

/// Which addresses a URL that an operator wrote may lead to: public ones over https, this machine if it says so,
/// and internal ones, with or without TLS, if the operator says so.
pub(super) fn reach(url: &Url, internal: bool) -> FetchPolicy {
    let own = AddressVerdict::of_host(url) == Some(AddressVerdict::Loopback);
    FetchPolicy {
        reach: if internal || own {
            Reach::Internal
        } else {
            Reach::Public
        },
        allow_loopback_http: own,
        allow_http: internal,
        ..FetchPolicy::server()
    }
}

impl CredentialSection {
    /// `service` is what the vault knows the service as.
    pub(super) fn judge(&self, service: &str) -> Result<Credential, String> {
        let unusable = |error: &dyn std::fmt::Display| format!("credential: {error}");
        match self {
            Self::None => Ok(Credential::None),
            Self::Bearer { file, env } => {
                Credential::bearer(&secret(file.as_ref(), env.as_ref())?).map_err(|e| unusable(&e))
            }
            Self::Basic { user, file, env } => {
                let password = secret(file.as_ref(), env.as_ref())?;
                Credential::basic(user, &password).map_err(|e| unusable(&e))
            }
            Self::Header { name, file, env } => {
                let header = HeaderName::try_from(name)
                    .map_err(|_| format!("credential.name: {name:?} is not a header"))?;
                let value = secret(file.as_ref(), env.as_ref())?;
                Credential::header(header, &value).map_err(|e| unusable(&e))
            }
            Self::Query { name, file, env } => Ok(Credential::Query {
                name: name.clone(),
                value: secret(file.as_ref(), env.as_ref())?,
            }),
            Self::Cookie { name, file, env } => Ok(Credential::Cookie {
                name: name.clone(),
                value: secret(file.as_ref(), env.as_ref())?,
            }),
            Self::Person { place, name, .. } => Ok(Credential::Person(PersonCredential {
                service: service.to_owned(),
                place: place.judge(name.as_deref())?,
            })),
            Self::ClientCredentials { .. } => self.judge_client(),
        }
    }

    fn judge_client(&self) -> Result<Credential, String> {
        let Self::ClientCredentials {
            token_url,
            client_id,
            file,
            env,
            secret_in,
            parameters,
        } = self
        else {
            return Ok(Credential::None);
        };
        let policy = reach(token_url, false);
        let fetcher = policy.admit(token_url).and_then(|()| Fetcher::new(policy));
        let fetcher = fetcher.map_err(|error| format!("credential.token_url: {error}"))?;
        let secret = secret(file.as_ref(), env.as_ref())?;
        let mut client =
            ClientCredentials::new(token_url.clone(), client_id.clone(), secret, fetcher);
        client.secret_place = *secret_in;
        client.parameters = parameters.clone().into_iter().collect();
        Ok(Credential::ClientCredentials(Box::new(client)))
    }
}

impl PlaceSection {
    fn judge(self, name: Option<&str>) -> Result<PersonPlace, String> {
        let named = name.filter(|name| !name.is_empty());
        let needed = || named.ok_or("credential.name: has to say which");
        match self {
            Self::Bearer if name.is_some() => {
                Err("credential.name: a bearer token has its place".to_owned())
            }
            Self::Bearer => Ok(PersonPlace::Bearer),
            Self::Header => {
                let name = needed()?;
                let header = HeaderName::try_from(name);
                let header = header.ok().filter(|header| !FRAMING.contains(header));
                let not_one = || format!("credential.name: {name:?} is not a header for a key");
                Ok(PersonPlace::Header(header.ok_or_else(not_one)?))
            }
            Self::Query => Ok(PersonPlace::Query(needed()?.to_owned())),
            Self::Cookie => Ok(PersonPlace::Cookie(needed()?.to_owned())),
        }
    }
}

/// Headers that are not for what a person types.
const FRAMING: [HeaderName; 5] = [
    http::header::HOST,
    http::header::CONTENT_LENGTH,
    http::header::CONTENT_TYPE,
    http::header::CONNECTION,
    http::header::TRANSFER_ENCODING,
];

/// A secret from a file or the environment; it has no place in the configuration itself.
#[expect(
    clippy::disallowed_methods,
    reason = "the configuration is where the environment is read"
)]
fn secret(file: Option<&PathBuf>, env: Option<&String>) -> Result<Secret, String> {
    let text = match (file, env) {
        (Some(file), None) => std::fs::read_to_string(file).map_err(|error| {
            let file = file.display();
            format!("credential.file: {file} cannot be read: {error}")
        })?,
        (None, Some(name)) => std::env::var(name)
            .map_err(|_| format!("credential.env: the variable {name} is not set"))?,
        _ => return Err("credential: give either file or env".to_owned()),
    };
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err("credential: the secret is empty".to_owned());
    }
    Ok(Secret::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(text: &str) -> Result<Arc<Upstream>, String> {
        let section: UpstreamSection = toml::from_str(text).map_err(|error| error.to_string())?;
        section.judge(None)
    }

    #[test]
    fn a_service_is_public_or_on_this_machine_unless_the_operator_says_more() {
        for url in [
            "https://shop.example/v1",
            "http://127.0.0.1:3000",
            "http://localhost:3000",
        ] {
            assert!(
                judge(&format!("name = 'a'\nurl = {url:?}")).is_ok(),
                "{url}"
            );
        }
        for url in ["http://orders:3000", "http://10.0.0.1", "https://10.0.0.1"] {
            let refused = judge(&format!("name = 'a'\nurl = {url:?}")).err().unwrap();
            assert!(refused.contains("internal = true"), "{refused}");
            let text = format!("name = 'a'\nurl = {url:?}\ninternal = true");
            assert!(judge(&text).is_ok(), "{url}");
        }
        let metadata = "name = 'a'\nurl = 'http://169.254.169.254'\ninternal = true";
        assert!(judge(metadata).is_err());
    }

    #[test]
    fn a_secret_comes_from_a_file_or_the_environment_and_nowhere_else() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("token");
        std::fs::write(&file, "hunter2\n").unwrap();
        let with = |credential: &str| {
            judge(&format!(
                "name = 'a'\nurl = 'https://shop.example'\n[credential]\n{credential}"
            ))
        };
        for kind in [
            "kind = 'bearer'",
            "kind = 'basic'\nuser = 'me'",
            "kind = 'header'\nname = 'X-Key'",
            "kind = 'query'\nname = 'key'",
            "kind = 'cookie'\nname = 'sid'",
            "kind = 'client_credentials'\ntoken_url = 'https://auth.example/token'\nclient_id = 'me'",
        ] {
            assert!(with(&format!("{kind}\nfile = {file:?}")).is_ok(), "{kind}");
            let missing = with(kind).err().unwrap();
            assert!(missing.contains("either file or env"), "{missing}");
            assert!(
                with(&format!("{kind}\nvalue = 'hunter2'")).is_err(),
                "{kind}"
            );
        }
        std::fs::write(&file, "a\r\nb").unwrap();
        let broken = with(&format!("kind = 'bearer'\nfile = {file:?}"))
            .err()
            .unwrap();
        assert!(broken.contains("visible ASCII"), "{broken}");
        let unset = with("kind = 'bearer'\nenv = 'PROCURA_NO_SUCH_VARIABLE'")
            .err()
            .unwrap();
        assert!(unset.contains("PROCURA_NO_SUCH_VARIABLE"), "{unset}");
    }
}
