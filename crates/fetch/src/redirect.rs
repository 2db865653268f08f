//! Where a redirect leads, and what may be sent there.

use http::header::{ACCEPT, ACCEPT_LANGUAGE, HeaderName, LOCATION, USER_AGENT};
use http::{HeaderMap, Method, StatusCode};

use crate::error::{FetchError, host_of};
use crate::fetcher::Request;

/// The request that follows a redirect; nothing when the answer is not one to follow.
///
/// Only GET and HEAD are followed: anything else was signed for, and meant for, one place. The new
/// URL is not judged here.
pub(crate) fn next_hop(
    request: &Request,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<Option<Request>, FetchError> {
    let followed = matches!(request.method, Method::GET | Method::HEAD);
    let Some(location) = headers
        .get(LOCATION)
        .filter(|_| followed && is_redirect(status))
    else {
        return Ok(None);
    };
    let target = location
        .to_str()
        .ok()
        .and_then(|text| request.url.join(text).ok());
    let url = target.ok_or_else(|| FetchError::Protocol {
        host: host_of(&request.url),
        reason: "the redirect's location is not a URL".to_owned(),
    })?;
    // A page outside must not lead to the plain services of this machine, even where those are
    // allowed.
    if request.url.scheme() == "https" && url.scheme() == "http" {
        return Err(FetchError::NotHttps {
            host: host_of(&url),
        });
    }
    let mut headers = request.headers.clone();
    if url.origin() != request.url.origin() {
        headers = sent_anywhere(&headers);
    }
    Ok(Some(Request {
        method: request.method.clone(),
        url,
        headers,
        body: None,
    }))
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// The headers another origin may see. Credentials hide under many names, so this is a list of
/// those that are harmless: `Authorization`, cookies and API keys are not on it.
fn sent_anywhere(headers: &HeaderMap) -> HeaderMap {
    let harmless = headers.iter().filter(|(name, _)| HARMLESS.contains(name));
    harmless
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

const HARMLESS: [HeaderName; 3] = [ACCEPT, ACCEPT_LANGUAGE, USER_AGENT];

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::AUTHORIZATION;
    use url::Url;

    use super::*;
    use crate::policy::FetchPolicy;

    fn hop(method: Method, status: u16, location: &str) -> Result<Option<Request>, FetchError> {
        let url = Url::parse("https://bank.example/a/b?c=d").unwrap();
        let mut request = Request {
            method,
            ..Request::get(url)
        };
        request
            .headers
            .insert(AUTHORIZATION, HeaderValue::from_static("Bearer secret"));
        request
            .headers
            .insert("x-api-key", HeaderValue::from_static("secret"));
        request
            .headers
            .insert(ACCEPT, HeaderValue::from_static("application/json"));
        let headers = HeaderMap::from_iter([(LOCATION, location.parse().unwrap())]);
        next_hop(&request, StatusCode::from_u16(status).unwrap(), &headers)
    }

    #[test]
    fn a_relative_location_is_read_against_the_url_and_keeps_the_headers() {
        let next = hop(Method::GET, 302, "../x").unwrap().unwrap();
        assert_eq!(next.url.as_str(), "https://bank.example/x");
        assert_eq!(next.headers.len(), 3);
    }

    #[test]
    fn another_origin_sees_no_header_that_could_be_a_credential() {
        for location in [
            "https://other.example/",
            "https://bank.example:8443/",
            "//x.bank.example",
        ] {
            let next = hop(Method::HEAD, 308, location).unwrap().unwrap();
            assert_eq!(
                next.headers.keys().collect::<Vec<_>>(),
                [&ACCEPT],
                "{location}"
            );
            assert_eq!(next.method, Method::HEAD);
        }
    }

    #[test]
    fn methods_that_act_are_never_redirected() {
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            assert!(hop(method, 307, "/x").unwrap().is_none());
        }
    }

    #[test]
    fn other_statuses_are_not_redirects_whatever_their_headers() {
        for status in [200, 201, 300, 304, 305, 401] {
            assert!(
                hop(Method::GET, status, "/x").unwrap().is_none(),
                "{status}"
            );
        }
    }

    /// AA-8.12-03
    #[test]
    fn a_redirect_from_https_to_http_is_refused() {
        let refusal = hop(Method::GET, 302, "http://127.0.0.1:8080/").err();
        assert_eq!(
            refusal,
            Some(FetchError::NotHttps {
                host: "127.0.0.1:8080".to_owned()
            })
        );
    }

    #[test]
    fn a_location_that_is_not_a_url_is_an_error() {
        let refusal = hop(Method::GET, 302, "https://[oops/").err();
        assert!(matches!(refusal, Some(FetchError::Protocol { .. })));
    }

    #[derive(serde::Deserialize)]
    struct File {
        redirects: Vec<Redirect>,
    }

    #[derive(serde::Deserialize)]
    struct Redirect {
        name: String,
        location: String,
        verdict: String,
    }

    // AA-8.12-04
    #[test]
    fn hostile_redirects_lead_nowhere() {
        let file = include_str!("../../../vectors/agent-auth/hostile/urls.json");
        let file: File = serde_json::from_str(file).unwrap();
        assert!(!file.redirects.is_empty());
        for case in file.redirects {
            let next = hop(Method::GET, 302, &case.location);
            let admitted = next.and_then(|next| FetchPolicy::server().admit(&next.unwrap().url));
            let verdict = match admitted {
                Ok(()) => "accepted",
                Err(FetchError::NotHttps { .. }) => "not_https",
                Err(FetchError::CredentialsInUrl { .. }) => "credentials",
                Err(FetchError::ForbiddenAddress { .. }) => "forbidden_address",
                Err(_) => "not_a_url",
            };
            assert_eq!(verdict, case.verdict, "{}", case.name);
        }
    }
}
