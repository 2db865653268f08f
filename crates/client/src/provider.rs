//! A provider as its discovery document describes it, checked before anything in it is used (§5.1).

use procura_agent_auth::wire::discovery::{Discovery, endpoint_url};
use procura_fetch::FetchPolicy;
use serde::{Deserialize, Serialize};
use url::Url;

/// A provider whose discovery document has been checked: a supported version, and endpoints that all lie
/// on the issuer's origin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Provider {
    discovery: Discovery,
}

impl Provider {
    /// Reads and checks a discovery document.
    pub fn parse(body: &[u8], policy: &FetchPolicy) -> Result<Self, ProviderDefect> {
        let value = procura_keys::json::parse_strict(body)
            .map_err(|error| ProviderDefect::NotADocument(error.to_string()))?;
        // The version comes first: a document of another version may look quite different.
        check_version(value.get("version").and_then(|version| version.as_str()))?;
        let discovery: Discovery = serde_json::from_value(value)
            .map_err(|error| ProviderDefect::NotADocument(error.to_string()))?;
        let provider = Self { discovery };
        provider.check(policy)?;
        Ok(provider)
    }

    /// Checks what the document points to.
    pub(crate) fn check(&self, policy: &FetchPolicy) -> Result<(), ProviderDefect> {
        check_version(Some(&self.discovery.version))?;
        let issuer = self.issuer_url()?;
        policy.admit(&issuer).map_err(|error| {
            let issuer = self.issuer().to_owned();
            ProviderDefect::BadIssuer {
                issuer,
                reason: error.to_string(),
            }
        })?;
        for endpoint in Endpoint::ALL {
            self.endpoint(endpoint)?;
        }
        self.execution_url(&self.default_location()?, policy)?;
        Ok(())
    }

    /// The name it gives itself. Untrusted text, and not unique: only the issuer identifies a provider.
    pub fn name(&self) -> &str {
        &self.discovery.provider_name
    }

    /// What identifies it: the base URL, exactly as it is written.
    pub fn issuer(&self) -> &str {
        &self.discovery.issuer
    }

    /// The whole document.
    pub fn discovery(&self) -> &Discovery {
        &self.discovery
    }

    /// Where capabilities without a location of their own are executed, exactly as it is written: it is
    /// the `aud` of their tokens, too.
    pub fn default_location(&self) -> Result<String, ProviderDefect> {
        match &self.discovery.default_location {
            Some(location) => Ok(location.clone()),
            None => Ok(self.concatenate(self.path(Endpoint::Execute))),
        }
    }

    /// Refuses a provider for which this client has no keys.
    pub(crate) fn require_ed25519(&self) -> Result<(), ProviderDefect> {
        let listed = &self.discovery.algorithms;
        if listed.iter().any(|algorithm| algorithm == "Ed25519") {
            Ok(())
        } else {
            Err(ProviderDefect::NoEd25519(listed.clone()))
        }
    }

    pub(crate) fn issuer_url(&self) -> Result<Url, ProviderDefect> {
        let bad = |reason: &str| ProviderDefect::BadIssuer {
            issuer: self.issuer().to_owned(),
            reason: reason.to_owned(),
        };
        let url = Url::parse(self.issuer()).map_err(|error| bad(&error.to_string()))?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(bad("an issuer has no query and no fragment"));
        }
        Ok(url)
    }

    /// Where an endpoint is: relative paths hang off the issuer, absolute URLs have to stay on its origin.
    pub(crate) fn endpoint(&self, endpoint: Endpoint) -> Result<Url, ProviderDefect> {
        let path = self.path(endpoint);
        let bad = || ProviderDefect::BadEndpoint {
            name: endpoint.name(),
            value: path.to_owned(),
        };
        endpoint_url(self.issuer(), path).ok_or_else(bad)
    }

    /// The URL of a location. Plain http is followed from plain http only, so that a provider elsewhere
    /// cannot send requests to this machine.
    pub(crate) fn execution_url(
        &self,
        location: &str,
        policy: &FetchPolicy,
    ) -> Result<Url, ProviderDefect> {
        let bad = |reason: String| ProviderDefect::BadLocation {
            location: location.to_owned(),
            reason,
        };
        let url = Url::parse(location).map_err(|error| bad(error.to_string()))?;
        policy.admit(&url).map_err(|error| bad(error.to_string()))?;
        if url.scheme() == "http" && self.issuer_url()?.scheme() != "http" {
            return Err(bad("it is not https, and the issuer is".to_owned()));
        }
        Ok(url)
    }

    fn path(&self, endpoint: Endpoint) -> &str {
        let stated = endpoint.stated(&self.discovery);
        stated.unwrap_or_else(|| endpoint.default_path())
    }

    /// A relative path after the issuer; an absolute URL as it is.
    fn concatenate(&self, path: &str) -> String {
        if path.starts_with('/') {
            format!("{}{path}", self.issuer().trim_end_matches('/'))
        } else if path.contains("://") {
            path.to_owned()
        } else {
            format!("{}/{path}", self.issuer().trim_end_matches('/'))
        }
    }
}

