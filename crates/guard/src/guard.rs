//! One service's guard: its location and its authority, shared by the layers of all its routes.

use std::sync::Arc;

use http::HeaderValue;
use procura_keys::clock::Clock;
use url::Url;

use crate::authority::Authority;
use crate::challenge::challenge;
use crate::layer::GuardLayer;
use crate::possession::Proofs;
use crate::protects::Protects;

/// What all guarded routes of a service share. Cheap to clone.
#[derive(Clone)]
pub struct Guard {
    shared: Arc<Shared>,
}

#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) location: String,
    url: Url,
    pub(crate) challenge: HeaderValue,
    pub(crate) authority: Arc<dyn Authority>,
    pub(crate) proofs: Option<Proofs>,
}

impl Guard {
    /// A guard for the service at `location`: exactly the URL that the authority lists for its capabilities,
    /// since it is compared with the `aud` of tokens letter by letter (§8.18).
    pub fn new(location: impl Into<String>, authority: impl Authority) -> Result<Self, GuardError> {
        let location = location.into();
        let url = Url::parse(&location).map_err(|_| GuardError::BadLocation(location.clone()))?;
        if url.fragment().is_some() || !matches!(url.scheme(), "https" | "http") {
            return Err(GuardError::BadLocation(location));
        }
        let challenge = challenge(authority.issuer())
            .ok_or_else(|| GuardError::BadIssuer(authority.issuer().to_owned()))?;
        Ok(Self {
            shared: Arc::new(Shared {
                location,
                url,
                challenge,
                authority: Arc::new(authority),
                proofs: None,
            }),
        })
    }

    /// Also takes tokens bound to a DPoP key, once their sender has shown that they hold it (§4.4), and those bound to a
    /// TLS client certificate, where the request says in a [`ClientCertificate`](crate::ClientCertificate) which one the
    /// connection was opened with. Without this, bound tokens are refused, since nobody would look.
    ///
    /// A proof names the URL of its request: the origin of the location, and the path as the client asked for it. A
    /// proxy that changes paths makes proofs wrong.
    #[must_use]
    pub fn checking_proofs(self, clock: Arc<dyn Clock>) -> Self {
        let proofs = Proofs::new(&self.shared.url, clock);
        let shared = Shared {
            proofs: Some(proofs),
            ..Shared::clone(&self.shared)
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The layer for routes that do what `protects` says.
    pub fn layer(&self, protects: Protects) -> GuardLayer {
        GuardLayer::new(Arc::clone(&self.shared), protects)
    }
}

/// Why a guard cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GuardError {
    /// Not a place tokens can be meant for.
    #[error("the location {0:?} has to be an absolute URL without a fragment")]
    BadLocation(String),
    /// Not a name that can stand in a challenge.
    #[error("the issuer {0:?} has to be an absolute URL")]
    BadIssuer(String),
}
