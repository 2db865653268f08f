//! What a provider offers: `list_capabilities` (§6.3) and `describe_capability` (§6.3.1).

use http::Method;
use procura_agent_auth::wire::capability::{Capability, CapabilitySummary, ListResponse};

use crate::call::{Call, Signer};
use crate::client::Client;
use crate::error::{ClientError, Hint, Refused};
use crate::profile::Connection;
use crate::provider::{Endpoint, Provider};

impl Client {
    /// Everything a provider offers, page by page until the last. `provider` is a URL or the name of a known
    /// provider; `query` searches at the server. With `agent` the answer says what that agent holds.
    pub async fn capabilities(
        &self,
        provider: &str,
        query: Option<&str>,
        agent: Option<&str>,
    ) -> Result<Vec<CapabilitySummary>, ClientError> {
        let agent = agent.map(|id| self.profile.connection(id)).transpose()?;
        let provider = self.provider(provider).await?;
        self.list(&provider, query, agent.as_ref()).await
    }

    /// One page of what a provider offers, for callers that cannot take everything at once. `cursor` is the
    /// `next_cursor` of the page before.
    pub async fn capability_page(
        &self,
        provider: &str,
        query: Option<&str>,
        agent: Option<&str>,
        cursor: Option<&str>,
    ) -> Result<ListResponse, ClientError> {
        let agent = agent.map(|id| self.profile.connection(id)).transpose()?;
        let provider = self.provider(provider).await?;
        self.page(&provider, query, agent.as_ref(), cursor).await
    }

    /// One capability in full, with the schema of its arguments.
    pub async fn describe(
        &self,
        provider: &str,
        name: &str,
        agent: Option<&str>,
    ) -> Result<Capability, ClientError> {
        let agent = agent.map(|id| self.profile.connection(id)).transpose()?;
        let provider = self.provider(provider).await?;
        let described = self.describe_at(&provider, name, agent.as_ref()).await;
        match described {
            Err(ClientError::Refused(refused)) if refused.is("capability_not_found") => {
                let refused = self.with_available(&provider, agent.as_ref(), *refused);
                Err(refused.await.into())
            }
            other => other,
        }
    }

    pub(crate) async fn describe_at(
        &self,
        provider: &Provider,
        name: &str,
        agent: Option<&Connection>,
    ) -> Result<Capability, ClientError> {
        let call = Call::new(provider, Method::GET, Endpoint::Describe, signer(agent))?;
        self.remembered(&call.with_query("name", name)).await
    }

    async fn list(
        &self,
        provider: &Provider,
        query: Option<&str>,
        agent: Option<&Connection>,
    ) -> Result<Vec<CapabilitySummary>, ClientError> {
        let mut capabilities = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let page = self.page(provider, query, agent, cursor.as_deref()).await?;
            capabilities.extend(page.capabilities);
            // `has_more` is optional; the cursor says what matters.
            match page.next_cursor {
                Some(next) if Some(&next) != cursor.as_ref() => cursor = Some(next),
                _ => return Ok(capabilities),
            }
        }
        let reason = format!("more than {MAX_PAGES} pages of capabilities");
        Err(ClientError::bad_answer(provider.issuer(), reason))
    }

    pub(crate) async fn page(
        &self,
        provider: &Provider,
        query: Option<&str>,
        agent: Option<&Connection>,
        cursor: Option<&str>,
    ) -> Result<ListResponse, ClientError> {
        let endpoint = Endpoint::Capabilities;
        let mut call = Call::new(provider, Method::GET, endpoint, signer(agent))?;
        if let Some(query) = query {
            call = call.with_query("query", query);
        }
        if let Some(cursor) = cursor {
            call = call.with_query("cursor", cursor);
        }
        self.remembered(&call).await
    }

    /// Adds the names of what is offered to a refusal about names, so that the next try can be right (§6.4).
    pub(crate) async fn with_available(
        &self,
        provider: &Provider,
        agent: Option<&Connection>,
        refused: Refused,
    ) -> Refused {
        // The refusal stays the answer; that its hint is missing needs no error of its own.
        let offered = self.list(provider, None, agent).await.ok();
        let names = |it: Vec<CapabilitySummary>| it.into_iter().map(|it| it.name.into()).collect();
        Refused {
            hint: offered.map(|offered| Hint::Available(names(offered))),
            ..refused
        }
    }
}

fn signer(agent: Option<&Connection>) -> Signer<'_> {
    match agent {
        Some(connection) => Signer::Agent {
            connection,
            capabilities: None,
        },
        None => Signer::Host(None),
    }
}

/// A server that never stops is broken.
const MAX_PAGES: usize = 200;

#[cfg(test)]
mod tests;
