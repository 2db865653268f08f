//! What every handler gets, and who is at the other end of the connection.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use http::request::Parts;
use procura_keys::thumbprint::Thumbprint;
use procura_service::Context;
use procura_service::people::openid::OpenIdProviders;

use crate::metrics::Metrics;
use crate::notify::mail::Mail;
use crate::notify::push::Push;
use crate::people::People;
use crate::proxy::Proxies;

/// What every handler gets.
#[derive(Clone)]
pub struct App {
    /// The use cases.
    pub ctx: Context,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Which proxies are believed what.
    pub proxies: Arc<Proxies>,
    /// The way to send e-mail, if there is one.
    pub mail: Option<Arc<Mail>>,
    /// The way to send to people's devices, if there is one.
    pub push: Option<Arc<Push>>,
    /// The people of the application that embeds the server. Without them, it has accounts of its own.
    pub people: Option<Arc<dyn People>>,
    /// The providers by which people may sign in.
    pub openid: OpenIdProviders,
}

impl App {
    /// An application on these use cases that has counted nothing yet.
    pub fn new(ctx: Context) -> Self {
        Self {
            ctx,
            metrics: Arc::default(),
            proxies: Arc::default(),
            mail: None,
            push: None,
            people: None,
            openid: OpenIdProviders::default(),
        }
    }

    /// The same with a way to send e-mail.
    #[must_use]
    pub fn with_mail(self, mail: Option<Box<Mail>>) -> Self {
        let mail = mail.map(Arc::from);
        Self { mail, ..self }
    }

    /// The same with a way to send to people's devices.
    #[must_use]
    pub fn with_push(self, push: Option<Arc<Push>>) -> Self {
        Self { push, ..self }
    }

    /// The same with an application's people in the place of accounts.
    #[must_use]
    pub fn with_people(self, people: Arc<dyn People>) -> Self {
        let people = Some(people);
        Self { people, ..self }
    }

    /// The same with these providers to sign in by.
    #[must_use]
    pub fn with_openid(self, openid: OpenIdProviders) -> Self {
        Self { openid, ..self }
    }

    /// The same behind these proxies.
    #[must_use]
    pub fn behind(self, proxies: Proxies) -> Self {
        let proxies = Arc::new(proxies);
        Self { proxies, ..self }
    }

    /// The path under which everything is served; empty when the issuer is an origin.
    pub fn base_path(&self) -> &str {
        let issuer = &self.ctx.provider().issuer;
        let authority = issuer.find("://").map_or(0, |at| at + 3);
        issuer[authority..]
            .find('/')
            .map_or("", |at| &issuer[authority + at..])
    }

    /// Whether people reach the pages over https, so that cookies may insist on it.
    pub fn is_https(&self) -> bool {
        self.ctx.provider().issuer.starts_with("https://")
    }
}

/// The address a request comes from: that of the connection, or of the client before the proxies that are
/// trusted. For limits, never for decisions.
#[derive(Clone, Debug)]
pub(crate) struct ClientAddress(pub(crate) String);

impl ClientAddress {
    pub(crate) fn of(parts: &Parts, app: &App) -> Self {
        Self(peer(parts).map_or_else(
            || "unknown".to_owned(),
            |peer| network(app.proxies.client(peer, &parts.headers)),
        ))
    }
}

impl FromRequestParts<App> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(Self::of(parts, app))
    }
}

/// The thumbprint of the certificate that a connection was opened with, left on its requests.
#[derive(Clone, Debug)]
pub(crate) struct PeerCertificate(pub(crate) Thumbprint);

/// The thumbprint of the certificate that the client's connection was opened with, if it had one. That of a
/// proxy is not the client's.
pub(crate) fn client_certificate(parts: &Parts, app: &App) -> Option<Thumbprint> {
    let peer = peer(parts)?;
    if app.proxies.trust(peer) {
        return app.proxies.certificate(peer, &parts.headers);
    }
    let shown = parts.extensions.get::<PeerCertificate>();
    shown.map(|PeerCertificate(thumbprint)| thumbprint.clone())
}

fn peer(parts: &Parts) -> Option<IpAddr> {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    peer.map(|ConnectInfo(peer)| peer.ip())
}

/// Whoever has one IPv6 address has 2^64 of them, so a limit counts the network.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_ipv6_network_counts_once() {
        let name = |text: &str| network(text.parse().unwrap());
        assert_eq!(name("192.0.2.7"), "192.0.2.7");
        assert_eq!(name("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(name("2001:db8:1:2::1"), name("2001:db8:1:2:ffff::9"));
        assert_ne!(name("2001:db8:1:2::1"), name("2001:db8:1:3::1"));
    }
}
