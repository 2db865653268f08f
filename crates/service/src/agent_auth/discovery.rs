//! `GET /.well-known/agent-configuration` (§5.1).

use procura_agent_auth::token::dpop;
use procura_agent_auth::token::possession::Demand;
use procura_agent_auth::wire::discovery::{Discovery, Endpoints, VERSION};

use crate::context::{Context, EXECUTE_PATH};

/// The document. It names only endpoints that are served.
pub fn discovery(ctx: &Context) -> Discovery {
    let provider = ctx.provider();
    let path = |path: &str| Some(path.to_owned());
    let core = ctx.policy().approval_methods.iter();
    let core = core.map(|method| method.as_str().to_owned());
    let custom = ctx.policy().custom_methods.iter();
    let custom = custom.map(|method| method.name.clone());
    Discovery {
        version: VERSION.to_owned(),
        provider_name: provider.name.clone(),
        description: provider.description.clone(),
        issuer: provider.issuer.clone(),
        default_location: Some(provider.default_location()),
        algorithms: vec!["Ed25519".to_owned()],
        modes: ctx.policy().modes().to_vec(),
        approval_methods: core.chain(custom).collect(),
        endpoints: Endpoints {
            register: path("/agent/register"),
            capabilities: path("/capability/list"),
            describe_capability: path("/capability/describe"),
            execute: path(EXECUTE_PATH),
            batch_execute: path("/capability/batch-execute"),
            request_capability: path("/agent/request-capability"),
            status: path("/agent/status"),
            reactivate: path("/agent/reactivate"),
            revoke: path("/agent/revoke"),
            revoke_host: path("/host/revoke"),
            rotate_key: path("/agent/rotate-key"),
            rotate_host_key: path("/host/rotate-key"),
            introspect: path("/agent/introspect"),
        },
        dpop_signing_alg_values_supported: Some(dpop::ALGORITHMS.map(str::to_owned).to_vec()),
        dpop_bound_access_tokens_required: Some(ctx.policy().possession.demand == Demand::Dpop),
        tls_client_certificate_bound_access_tokens: Some(ctx.policy().possession.certificates),
    }
}
