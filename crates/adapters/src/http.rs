//! Backends that call a service over HTTP.
//!
//! A call is planned (which path, query, headers and body its arguments make), sent to the one [`Upstream`] of
//! the capability, and its answer becomes a result, a job or a stream. Whatever the arguments are, a plan stays
//! on its upstream, within its path template, and away from credentials; see [`outgoing`].

pub mod actor;
pub(crate) mod answer;
pub mod body;
mod breaker;
pub mod credential;
pub mod declared;
pub(crate) mod encode;
mod job;
mod oauth;
pub mod outgoing;
mod sse;
pub mod upstream;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

pub use self::actor::ActorKeys;
pub use self::breaker::BreakerPolicy;
pub use self::credential::{Credential, PersonCredential, PersonPlace, Secret};
pub use self::oauth::{ClientCredentials, SecretPlace};
use self::outgoing::Outgoing;
pub use self::upstream::{Upstream, UpstreamSettings};
use crate::{Backend, BackendError, Call, Reply};

/// Turns arguments into a request.
pub trait Plan: Send + Sync {
    /// The request that carries out a call, or what is wrong with its arguments.
    fn plan(&self, call: Call<'_>) -> Result<Outgoing, BackendError>;
}

/// A capability that an HTTP service carries out.
pub struct HttpBackend {
    /// The service.
    pub upstream: Arc<Upstream>,
    /// What is sent to it.
    pub plan: Box<dyn Plan>,
    /// How long a call may take, if not as long as the upstream says.
    pub timeout: Option<Duration>,
}

#[async_trait]
impl Backend for HttpBackend {
    async fn call(&self, call: Call<'_>) -> Result<Reply, BackendError> {
        let outgoing = self.plan.plan(call)?;
        let timeout = self.timeout.unwrap_or(self.upstream.timeout());
        let work = async {
            let acting = self.upstream.acting(call).await?;
            let response = self.upstream.send(&outgoing, &acting).await?;
            if let Some(service) = self.upstream.turned_down(&response) {
                return Err(call.vault.not_accepted(service));
            }
            answer::reply(&self.upstream, acting, response).await
        };
        let late = || BackendError::Failed(format!("{} did not answer in time", self.upstream));
        tokio::time::timeout(timeout, work)
            .await
            .unwrap_or_else(|_| Err(late()))
    }
}

#[cfg(test)]
mod tests;
