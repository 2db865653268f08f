//! What proxies in front of the server say about a request, and which of them are believed.
//!
//! Only the peer of the connection is certain. What a header says counts if the peer is a proxy that the
//! configuration names, and no further back than the nearest hop that is none. Nothing here has a say in who
//! the server is: audiences and URLs come from the configured issuer, whatever `Host` or `X-Forwarded-Host` say.

mod certificate;
mod forwarded;
mod network;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use http::HeaderMap;
use procura_keys::thumbprint::Thumbprint;

pub use self::certificate::{CertificateFormat, CertificateHeader};
pub use self::forwarded::AddressHeader;
pub use self::network::{Network, NotANetwork};

/// The proxies that are believed, and what they tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    /// Where they are. Without any, no header is looked at.
    pub trusted: Vec<Network>,
    /// Where they write the addresses of those before them.
    pub client_address: Option<AddressHeader>,
    /// Where they write the client certificate of the connection to them.
    pub client_certificate: Option<CertificateHeader>,
}

impl Proxies {
    /// The address of the client: the nearest hop, seen from here, that is no trusted proxy.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let Some(header) = self.client_address.filter(|_| self.trust(client)) else {
            return client;
        };
        // Each hop was written by the one after it, so it counts while that one is trusted. One that cannot be
        // read ends the chain at whoever wrote it.
        for hop in header.hops(headers).into_iter().rev() {
            match hop {
                Some(before) if self.trust(client) => client = before,
                _ => break,
            }
        }
        client
    }

    /// The client certificate of the connection to the proxy, if the peer is one.
    pub(crate) fn certificate(&self, peer: IpAddr, headers: &HeaderMap) -> Option<Thumbprint> {
        let header = self.client_certificate.as_ref()?;
        if self.trust(peer) {
            header.read(headers)
        } else {
            None
        }
    }

    /// Whether they are at this address.
    pub(crate) fn trust(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(address))
    }
}
