//! Why a fetch failed. Messages name the host and never a path, query, header or resolved address.

use std::error::Error;
use std::io;
use std::iter::successors;

use url::Url;

use crate::address::AddressVerdict;

/// Why a fetch failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The URL, or a redirect's target, is not https.
    #[error("{host} is not called over https, the only scheme accepted for it")]
    NotHttps {
        /// The host of the URL.
        host: String,
    },
    /// The URL carries a user name or a password.
    #[error("the URL of {host} carries a user name or password; remove it")]
    CredentialsInUrl {
        /// The host of the URL.
        host: String,
    },
    /// The host is, or resolves to, an address outside the policy's reach.
    #[error("{host} is at a {verdict} address, which may not be called from here")]
    ForbiddenAddress {
        /// The host of the URL.
        host: String,
        /// The kind of the address.
        verdict: AddressVerdict,
    },
    /// More redirects than the policy follows.
    #[error("{host} redirects once more after {limit} redirects")]
    TooManyRedirects {
        /// The host that sent the last redirect.
        host: String,
        /// How many redirects are followed.
        limit: u8,
    },
    /// The body is larger than the policy allows.
    #[error("the answer of {host} is larger than {limit} bytes")]
    TooLarge {
        /// The host that answered.
        host: String,
        /// The largest body that is read, in bytes.
        limit: usize,
    },
    /// Connecting, the whole exchange, or the silence of a stream took too long.
    #[error("{host} did not answer in time")]
    TimedOut {
        /// The host of the URL.
        host: String,
    },
    /// The name has no addresses, or the resolver did not answer.
    #[error("the name {host} cannot be resolved")]
    Dns {
        /// The name.
        host: String,
    },
    /// No connection.
    #[error("cannot connect to {host}: {reason}")]
    Connect {
        /// The host of the URL.
        host: String,
        /// The system's words.
        reason: String,
    },
    /// No secure connection: the certificate is not trusted, or the other side does not speak TLS.
    #[error("no secure connection to {host}: {reason}")]
    Tls {
        /// The host of the URL.
        host: String,
        /// The TLS library's words.
        reason: String,
    },
    /// The other side broke HTTP or hung up.
    #[error("{host} did not complete the HTTP exchange: {reason}")]
    Protocol {
        /// The host of the URL.
        host: String,
        /// What went wrong.
        reason: String,
    },
    /// The fetcher cannot be made, for example because the system has no certificate authorities.
    #[error("outbound HTTP cannot be set up: {reason}")]
    Setup {
        /// What is missing.
        reason: String,
    },
}

impl FetchError {
    /// Says what a failure of the HTTP library was, without its words about the URL.
    pub(crate) fn from_exchange(error: &reqwest::Error, url: &Url) -> Self {
        // The resolver's refusals travel inside the library's errors.
        if let Some(refusal) = causes(error).find_map(|cause| cause.downcast_ref::<Self>()) {
            return refusal.clone();
        }
        let host = host_of(url);
        if error.is_timeout() {
            return Self::TimedOut { host };
        }
        let reason = reason(error);
        match error.is_connect() {
            // While connecting, only the TLS handshake reads data that could be invalid.
            true if is_invalid_data(error) => Self::Tls { host, reason },
            true => Self::Connect { host, reason },
            false => Self::Protocol { host, reason },
        }
    }

    /// A fetcher that cannot be made.
    pub(crate) fn from_setup(error: &reqwest::Error) -> Self {
        Self::Setup {
            reason: reason(error),
        }
    }
}

/// The host of a URL and its port if it names one, for messages.
pub(crate) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or("a URL without host");
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The words of the innermost cause, which knows nothing of the URL.
fn reason(error: &reqwest::Error) -> String {
    causes(error)
        .last()
        .map_or_else(|| "unknown".to_owned(), ToString::to_string)
}

fn is_invalid_data(error: &reqwest::Error) -> bool {
    let mut faults = causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>());
    faults.any(|fault| fault.kind() == io::ErrorKind::InvalidData)
}

/// The causes below an error of the HTTP library, outermost first.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    successors(error.source(), |cause| cause_of(*cause))
}

fn cause_of<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>() {
        // The source of an I/O error skips the error it wraps.
        Some(io) => io.get_ref().map(|inner| inner as _),
        None => error.source(),
    }
}
