//! Resolves names, judges the answer, and hands on exactly the addresses it judged: the connection
//! goes to one of them and there is no second look-up in between (Agent Auth §8.12, DNS rebinding).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::address::{AddressVerdict, is_localhost};
use crate::error::FetchError;
use crate::policy::FetchPolicy;

/// Turns a name into addresses, without judging them.
pub trait Lookup: Send + Sync {
    /// All addresses of `name`.
    fn lookup<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;
}

/// Asks the operating system.
#[derive(Clone, Copy, Debug)]
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// The resolver the HTTP library asks, for names only: it connects to IP literals by itself.
pub(crate) struct GuardedResolver {
    pub(crate) policy: FetchPolicy,
    pub(crate) lookup: Arc<dyn Lookup>,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (policy, lookup) = (self.policy.clone(), Arc::clone(&self.lookup));
        Box::pin(async move {
            let addresses = judged(&policy, lookup.as_ref(), name.as_str()).await?;
            // Port 0 stands for the port of the URL.
            let pinned = addresses.into_iter().map(|ip| SocketAddr::new(ip, 0));
            Ok(Box::new(pinned) as Addrs)
        })
    }
}

/// The addresses of `name`. One forbidden address spoils the whole answer: an honest name has none.
async fn judged(
    policy: &FetchPolicy,
    lookup: &dyn Lookup,
    name: &str,
) -> Result<Vec<IpAddr>, FetchError> {
    let host = name.to_owned();
    // The URL was admitted as loopback because of its name, so it has to be loopback.
    if is_localhost(name) {
        return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
    }
    let addresses = lookup.lookup(name).await.unwrap_or_default();
    if addresses.is_empty() {
        return Err(FetchError::Dns { host });
    }
    let mut verdicts = addresses
        .iter()
        .map(|address| AddressVerdict::of_ip(*address));
    match verdicts.find(|verdict| !policy.permits(*verdict)) {
        Some(verdict) => Err(FetchError::ForbiddenAddress { host, verdict }),
        None => Ok(addresses),
    }
}
