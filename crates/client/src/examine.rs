//! Walking the handshake hop by hop, to find the one that is broken.

#[cfg(test)]
mod tests;

use http::header::{ACCEPT, DATE};
use http::{HeaderMap, HeaderValue};
use procura_agent_auth::wire::discovery::PATH;
use procura_fetch::{FetchError, Request, Response};
use serde::Serialize;
use url::Url;

use crate::answer::ACTIVE;
use crate::call::JSON;
use crate::client::Client;
use crate::connect::{Connect, Connected};
use crate::discover::base_url;
use crate::error::ClientError;
use crate::http_date;
use crate::profile::Connection;
use crate::provider::Provider;

/// One hop of the handshake and what was found there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hop {
    /// `network`, `clock`, `discovery`, `issuer`, `keys`, `host`, `registration`, `status`, `agent` or `execution`.
    pub name: &'static str,
    /// How it is.
    pub state: HopState,
    /// What was found, in a sentence. May hold texts of the server.
    pub finding: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// How a hop is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HopState {
    /// It works.
    Works,
    /// It works, and somebody should know this.
    Noted,
    /// It could not be tried.
    Untried,
    /// It does not work, so nothing after it was tried.
    Broken,
}

impl Hop {
    fn works(name: &'static str, finding: impl Into<String>) -> Self {
        let (state, finding) = (HopState::Works, finding.into());
        let advice = None;
        Self {
            name,
            state,
            finding,
            advice,
        }
    }

    fn noted(name: &'static str, finding: impl Into<String>, advice: &str) -> Self {
        Self {
            state: HopState::Noted,
            advice: Some(advice.to_owned()),
            ..Self::works(name, finding)
        }
    }

    fn untried(name: &'static str, finding: &str, advice: &str) -> Self {
        Self {
            state: HopState::Untried,
            ..Self::noted(name, finding, advice)
        }
    }

    fn broken(name: &'static str, error: &ClientError) -> Self {
        Self {
            state: HopState::Broken,
            ..Self::noted(name, error.to_string(), advice(error))
        }
    }
}

impl Client {
    /// Tries each hop between this client and an executed capability at `url`, up to the first that is broken. Nothing
    /// is changed at the server, unless there is an agent to `register`.
    pub async fn examine(&self, url: &str, register: Option<Connect>) -> Vec<Hop> {
        let mut hops = Vec::new();
        if let Err(broken) = self.walk(url, register, &mut hops).await {
            hops.push(broken);
        }
        hops
    }

    async fn walk(
        &self,
        url: &str,
        register: Option<Connect>,
        hops: &mut Vec<Hop>,
    ) -> Result<(), Hop> {
        let answer = self.knock(url).await;
        let answer = answer.map_err(|error| Hop::broken("network", &error))?;
        let host = answer.url.host_str().unwrap_or_default();
        hops.push(Hop::works("network", format!("{host} answers.")));
        hops.push(self.clock(&answer.headers));
        let found = self.rediscover(url).await;
        let provider = found.map_err(|error| Hop::broken("discovery", &error))?;
        hops.extend(described(&provider));
        let keys = provider.require_ed25519();
        let bad = |defect| ClientError::bad_provider(provider.issuer(), defect);
        keys.map_err(|defect| Hop::broken("keys", &bad(defect)))?;
        hops.push(Hop::works("keys", "It accepts Ed25519 keys."));
        let offered = self.capabilities(provider.issuer(), None, None).await;
        let offered = offered.map_err(|error| Hop::broken("host", &error))?;
        let finding = format!(
            "It reads this host's tokens, and offers {} capabilities.",
            offered.len()
        );
        hops.push(Hop::works("host", finding));
        let Some(agent) = self.registered(&provider, register, hops).await? else {
            return Ok(());
        };
        self.walk_as(&provider, &agent, hops).await
    }

    async fn knock(&self, url: &str) -> Result<Response, ClientError> {
        let base = base_url(url)?;
        let not_a_url = || crate::error::CallerError::NotAUrl(url.to_owned());
        let mut request =
            Request::get(Url::parse(&format!("{base}{PATH}")).map_err(|_| not_a_url())?);
        let json = HeaderValue::from_static(JSON);
        request.headers.insert(ACCEPT, json);
        Ok(self.parts.transport.send(request).await?)
    }

    fn clock(&self, headers: &HeaderMap) -> Hop {
        let Some(server) = http_date::date(headers) else {
            let finding = if headers.contains_key(DATE) {
                "Its Date header cannot be read."
            } else {
                "It does not say what time it is."
            };
            let advice = "tokens are dated by this machine's clock; make sure that it is right";
            return Hop::noted("clock", finding, advice);
        };
        let offset = (server.as_millis() - self.now().as_millis()) / 1000;
        if offset.abs() <= MOST_OFFSET {
            return Hop::works("clock", "Its clock and this machine's agree.");
        }
        let way = if offset > 0 { "ahead of" } else { "behind" };
        let finding = format!("Its clock is {} s {way} this machine's.", offset.abs());
        let advice =
            "tokens are dated by the server's clock once it refuses one; set the wrong clock right";
        Hop::noted("clock", finding, advice)
    }

