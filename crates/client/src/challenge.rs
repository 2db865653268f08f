//! The `AgentAuth` challenge of a service that does not know who calls (§5.14): where its authorization server is.

#[cfg(test)]
mod tests;

use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;
use procura_agent_auth::wire::discovery::PATH;
use url::Url;

use crate::answer::{ACTIVE, AgentStanding};
use crate::client::Client;
use crate::connect::{Connect, Connected};
use crate::discover::base_url;
use crate::error::ClientError;

/// What an `AgentAuth` challenge says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    discovery: Url,
}

impl Challenge {
    /// The first usable `AgentAuth` challenge among all those of an answer. Other schemes are ignored.
    pub fn find(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all(WWW_AUTHENTICATE).iter();
        let mut texts = values.filter_map(|value| value.to_str().ok());
        texts.find_map(Self::parse)
    }

    /// The same in the text of one header.
    pub fn parse(header: &str) -> Option<Self> {
        let mut challenges = challenges(header).into_iter();
        challenges.find_map(|challenge| challenge.agent_auth())
    }

    /// Where the discovery document is. The service's text: it may lead anywhere, so ask before following it as for
    /// any other URL out of an agent's hands (§8.9).
    pub fn discovery(&self) -> &Url {
        &self.discovery
    }
}

impl Client {
    /// An agent to answer a challenge with: the active one there is at that authorization server, or a new one. When
    /// it is active, sign for the service with [`Client::sign_jwt`] and repeat the request.
    ///
    /// Finding the service before calling it is better than this: by discovery, or in a directory.
    pub async fn answer_challenge(
        &self,
        challenge: &Challenge,
        request: Connect,
    ) -> Result<Connected, ClientError> {
        let base = base_url(challenge.discovery.as_str())?;
        let mut known = self.profile.providers()?.into_iter();
        if let Some(record) = known.find(|it| it.is_at(&base)) {
            let connections = self.profile.connections()?.into_iter();
            let mut here = connections.filter(|it| it.issuer == record.provider.issuer());
            if let Some(agent) = here.find(|it| it.status == ACTIVE) {
                let (grants, asked) = (agent.grants.clone(), agent.asked.clone());
                return Ok(Connected::Active(AgentStanding::new(agent, grants, &asked)));
            }
        }
        self.connect(challenge.discovery.as_str(), request).await
    }
}

/// One challenge of a header (RFC 9110 §11.6.1).
struct Parts<'a> {
    scheme: &'a str,
    parameters: Vec<(&'a str, String)>,
}

impl Parts<'_> {
    fn agent_auth(&self) -> Option<Challenge> {
        if !self.scheme.eq_ignore_ascii_case("AgentAuth") {
            return None;
        }
        let named = |(name, _): &&(&str, String)| name.eq_ignore_ascii_case("discovery");
        let mut found = self.parameters.iter().filter(named);
        let (_, text) = found.next()?;
        // Two answers to one question are none.
        let text = found.next().is_none().then_some(text)?;
        let discovery = Url::parse(text).ok()?;
        let is_whole = discovery.query().is_none() && discovery.fragment().is_none();
        (discovery.has_host() && is_whole && discovery.path().ends_with(PATH))
            .then_some(Challenge { discovery })
    }
}

/// Commas separate challenges and their parameters alike: what follows a comma is a parameter if it has the form of
/// one, and begins a challenge otherwise.
fn challenges(header: &str) -> Vec<Parts<'_>> {
    let mut challenges: Vec<Parts<'_>> = Vec::new();
    for element in elements(header) {
        let (first, rest) = token(element);
        let mut parameter = element;
        if !first.is_empty() && !rest.trim_start().starts_with('=') {
            let scheme = first;
            challenges.push(Parts {
                scheme,
                parameters: Vec::new(),
            });
            parameter = rest.trim_start();
        }
        let (name, rest) = token(parameter);
        let value = rest.trim_start().strip_prefix('=').map(str::trim);
        if let (Some(challenge), Some(value), false) = (
            challenges.last_mut(),
            value.and_then(unquoted),
            name.is_empty(),
        ) {
            challenge.parameters.push((name, value));
        }
    }
    challenges
}

/// The parts between commas, except commas in quotation marks.
fn elements(header: &str) -> Vec<&str> {
    let mut elements = Vec::new();
    let (mut start, mut is_quoted, mut is_escaped) = (0, false, false);
    for (at, c) in header.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => {
                elements.push(header[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    elements.push(header[start..].trim());
    elements
}

fn token(text: &str) -> (&str, &str) {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let end = text.find(|c| !is_token(c)).unwrap_or(text.len());
    text.split_at(end)
}

/// The value of a parameter: a token, or a text in quotation marks that ends where the value does.
fn unquoted(value: &str) -> Option<String> {
    let Some(quoted) = value.strip_prefix('"') else {
        return matches!(token(value), (text, "") if !text.is_empty()).then(|| value.to_owned());
    };
    let mut text = String::new();
    let mut chars = quoted.chars();
    loop {
        match chars.next()? {
            '"' => return chars.as_str().is_empty().then_some(text),
            '\\' => text.push(chars.next()?),
            c => text.push(c),
        }
    }
}
