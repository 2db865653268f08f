//! Extractors that turn a bearer token into a caller. Handlers never see a token.

use axum::extract::FromRequestParts;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, HeaderName};
use procura_agent_auth::token::TokenDefect;
use procura_agent_auth::token::host::Standing;
use procura_agent_auth::token::possession::{Presentation, ProofHeader, Scheme};
use procura_service::agent_auth::account::Spending;
use procura_service::agent_auth::caller::{
    self, AgentCaller, ExecutingAgent, HostCaller, RegisteringHost, RevokingCaller,
};
use procura_service::agent_auth::capabilities::{self, Viewer};
use procura_service::agent_auth::execute::jobs;

use crate::app::{App, ClientAddress, client_certificate};
use crate::error::Rejection;

/// An agent at any endpoint but execution.
pub(super) struct Agent(pub(super) AgentCaller);

/// An agent at the execute endpoint.
pub(super) struct Executing(pub(super) ExecutingAgent);

/// An agent that asks how a job stands, and the job's name.
pub(super) struct Asking(pub(super) AgentCaller, pub(super) String);

/// Whoever revokes an agent.
pub(super) struct Revoking(pub(super) RevokingCaller);

/// A known host that asks how an agent of its stands.
pub(super) struct PollingHost(pub(super) HostCaller);

/// A known host that has been approved.
pub(super) struct ActiveHost(pub(super) HostCaller);

/// A host that revokes itself.
pub(super) struct EndingHost(pub(super) HostCaller);

/// A host that registers an agent.
pub(super) struct Registering(pub(super) RegisteringHost);

/// Whoever looks at capabilities.
pub(super) struct Looking(pub(super) Viewer);

/// Whoever asks for what nobody has to authenticate for.
pub(super) struct Stranger;

impl FromRequestParts<App> for Agent {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Rejection> {
        let sent = presentation(parts, app)?;
        Ok(Self(caller::agent(&app.ctx, &sent).await?))
    }
}

impl FromRequestParts<App> for Executing {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Rejection> {
        let sent = presentation(parts, app)?;
        Ok(Self(caller::executing_agent(&app.ctx, &sent).await?))
    }
}

impl FromRequestParts<App> for Asking {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Rejection> {
        let sent = presentation(parts, app)?;
        // As it stands in the URL: the name of a job needs no encoding, so one that has any is no job's.
        let path = parts.uri.path();
        let job = path.rsplit_once('/').map_or(path, |(_, name)| name);
        let caller = jobs::asking_agent(&app.ctx, &sent, job).await?;
        Ok(Self(caller, job.to_owned()))
    }
}

impl FromRequestParts<App> for PollingHost {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Rejection> {
        let sent = presentation(parts, app)?;
        let caller = caller::host(&app.ctx, &sent, Standing::NotEnded, Spending::Polling);
        Ok(Self(caller.await?))
    }
}

impl FromRequestParts<App> for Revoking {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Rejection> {
        let sent = presentation(parts, app)?;
        Ok(Self(caller::revoking(&app.ctx, &sent).await?))
    }
}

impl FromRequestParts<App> for ActiveHost {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Rejection> {
        let sent = presentation(parts, app)?;
        let caller = caller::host(&app.ctx, &sent, Standing::Active, Spending::Work);
        Ok(Self(caller.await?))
    }
}

impl FromRequestParts<App> for EndingHost {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Rejection> {
        let sent = presentation(parts, app)?;
        Ok(Self(caller::ending_host(&app.ctx, &sent).await?))
    }
}

impl FromRequestParts<App> for Registering {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Rejection> {
        let ClientAddress(address) = ClientAddress::of(parts, app);
        let sent = presentation(parts, app)?;
        let caller = caller::registering_host(&app.ctx, &sent, &address);
        Ok(Self(caller.await?))
    }
}

impl FromRequestParts<App> for Looking {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Rejection> {
        let sent = match presentation(parts, app) {
            Ok(sent) => Some(sent),
            Err(TokenDefect::Missing) => None,
            Err(defect) => return Err(defect.into()),
        };
        let ClientAddress(address) = ClientAddress::of(parts, app);
        let viewer = capabilities::viewer(&app.ctx, sent.as_ref(), &address);
        Ok(Self(viewer.await?))
    }
}

impl FromRequestParts<App> for Stranger {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Rejection> {
        let ClientAddress(address) = ClientAddress::of(parts, app);
        caller::stranger(&app.ctx, &address)?;
        Ok(Self)
    }
}

/// The token of a request, and what it shows beside it.
fn presentation<'a>(parts: &'a Parts, app: &App) -> Result<Presentation<'a>, TokenDefect> {
    let (scheme, token) = authorization(&parts.headers)?;
    Ok(Presentation {
        token,
        scheme,
        proof: proof(&parts.headers),
        certificate: client_certificate(parts, app),
        method: parts.method.as_str(),
        path: parts.uri.path(),
    })
}

/// The token of the one `Authorization: Bearer` header.
pub(super) fn bearer(headers: &HeaderMap) -> Result<&str, TokenDefect> {
    match authorization(headers)? {
        (Scheme::Bearer, token) => Ok(token),
        (Scheme::Dpop, _) => Err(TokenDefect::NotBearer),
    }
}

/// The scheme and token of the one Authorization header.
fn authorization(headers: &HeaderMap) -> Result<(Scheme, &str), TokenDefect> {
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
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Scheme::Bearer,
        "dpop" => Scheme::Dpop,
        _ => return Err(TokenDefect::NotBearer),
    };
    // Blanks and nothing else may stand between the two (RFC 9110 §11.4).
    Ok((scheme, token.trim_matches(' ')))
}

fn proof(headers: &HeaderMap) -> ProofHeader<'_> {
    let mut headers = headers.get_all(DPOP).iter();
    match (headers.next(), headers.next()) {
        (None, _) => ProofHeader::Absent,
        (Some(proof), None) => proof
            .to_str()
            .map_or(ProofHeader::Unreadable, ProofHeader::One),
        (Some(_), Some(_)) => ProofHeader::Unreadable,
    }
}

const DPOP: HeaderName = HeaderName::from_static("dpop");
