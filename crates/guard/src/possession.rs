//! Proof that whoever sends a token holds the key or certificate it is bound to (§4.4, RFC 9449, RFC 8705).

use std::sync::Arc;

use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderName};
use http::request::Parts;
use procura_agent_auth::refusal::Refusal;
use procura_agent_auth::token::possession::{
    Confirmation, Possession, Presentation, ProofHeader, Scheme, Terms,
};
use procura_agent_auth::token::{TokenDefect, Window};
use procura_keys::clock::Clock;
use procura_keys::thumbprint::Thumbprint;
use url::Url;

/// The certificate that a client opened its TLS connection with: for whoever accepts connections to put into the extensions
/// of each request, having verified that the client holds its key. Any certificate will do, self-signed ones too (RFC 8705
/// §2.2).
///
/// Nothing a client sends must end up here unchecked. A service behind a proxy may take it from a header only if the proxy
/// overwrites that in every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate(Thumbprint);

impl ClientCertificate {
    /// The certificate with this DER.
    pub fn from_der(der: &[u8]) -> Self {
        Self(Thumbprint::of_certificate(der))
    }

    fn thumbprint(&self) -> Thumbprint {
        self.0.clone()
    }
}

/// By what proofs are judged.
#[derive(Clone)]
pub(crate) struct Proofs {
    /// Scheme, name and port under which clients reach the service.
    origin: String,
    clock: Arc<dyn Clock>,
}

impl Proofs {
    pub(crate) fn new(location: &Url, clock: Arc<dyn Clock>) -> Self {
        Self {
            origin: location.origin().ascii_serialization(),
            clock,
        }
    }

    /// Holds a token to what it is bound to. Nothing has to remember the proof: it is good for its token alone, and
    /// that for one call.
    pub(crate) fn hold(
        &self,
        bound: &Confirmation,
        sent: &Sent,
        parts: &Parts,
    ) -> Result<(), Refusal> {
        let presentation = Presentation {
            token: &sent.token,
            scheme: sent.scheme,
            proof: proof(&parts.headers),
            certificate: parts.extensions.get().map(ClientCertificate::thumbprint),
            method: parts.method.as_str(),
            path: path(parts),
        };
        let terms = Terms {
            issuer: &self.origin,
            nonces: None,
            window: Window::default(),
            now: self.clock.now(),
        };
        Possession::prove(bound, &presentation, &terms).map(|_| ())
    }
}

/// The token of a request, and how it was sent.
pub(crate) struct Sent {
    pub(crate) token: String,
    pub(crate) scheme: Scheme,
}

impl Sent {
    /// The one token of a request.
    pub(crate) fn read(headers: &HeaderMap) -> Result<Self, TokenDefect> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let value = values.next().ok_or(TokenDefect::Missing)?;
        let text = value.to_str().map_err(|_| TokenDefect::NotBearer)?;
        let (scheme, token) = text.split_once(' ').ok_or(TokenDefect::NotBearer)?;
        let scheme = match scheme {
            bearer if bearer.eq_ignore_ascii_case("bearer") => Scheme::Bearer,
            dpop if dpop.eq_ignore_ascii_case("dpop") => Scheme::Dpop,
            _ => return Err(TokenDefect::NotBearer),
        };
        if values.next().is_some() {
            return Err(TokenDefect::NotBearer);
        }
        let token = token.trim_start().to_owned();
        Ok(Self { token, scheme })
    }
}

fn proof(headers: &HeaderMap) -> ProofHeader<'_> {
    let mut values = headers.get_all(DPOP).iter();
    match (values.next(), values.next()) {
        (None, _) => ProofHeader::Absent,
        (Some(one), None) => one
            .to_str()
            .map_or(ProofHeader::Unreadable, ProofHeader::One),
        _ => ProofHeader::Unreadable,
    }
}

/// The path that the client asked for, which a router may have cut down to its own part of it.
fn path(parts: &Parts) -> &str {
    #[cfg(feature = "axum")]
    if let Some(original) = parts.extensions.get::<axum::extract::OriginalUri>() {
        return original.0.path();
    }
    parts.uri.path()
}

const DPOP: HeaderName = HeaderName::from_static("dpop");
