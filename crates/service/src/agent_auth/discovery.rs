//! `GET /.well-known/agent-configuration` (§5.1).

use procura_agent_auth::algorithm::Algorithm;
use procura_agent_auth::token::dpop;
use procura_agent_auth::token::possession::Demand;
use procura_agent_auth::wire::discovery::{Discovery, Endpoints, VERSION};
use procura_store::Page;

use crate::context::{Context, EXECUTE_PATH};
use crate::error::ServiceResult;

/// The document. It names only endpoints that are served.
pub fn discovery(ctx: &Context) -> Discovery {
    let provider = ctx.provider();
    let path = |path: &str| Some(path.to_owned());
    let algorithms = ctx.policy().algorithms.iter().copied();
    let algorithms = algorithms.map(Algorithm::as_str);
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
        algorithms: algorithms.map(str::to_owned).collect(),
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

/// Key types of registered hosts that may not be registered any more (§8.16). Every key is of the one type there
/// is, so one host that has not ended is enough to know.
pub async fn removed_algorithms_in_use(ctx: &Context) -> ServiceResult<Vec<Algorithm>> {
    let removed = |one: &Algorithm| !ctx.policy().algorithms.contains(one);
    let removed: Vec<_> = Algorithm::ALL.into_iter().filter(removed).collect();
    if removed.is_empty() {
        return Ok(removed);
    }
    let mut tx = ctx.read().await?;
    let mut after = None;
    loop {
        let hosts = tx.list_hosts(Page { after, limit: PAGE }).await?;
        if hosts
            .iter()
            .any(|host| host.status.require_not_ended().is_ok())
        {
            return Ok(removed);
        }
        match hosts.last() {
            Some(last) => after = Some(last.id.clone()),
            None => return Ok(Vec::new()),
        }
    }
}

const PAGE: u32 = 1000;
