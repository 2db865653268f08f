//! The configuration file: one struct for each section, every value judged before the server starts.
//!
//! Unknown keys are refused, units are part of values, and an error names the file, the key and what is
//! allowed. `docs/configuration.md` lists every key.

mod actor;
mod capability;
mod custom_method;
mod document;
mod housekeeping;
mod http;
mod issuer;
mod jwks;
mod limits;
mod mcp;
mod notify;
mod openapi;
mod proxy;
mod security;
mod sign_in;
mod smtp;
mod span;
mod store;
mod tls;
mod upstream;
mod vault;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use procura_adapters::http::{ActorKeys, Upstream};
use procura_fetch::{FetchPolicy, JwksPolicy};
use procura_service::catalogue::Catalogue;
use procura_service::limits::Rates;
use procura_service::people::openid::OpenIdSettings;
use procura_service::people::vault::Vault;
use procura_service::{Policy, Provider};

use crate::gateway::mcp::Judged;
use crate::gateway::{Described, Report, ToolServer};
use crate::notify::mail::Mail;
use crate::notify::webhook::Webhook;
use crate::proxy::Proxies;
use crate::tls::TlsFiles;

pub use document::DevelopmentPerson;
use document::Document;
use mcp::McpSection;
use span::CountPer;
pub use store::{Nodes, StoreChoice, StoreUrl};
use upstream::UpstreamSection;

/// A configuration that was judged good.
#[derive(Debug)]
pub struct Config {
    /// Who the server is.
    pub provider: Provider,
    /// What it allows.
    pub policy: Policy,
    /// What it offers.
    pub catalogue: Catalogue,
    /// Descriptions that still have to be read for what they offer.
    pub described: Vec<Described>,
    /// Servers that still have to be asked for their tools.
    pub tool_servers: Vec<ToolServer>,
    /// How often.
    pub rates: Rates,
    /// Which proxies are believed what.
    pub proxies: Proxies,
    /// The certificate to serve TLS with.
    pub tls: Option<TlsFiles>,
    /// Where it listens.
    pub listen: String,
    /// For how long it goes on serving once it is told to stop, while it says that it is not ready.
    pub drain: Duration,
    /// Where it keeps records.
    pub store: StoreChoice,
    /// How long published keys are kept.
    pub jwks_cache: JwksPolicy,
    /// How published keys are fetched.
    pub jwks_fetch: FetchPolicy,
    /// Where notices go.
    pub webhooks: Vec<Webhook>,
    /// The way to send e-mail.
    pub mail: Option<Box<Mail>>,
    /// The providers by which people may sign in.
    pub openid: Vec<OpenIdSettings>,
    /// What people entrust to the server.
    pub vault: Vault,
    /// What signs who acts, for upstreams that are told.
    pub actor_keys: Option<Arc<ActorKeys>>,
    /// Whom push services turn to, if messages to people's devices go through them.
    pub push_contact: Option<String>,
    /// How often housekeeping runs.
    pub housekeeping_every: Duration,
    /// People to make at start, for development.
    pub development_people: Vec<DevelopmentPerson>,
}

/// Why a configuration is not good.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {problem}")]
pub struct ConfigError {
    file: String,
    problem: String,
}

