//! Extractors that turn a bearer token into a caller. Handlers never see a token.

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;
use procura_agent_auth::token::TokenDefect;
use procura_agent_auth::token::host::Standing;
use procura_service::agent_auth::caller::{
    self, AgentCaller, ExecutingAgent, HostCaller, RegisteringHost,
};
use procura_service::agent_auth::capabilities::{self, Viewer};
use procura_service::agent_auth::execute::jobs;

use crate::app::{App, ClientAddress};
use crate::error::Rejection;

/// An agent at any endpoint but execution.
pub(super) struct Agent(pub(super) AgentCaller);

/// An agent at the execute endpoint.
pub(super) struct Executing(pub(super) ExecutingAgent);

/// An agent that asks how a job stands, and the job's name.
pub(super) struct Asking(pub(super) AgentCaller, pub(super) String);

/// A known host, approved or waiting.
pub(super) struct Host(pub(super) HostCaller);

/// A known host that has been approved.
pub(super) struct ActiveHost(pub(super) HostCaller);

/// A host that revokes itself.
pub(super) struct EndingHost(pub(super) HostCaller);

/// A host that registers an agent.
pub(super) struct Registering(pub(super) RegisteringHost);

/// Whoever looks at capabilities.
pub(super) struct Looking(pub(super) Viewer);

impl FromRequestParts<App> for Agent {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Rejection> {
        Ok(Self(
            caller::agent(&app.ctx, bearer(&parts.headers)?).await?,
        ))
    }
}

impl FromRequestParts<App> for Executing {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Rejection> {
        Ok(Self(
            caller::executing_agent(&app.ctx, bearer(&parts.headers)?).await?,
        ))
    }
}

impl FromRequestParts<App> for Asking {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Rejection> {
        // As it stands in the URL: the name of a job needs no encoding, so one that has any is no job's.
        let path = parts.uri.path();
        let job = path.rsplit_once('/').map_or(path, |(_, name)| name);
        let caller = jobs::asking_agent(&app.ctx, bearer(&parts.headers)?, job).await?;
        Ok(Self(caller, job.to_owned()))
    }
}

impl FromRequestParts<App> for Host {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Rejection> {
        Ok(Self(
            caller::host(&app.ctx, bearer(&parts.headers)?, Standing::NotEnded).await?,
        ))
    }
}

impl FromRequestParts<App> for ActiveHost {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Rejection> {
        Ok(Self(
            caller::host(&app.ctx, bearer(&parts.headers)?, Standing::Active).await?,
        ))
    }
}

impl FromRequestParts<App> for EndingHost {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Rejection> {
        Ok(Self(
            caller::ending_host(&app.ctx, bearer(&parts.headers)?).await?,
        ))
    }
}

impl FromRequestParts<App> for Registering {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Rejection> {
        let Ok(ClientAddress(address)) = ClientAddress::from_request_parts(parts, app).await;
        Ok(Self(
            caller::registering_host(&app.ctx, bearer(&parts.headers)?, &address).await?,
        ))
    }
}

impl FromRequestParts<App> for Looking {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Rejection> {
        let token = match bearer(&parts.headers) {
            Ok(token) => Some(token),
            Err(TokenDefect::Missing) => None,
            Err(defect) => return Err(defect.into()),
        };
        Ok(Self(capabilities::viewer(&app.ctx, token).await?))
    }
}

/// The token of the one `Authorization: Bearer` header.
pub(super) fn bearer(headers: &HeaderMap) -> Result<&str, TokenDefect> {
    let mut headers = headers.get_all(AUTHORIZATION).iter();
    let header = headers.next().ok_or(TokenDefect::Missing)?;
    if headers.next().is_some() {
        return Err(TokenDefect::NotBearer);
    }
    let (scheme, token) = header
        .to_str()
        .ok()
        .and_then(|header| header.split_once(' '))
        .ok_or(TokenDefect::NotBearer)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(token.trim())
    } else {
        Err(TokenDefect::NotBearer)
    }
}