/// The endpoints this client calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Register,
    Capabilities,
    Describe,
    Execute,
    BatchExecute,
    RequestCapability,
    Status,
    Reactivate,
    Revoke,
    RevokeHost,
    RotateKey,
    RotateHostKey,
}

impl Endpoint {
    const ALL: [Self; 12] = [
        Self::Register,
        Self::Capabilities,
        Self::Describe,
        Self::Execute,
        Self::BatchExecute,
        Self::RequestCapability,
        Self::Status,
        Self::Reactivate,
        Self::Revoke,
        Self::RevokeHost,
        Self::RotateKey,
        Self::RotateHostKey,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Capabilities => "capabilities",
            Self::Describe => "describe_capability",
            Self::Execute => "execute",
            Self::BatchExecute => "batch_execute",
            Self::RequestCapability => "request_capability",
            Self::Status => "status",
            Self::Reactivate => "reactivate",
            Self::Revoke => "revoke",
            Self::RevokeHost => "revoke_host",
            Self::RotateKey => "rotate_key",
            Self::RotateHostKey => "rotate_host_key",
        }
    }

    fn stated(self, discovery: &Discovery) -> Option<&str> {
        let endpoints = &discovery.endpoints;
        match self {
            Self::Register => endpoints.register.as_deref(),
            Self::Capabilities => endpoints.capabilities.as_deref(),
            Self::Describe => endpoints.describe_capability.as_deref(),
            Self::Execute => endpoints.execute.as_deref(),
            Self::BatchExecute => endpoints.batch_execute.as_deref(),
            Self::RequestCapability => endpoints.request_capability.as_deref(),
            Self::Status => endpoints.status.as_deref(),
            Self::Reactivate => endpoints.reactivate.as_deref(),
            Self::Revoke => endpoints.revoke.as_deref(),
            Self::RevokeHost => endpoints.revoke_host.as_deref(),
            Self::RotateKey => endpoints.rotate_key.as_deref(),
            Self::RotateHostKey => endpoints.rotate_host_key.as_deref(),
        }
    }

    fn default_path(self) -> &'static str {
        match self {
            Self::Register => "/agent/register",
            Self::Capabilities => "/capability/list",
            Self::Describe => "/capability/describe",
            Self::Execute => "/capability/execute",
            Self::BatchExecute => "/capability/batch-execute",
            Self::RequestCapability => "/agent/request-capability",
            Self::Status => "/agent/status",
            Self::Reactivate => "/agent/reactivate",
            Self::Revoke => "/agent/revoke",
            Self::RevokeHost => "/host/revoke",
            Self::RotateKey => "/agent/rotate-key",
            Self::RotateHostKey => "/host/rotate-key",
        }
    }
}

/// Why a URL leads to no usable provider.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderDefect {
    /// Nothing is published there.
    #[error("it publishes no discovery document (HTTP {status})")]
    NoDocument {
        /// The status of the answer.
        status: u16,
    },
    /// What is published is something else.
    #[error("its discovery document cannot be read: {0}")]
    NotADocument(String),
    /// No version, or none of the form MAJOR.MINOR.
    #[error("its discovery document states no protocol version of the form 1.0-draft")]
    NoVersion,
    /// A version this client cannot speak.
    #[error("it speaks protocol version {0}, and this client speaks versions 1.x only")]
    UnsupportedVersion(String),
    /// The issuer is no base URL that may be called.
    #[error("its issuer {issuer:?} cannot be used: {reason}")]
    BadIssuer {
        /// The issuer.
        issuer: String,
        /// Why not.
        reason: String,
    },
    /// The document speaks for another issuer, which does not confirm it.
    #[error("its discovery document is for {found:?} and not for {expected:?}")]
    WrongIssuer {
        /// The issuer it should be for.
        expected: String,
        /// The issuer it is for.
        found: String,
    },
    /// An endpoint lies elsewhere.
    #[error("its endpoint {name} ({value:?}) is not on the issuer's origin")]
    BadEndpoint {
        /// The endpoint.
        name: &'static str,
        /// What the document says.
        value: String,
    },
    /// A location that may not be called.
    #[error("capabilities cannot be executed at {location:?}: {reason}")]
    BadLocation {
        /// The location.
        location: String,
        /// Why not.
        reason: String,
    },
    /// No key type in common.
    #[error("it does not accept Ed25519 keys (it lists {0:?}), and this client makes no others")]
    NoEd25519(Vec<String>),
}

/// `MAJOR.MINOR` with an optional `-draft` (§5.1.1).
fn check_version(version: Option<&str>) -> Result<(), ProviderDefect> {
    let version = version.ok_or(ProviderDefect::NoVersion)?;
    let numbers = version.strip_suffix("-draft").unwrap_or(version);
    let (major, minor) = numbers.split_once('.').ok_or(ProviderDefect::NoVersion)?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !is_number(major) || !is_number(minor) {
        return Err(ProviderDefect::NoVersion);
    }
    if major != "1" {
        return Err(ProviderDefect::UnsupportedVersion(version.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
