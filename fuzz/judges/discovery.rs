//! Discovery documents, as a client reads them.

use procura_client::Provider;
use procura_fetch::FetchPolicy;
use url::Url;

/// A document that is taken speaks for an origin that may be called, and executes nowhere else than it may.
pub(crate) fn judge(bytes: &[u8]) {
    let policy = FetchPolicy::client();
    let Ok(provider) = Provider::parse(bytes, &policy) else {
        return;
    };
    for url in [
        Some(provider.issuer().to_owned()),
        provider.default_location().ok(),
    ] {
        let url = url.and_then(|url| Url::parse(&url).ok());
        assert!(url.is_some_and(|url| policy.admit(&url).is_ok()));
    }
}
