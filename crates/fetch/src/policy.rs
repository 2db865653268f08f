//! What a [`Fetcher`](crate::Fetcher) may do: which addresses, how long, how much (Agent Auth
//! §8.12).

use std::time::Duration;

use url::Url;

use crate::address::AddressVerdict;
use crate::error::{FetchError, host_of};

/// The limits of one fetcher. Start from [`server`](Self::server) or [`client`](Self::client).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchPolicy {
    /// Which addresses https may go to.
    pub reach: Reach,
    /// Whether `http://` is accepted, for loopback hosts only. For development.
    pub allow_loopback_http: bool,
    /// Whether `http://` is accepted for every host in reach. For services that an operator names.
    pub allow_http: bool,
    /// How long resolving, connecting and the TLS handshake may take together.
    pub connect_timeout: Duration,
    /// How long a whole exchange may take, redirects and body included.
    pub total_timeout: Duration,
    /// How long a streamed body may stay silent, once its headers have arrived.
    pub stream_idle_timeout: Duration,
    /// How many redirects are followed. With 0 a redirect is an answer like any other.
    pub max_redirects: u8,
    /// The largest body that is read, in bytes. It bounds a streamed body as a whole, too.
    pub max_response_bytes: usize,
}

/// Which addresses may be called over https.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Public addresses only.
    Public,
    /// Public ones and those of internal services: loopback, private and shared networks.
    Internal,
}

impl FetchPolicy {
    /// For servers, whose URLs come from strangers who want to see the inside of the network.
    pub const fn server() -> Self {
        Self {
            reach: Reach::Public,
            allow_loopback_http: false,
            allow_http: false,
            connect_timeout: CONNECT_TIMEOUT,
            total_timeout: TOTAL_TIMEOUT,
            stream_idle_timeout: STREAM_IDLE_TIMEOUT,
            max_redirects: MAX_REDIRECTS,
            max_response_bytes: MAX_RESPONSE_BYTES,
        }
    }

    /// For clients, whose users run internal services as well.
    ///
    /// Internal addresses are safe enough there: over https, a host has to prove with a certificate
    /// that it is the one named by the URL before it sees a byte of the request.
    pub const fn client() -> Self {
        Self {
            reach: Reach::Internal,
            ..Self::server()
        }
    }

    /// Whether an address of this kind may be called over https.
    pub const fn permits(&self, verdict: AddressVerdict) -> bool {
        match verdict {
            AddressVerdict::Public => true,
            AddressVerdict::Loopback | AddressVerdict::Private | AddressVerdict::Shared => {
                matches!(self.reach, Reach::Internal)
            }
            AddressVerdict::LinkLocal
            | AddressVerdict::Unspecified
            | AddressVerdict::Documentation
            | AddressVerdict::Benchmark
            | AddressVerdict::Multicast
            | AddressVerdict::Reserved => false,
        }
    }

    /// Judges a URL as far as it can be without resolving: scheme, credentials, and the host unless
    /// it is a name. Useful by itself for URLs that are stored now and fetched later.
    pub fn admit(&self, url: &Url) -> Result<(), FetchError> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err(FetchError::CredentialsInUrl { host: host_of(url) });
        }
        match (url.scheme(), AddressVerdict::of_host(url)) {
            ("https", None) => Ok(()),
            ("https", Some(verdict)) if self.permits(verdict) => Ok(()),
            ("https", Some(verdict)) => Err(FetchError::ForbiddenAddress {
                host: host_of(url),
                verdict,
            }),
            ("http", Some(AddressVerdict::Loopback)) if self.allow_loopback_http => Ok(()),
            ("http", None) if self.allow_http => Ok(()),
            ("http", Some(verdict)) if self.allow_http && self.permits(verdict) => Ok(()),
            _ => Err(FetchError::NotHttps { host: host_of(url) }),
        }
    }
}

