//! The table of endpoints, in the order of the specification. It builds the router, and the tests that try
//! every endpoint against every bad caller walk over it.

use axum::Router;
use axum::routing::{MethodRouter, get, post};
use procura_agent_auth::compat::Compat;
use procura_agent_auth::refusal::Refusal;
use procura_agent_auth::wire;

use super::{
    capabilities, discovery, events, execute, introspect, lifecycle, register, request_capability,
    revoke, status,
};
use crate::app::App;
use crate::error::Rejection;

/// One endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint {
    /// Its HTTP method.
    pub method: &'static str,
    /// Its path, relative to the issuer.
    pub path: &'static str,
    /// Who may call it.
    pub caller: CallerKind,
    handler: fn() -> MethodRouter<App>,
}

/// Who may call an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerKind {
    /// Anybody; no token is looked at.
    Anyone,
    /// Anybody, but a token that is sent has to verify.
    Viewer,
    /// An agent whose token is meant for the issuer.
    Agent,
    /// An agent whose token is meant for the place of execution.
    ExecutingAgent,
    /// A known host.
    Host,
    /// A known host that has been approved.
    ActiveHost,
    /// A host that has been approved, and ends itself.
    EndingHost,
    /// Any host that proves its key.
    RegisteringHost,
}

/// All endpoints.
pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: "GET",
        path: "/.well-known/agent-configuration",
        caller: CallerKind::Anyone,
        handler: || get(discovery::discovery),
    },
    Endpoint {
        method: "GET",
        path: "/capability/list",
        caller: CallerKind::Viewer,
        handler: || get(capabilities::list),
    },
    Endpoint {
        method: "GET",
        path: "/capability/describe",
        caller: CallerKind::Viewer,
        handler: || get(capabilities::describe),
    },
    Endpoint {
        method: "POST",
        path: "/agent/register",
        caller: CallerKind::RegisteringHost,
        handler: || post(register::register),
    },
    Endpoint {
        method: "POST",
        path: "/agent/request-capability",
        caller: CallerKind::Agent,
        handler: || post(request_capability::request_capability),
    },
    Endpoint {
        method: "GET",
        path: "/agent/status",
        caller: CallerKind::Host,
        handler: || get(status::status),
    },
    Endpoint {
        method: "GET",
        path: "/agent/events/{token}",
        caller: CallerKind::Anyone,
        handler: || get(events::events),
    },
    Endpoint {
        method: "POST",
        path: "/agent/reactivate",
        caller: CallerKind::ActiveHost,
        handler: || post(lifecycle::reactivate),
    },
    Endpoint {
        method: "POST",
        path: "/agent/revoke",
        caller: CallerKind::Host,
        handler: || post(revoke::revoke),
    },
    Endpoint {
        method: "POST",
        path: "/agent/rotate-key",
        caller: CallerKind::ActiveHost,
        handler: || post(lifecycle::rotate_key),
    },
    Endpoint {
        method: "POST",
        path: "/host/rotate-key",
        caller: CallerKind::ActiveHost,
        handler: || post(lifecycle::rotate_host_key),
    },
    Endpoint {
        method: "POST",
        path: "/host/revoke",
        caller: CallerKind::EndingHost,
        handler: || post(lifecycle::revoke_host),
    },
    Endpoint {
        method: "POST",
        path: "/capability/execute",
        caller: CallerKind::ExecutingAgent,
        handler: || post(execute::execute),
    },
    Endpoint {
        method: "POST",
        path: "/capability/batch-execute",
        caller: CallerKind::ExecutingAgent,
        handler: || post(execute::batch_execute),
    },
    Endpoint {
        method: "GET",
        path: "/capability/status/{job}",
        caller: CallerKind::ExecutingAgent,
        handler: || get(execute::job),
    },
    Endpoint {
        method: "POST",
        path: "/agent/introspect",
        caller: CallerKind::Anyone,
        handler: || post(introspect::introspect),
    },
];

/// The router of all endpoints.
pub(crate) fn routes() -> Router<App> {
    ENDPOINTS.iter().fold(Router::new(), |router, endpoint| {
        router.route(
            endpoint.path,
            (endpoint.handler)().fallback(method_not_allowed),
        )
    })
}

/// What an issuer with a path serves at its origin too, where some clients look for it.
pub(crate) fn routes_at_origin() -> Router<App> {
    discovery_at(&[wire::discovery::PATH])
}

/// Where other clients look for it.
pub(crate) fn compat_routes(compat: Compat) -> Router<App> {
    discovery_at(compat.discovery_paths())
}

fn discovery_at(paths: &[&str]) -> Router<App> {
    paths.iter().fold(Router::new(), |router, path| {
        let discovery = get(discovery::discovery).fallback(method_not_allowed);
        router.route(path, discovery)
    })
}

async fn method_not_allowed() -> Rejection {
    Refusal::MethodNotAllowed.into()
}