impl Config {
    /// Reads a file and what the environment says. `listen` overrides the address in it and, when the file
    /// names no issuer, makes one.
    #[expect(
        clippy::disallowed_methods,
        reason = "the configuration is where the environment is read"
    )]
    pub fn load(file: &Path, listen: Option<&str>) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(file).map_err(|error| ConfigError {
            file: file.display().to_string(),
            problem: format!("cannot be read: {error}"),
        })?;
        let environment = Environment {
            store_url: std::env::var(store::VARIABLE).ok(),
            smtp_password: std::env::var(smtp::PASSWORD_VARIABLE).ok(),
            openid_secrets: std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .filter(|(name, _)| name.starts_with(sign_in::VARIABLES))
                .collect(),
        };
        Self::judge(&text, listen, environment).map_err(|problem| ConfigError {
            file: file.display().to_string(),
            problem,
        })
    }

    /// Reads the descriptions and adds what they offer to the catalogue.
    pub(crate) async fn read_descriptions(&mut self) -> Result<Vec<Report>, String> {
        let mut reports = Vec::new();
        for described in std::mem::take(&mut self.described) {
            reports.push(described.offer(&mut self.catalogue).await?);
        }
        Ok(reports)
    }

    /// Asks the tool servers and adds what they offer to the catalogue. For whoever looks once: a server that runs
    /// follows them.
    pub(crate) async fn ask_tool_servers(&mut self) -> Vec<Report> {
        let servers = std::mem::take(&mut self.tool_servers);
        let lists = join_all(servers.iter().map(ToolServer::ask)).await;
        let lists = servers.iter().zip(lists);
        let reports = lists.map(|(server, tools)| {
            let judged = match tools {
                Ok(tools) => server.judge(&tools),
                Err(error) => Judged::none(error.to_string()),
            };
            server.offer(&judged, &mut self.catalogue)
        });
        reports.collect()
    }

    /// Reads a text.
    pub fn parse(text: &str, listen: Option<&str>) -> Result<Self, String> {
        Self::judge(text, listen, Environment::default())
    }

    fn judge(text: &str, listen: Option<&str>, environment: Environment) -> Result<Self, String> {
        let mut document: Document = toml::from_str(text).map_err(|error| error.to_string())?;
        let listen = listen.map_or_else(|| document.server.listen.clone(), str::to_owned);
        let issuer = issuer::judge(document.provider.issuer.as_deref(), &listen)?;
        let actor_keys = document.actor.judge(&issuer)?;
        let upstreams = Upstreams::judge(&document.upstream, actor_keys.as_ref())?;
        let proxies = document.proxy.judge()?;
        let tls = document
            .tls
            .as_ref()
            .map(|tls| tls.judge(&issuer))
            .transpose()?;
        let certificates = proxies.client_certificate.is_some()
            || tls.as_ref().is_some_and(|tls| tls.client_certificates);
        let mut catalogue = Catalogue::default();
        let mut own_rates = BTreeMap::new();
        for (at, section) in document.capability.iter().enumerate() {
            let named = |problem| {
                format!(
                    "capability {:?} (number {}): {problem}",
                    section.name,
                    at + 1
                )
            };
            let offered = section.judge(certificates, &upstreams).map_err(named)?;
            let own_rate = section.rate.map(CountPer::rate);
            own_rates.extend(own_rate.map(|rate| (offered.shown.name.clone(), rate)));
            catalogue
                .add(offered)
                .map_err(|taken| named(taken.to_string()))?;
        }
        document.judge()?;
        let store = std::mem::take(&mut document.store).choose(environment.store_url)?;
        let sections = std::mem::take(&mut document.openapi).into_iter();
        let described = sections.map(|section| section.judge(&upstreams));
        let tool_servers = std::mem::take(&mut document.mcp).into_iter();
        Ok(Self {
            described: described.collect::<Result<_, _>>()?,
            tool_servers: tool_servers
                .map(McpSection::judge)
                .collect::<Result<_, _>>()?,
            openid: document
                .sign_in
                .judge(&issuer, &environment.openid_secrets)?,
            actor_keys,
            vault: document.vault.judge(&document.upstream)?,
            provider: Provider {
                name: document.provider.name.clone(),
                description: document.provider.description.clone(),
                issuer,
            },
            policy: document.policy(certificates)?,
            rates: document.limits.rates(&catalogue, own_rates),
            proxies,
            tls,
            catalogue,
            listen,
            drain: document.server.drain(&store),
            store,
            jwks_cache: document.jwks.cache(),
            jwks_fetch: document.jwks.fetch(),
            webhooks: document.notify.webhooks()?,
            push_contact: document.notify.push_contact()?,
            mail: document.notify.mail(environment.smtp_password.as_deref())?,
            housekeeping_every: document.housekeeping.every.0,
            development_people: document.development.person,
        })
    }
}

/// What the environment says, so that it need not be in the file.
#[derive(Default)]
struct Environment {
    store_url: Option<String>,
    smtp_password: Option<String>,
    /// By the name of the variable.
    openid_secrets: BTreeMap<String, String>,
}

/// What a capability is carried out by.
type SharedBackend = Arc<dyn procura_adapters::Backend>;

/// The services of the file, by name.
#[derive(Default)]
struct Upstreams(BTreeMap<String, Arc<Upstream>>);

impl Upstreams {
    fn judge(
        sections: &[UpstreamSection],
        actor_keys: Option<&Arc<ActorKeys>>,
    ) -> Result<Self, String> {
        let mut upstreams = BTreeMap::new();
        for section in sections {
            let upstream = section.judge(actor_keys)?;
            if upstreams.insert(section.name.clone(), upstream).is_some() {
                return Err(format!(
                    "upstream {:?}: this name is used twice",
                    section.name
                ));
            }
        }
        Ok(Self(upstreams))
    }

    fn find(&self, name: &str) -> Result<Arc<Upstream>, String> {
        let unknown = || format!("upstream: no [[upstream]] is named {name:?}");
        self.0.get(name).cloned().ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests;
