//! The URLs of `vectors/agent-auth/hostile` that only fetching can refuse, and the names that resolve to what may
//! not be called: refused before any connection. The redirects are judged in `src/redirect.rs`.

#[path = "../../../vectors/agent-auth/hostile/reader.rs"]
mod reader;

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use procura_fetch::{FetchError, FetchPolicy, Fetcher, Lookup, Request};
use reader::{Corpus, Pieces};
use serde::Deserialize;
use url::Url;

#[derive(Deserialize)]
struct Location {
    name: String,
    url: Pieces,
    address: Option<String>,
    verdict: String,
}

/// The verdict and, where it is about an address, the address's kind.
fn judge(outcome: &Result<(), FetchError>) -> (&'static str, Option<String>) {
    match outcome {
        Ok(()) => ("accepted", None),
        Err(FetchError::NotHttps { .. }) => ("not_https", None),
        Err(FetchError::CredentialsInUrl { .. }) => ("credentials", None),
        Err(FetchError::ForbiddenAddress { verdict, .. }) => {
            ("forbidden_address", Some(verdict.to_string()))
        }
        Err(_) => ("failed", None),
    }
}

// AA-8.12-01, AA-8.12-03
#[test]
fn hostile_urls_are_refused_without_resolving_anything() {
    let file = include_str!("../../../vectors/agent-auth/hostile/urls.json");
    let mut wrong = Vec::new();
    for case in Corpus::<Location>::read(file).unwrap().into_all() {
        if case.verdict == "not_a_url" {
            continue;
        }
        let url = Url::parse(&String::from_utf8(case.url.bytes()).unwrap()).unwrap();
        let judged = judge(&FetchPolicy::server().admit(&url));
        if judged != (case.verdict.as_str(), case.address.clone()) {
            wrong.push((case.name, judged));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[derive(Deserialize)]
struct File {
    resolved: Vec<Resolved>,
}

#[derive(Clone, Deserialize)]
struct Resolved {
    name: String,
    addresses: Vec<IpAddr>,
    address: String,
    verdict: String,
}

impl Lookup for Resolved {
    fn lookup<'a>(&'a self, _: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async { Ok(self.addresses.clone()) })
    }
}

// AA-8.12-01
#[tokio::test]
async fn a_harmless_name_with_a_hostile_address_is_not_called() {
    let file = include_str!("../../../vectors/agent-auth/hostile/urls.json");
    let file: File = serde_json::from_str(file).unwrap();
    assert!(!file.resolved.is_empty());
    for case in file.resolved {
        let fetcher = Fetcher::with_lookup(FetchPolicy::server(), Arc::new(case.clone())).unwrap();
        let request = Request::get(Url::parse("https://keys.example/jwks.json").unwrap());
        let judged = judge(&fetcher.send(request).await.map(|_| ()));
        assert_eq!(
            judged,
            (case.verdict.as_str(), Some(case.address)),
            "{}",
            case.name
        );
    }
}