    /// An agent to go on with: a new one if that was asked for, else one that is connected.
    async fn registered(
        &self,
        provider: &Provider,
        register: Option<Connect>,
        hops: &mut Vec<Hop>,
    ) -> Result<Option<Connection>, Hop> {
        let broken = |error: &ClientError| Hop::broken("registration", error);
        let connections = self.profile.connections();
        let connections = connections.map_err(|error| broken(&error.into()))?;
        let mut here = connections.into_iter().rev();
        let known = here.find(|it| it.issuer == provider.issuer() && it.status == ACTIVE);
        let Some(request) = register else {
            hops.push(match &known {
                Some(agent) => Hop::works(
                    "registration",
                    format!("Agent {} is connected.", agent.agent_id),
                ),
                None => Hop::untried(
                    "registration",
                    "No active agent is connected there.",
                    "connect one, or try it with --register",
                ),
            });
            return Ok(known);
        };
        let connected = self.connect(provider.issuer(), request).await;
        let connected = connected.map_err(|error| broken(&error))?;
        let (id, is_active) = match connected {
            Connected::Active(agent) => (agent.agent_id, true),
            Connected::Pending(pending) => (pending.agent_id, false),
        };
        if !is_active {
            let finding = format!("Agent {id} is registered, and waits for approval.");
            let advice =
                "approve it, then run this again; until then nothing after it can be tried";
            hops.push(Hop::noted("registration", finding, advice));
            return Ok(None);
        }
        hops.push(Hop::works(
            "registration",
            format!("Agent {id} is registered and active."),
        ));
        let agent = self.profile.connection(&id);
        agent.map(Some).map_err(|error| broken(&error))
    }

    async fn walk_as(
        &self,
        provider: &Provider,
        agent: &Connection,
        hops: &mut Vec<Hop>,
    ) -> Result<(), Hop> {
        let standing = self.status(&agent.agent_id).await;
        let standing = standing.map_err(|error| Hop::broken("status", &error))?;
        let finding = format!("Agent {} is {}.", standing.agent_id, standing.status);
        hops.push(match standing.status.as_str() {
            ACTIVE => Hop::works("status", finding),
            _ => Hop::noted("status", finding, "reactivate it, or connect another"),
        });
        let seen = self.page(provider, None, Some(agent), None).await;
        seen.map_err(|error| Hop::broken("agent", &error))?;
        hops.push(Hop::works(
            "agent",
            "It accepts the agent's tokens for its issuer.",
        ));
        let mut grants = standing.grants.iter();
        let Some(grant) = grants.find(|it| it.status == ACTIVE) else {
            let finding = "The agent holds no capability.";
            hops.push(Hop::untried("execution", finding, "request one"));
            return Ok(());
        };
        let name = grant.capability.as_str();
        let location = self.location(provider, agent, name).await;
        let location = location.map_err(|error| Hop::broken("execution", &error))?;
        let admitted = provider.execution_url(&location, &self.url_policy());
        let bad = |defect| ClientError::bad_provider(provider.issuer(), defect);
        admitted.map_err(|defect| Hop::broken("execution", &bad(defect)))?;
        let finding =
            format!("{name} is executed at {location}, which is the audience of its tokens.");
        hops.push(Hop::works("execution", finding));
        Ok(())
    }
}

fn described(provider: &Provider) -> [Hop; 2] {
    let discovery = provider.discovery();
    let modes: Vec<_> = discovery.modes.iter().map(|it| it.as_str()).collect();
    let finding = format!(
        "It is {:?}, speaks version {}, and takes {} agents.",
        discovery.provider_name,
        discovery.version,
        modes.join(" and ")
    );
    let issuer = format!(
        "Its issuer is {}, and its endpoints are there.",
        discovery.issuer
    );
    [
        Hop::works("discovery", finding),
        Hop::works("issuer", issuer),
    ]
}

/// What to do about a broken hop.
fn advice(error: &ClientError) -> &'static str {
    match error {
        ClientError::Unreachable(error) => match error {
            FetchError::NotHttps { .. } => {
                "use https://, or for a server on this machine --allow-loopback-http"
            }
            FetchError::CredentialsInUrl { .. } => "leave the user name and password out",
            FetchError::ForbiddenAddress { .. } => "check the name; such an address serves nobody",
            FetchError::Dns { .. } => "check the spelling, and that this machine can resolve names",
            FetchError::Connect { .. } | FetchError::TimedOut { .. } => {
                "check that the server runs and that no firewall is in between"
            }
            FetchError::Tls { .. } => {
                "the server's operator has to install a certificate that is valid for this name"
            }
            FetchError::TooManyRedirects { .. } => "ask for the URL that the redirects lead to",
            FetchError::TooLarge { .. } | FetchError::Protocol { .. } => {
                "check that the URL is that of an Agent Auth server"
            }
            FetchError::Setup { .. } => "repair this machine's certificate store",
        },
        ClientError::BadProvider { .. } => {
            "tell the server's operator; its discovery document has to be put right"
        }
        ClientError::BadAnswer { .. } => "tell the server's operator what it answered",
        ClientError::Refused(refused) => match refused.code.as_deref() {
            Some("host_revoked") => "start over with a new host identity",
            Some("invalid_jwt") => {
                "check the clocks, and whether the host's key was rotated elsewhere"
            }
            _ => "do what the server says, or ask its operator",
        },
        ClientError::Profile(_) => "repair the local state as the message says",
        _ => "do what the message says",
    }
}

/// Servers allow for about this much, in seconds.
const MOST_OFFSET: i64 = 30;