/// The time for resolving, connecting and the TLS handshake.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The time for a whole exchange: five seconds to connect and five to answer.
pub const TOTAL_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest silence of a stream; servers send a comment line more often than that.
pub const STREAM_IDLE_TIMEOUT: Duration = Duration::from_mins(1);
/// Redirects followed before giving up.
pub const MAX_REDIRECTS: u8 = 3;
/// The largest body: 1 MiB.
pub const MAX_RESPONSE_BYTES: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn admit(policy: &FetchPolicy, text: &str) -> Result<(), FetchError> {
        policy.admit(&Url::parse(text).unwrap())
    }

    /// AA-8.12-03, AA-8.12-06
    #[test]
    fn plain_http_and_other_schemes_are_refused() {
        let urls = [
            "http://bank.example/",
            "http://8.8.8.8/",
            "http://127.0.0.1/",
            "http://localhost/",
            "ftp://bank.example/",
            "file:///etc/passwd",
            "data:text/plain,x",
        ];
        for text in urls {
            for policy in [FetchPolicy::server(), FetchPolicy::client()] {
                assert!(
                    matches!(admit(&policy, text), Err(FetchError::NotHttps { .. })),
                    "{text}"
                );
            }
        }
        assert_eq!(
            admit(&FetchPolicy::server(), "https://bank.example/"),
            Ok(())
        );
    }

    #[test]
    fn plain_http_is_accepted_for_loopback_hosts_where_switched_on() {
        let policy = FetchPolicy {
            allow_loopback_http: true,
            ..FetchPolicy::server()
        };
        for text in [
            "http://127.0.0.1:9/",
            "http://[::1]/",
            "http://localhost/",
            "http://a.localhost",
        ] {
            assert_eq!(admit(&policy, text), Ok(()), "{text}");
        }
        for text in [
            "http://10.0.0.1/",
            "http://bank.example/",
            "http://[2002:7f00:1::]/",
        ] {
            assert!(
                matches!(admit(&policy, text), Err(FetchError::NotHttps { .. })),
                "{text}"
            );
        }
        // The switch is about plain http: what https may reach stays as it was.
        assert!(matches!(
            admit(&policy, "https://127.0.0.1/"),
            Err(FetchError::ForbiddenAddress {
                verdict: AddressVerdict::Loopback,
                ..
            })
        ));
    }

    #[test]
    fn plain_http_to_services_an_operator_names_stays_within_reach() {
        let policy = FetchPolicy {
            allow_http: true,
            ..FetchPolicy::client()
        };
        for text in [
            "http://orders:3000/",
            "http://10.0.0.1/",
            "http://127.0.0.1/",
        ] {
            assert_eq!(admit(&policy, text), Ok(()), "{text}");
        }
        for text in ["http://169.254.169.254/", "ftp://orders/"] {
            assert!(admit(&policy, text).is_err(), "{text}");
        }
    }

    #[test]
    fn internal_services_are_in_reach_of_clients_and_never_of_servers() {
        for text in [
            "https://10.0.0.1/",
            "https://[fd00::1]/",
            "https://100.64.0.1/",
        ] {
            assert_eq!(admit(&FetchPolicy::client(), text), Ok(()), "{text}");
            assert!(admit(&FetchPolicy::server(), text).is_err(), "{text}");
        }
    }

    #[test]
    fn nobody_reaches_metadata_services_groups_or_unassigned_ranges() {
        for text in [
            "https://169.254.169.254/",
            "https://[fe80::1]/",
            "https://224.0.0.1/",
        ] {
            for policy in [FetchPolicy::server(), FetchPolicy::client()] {
                assert!(admit(&policy, text).is_err(), "{text}");
            }
        }
    }

    #[test]
    fn a_url_with_credentials_is_refused_without_repeating_them() {
        let error = admit(&FetchPolicy::client(), "https://amy:hunter2@bank.example/").unwrap_err();
        assert_eq!(
            error,
            FetchError::CredentialsInUrl {
                host: "bank.example".to_owned()
            }
        );
        assert!(!error.to_string().contains("hunter2"));
    }
}
