//! Which addresses are called, directly, by name and through redirects (Agent Auth §8.12).

use http::{HeaderValue, Method, StatusCode};
use procura_fetch::{AddressVerdict, FetchError, FetchPolicy, Fetcher, Request};

use crate::support::{Answer, FixedLookup, Server, both_policies, fetcher};

/// AA-8.12-01
#[tokio::test]
async fn a_name_that_resolves_to_a_forbidden_address_is_refused_without_a_connection() {
    let addresses = [
        ("127.0.0.1", AddressVerdict::Loopback),
        ("10.0.0.1", AddressVerdict::Private),
        ("172.16.0.1", AddressVerdict::Private),
        ("192.168.0.1", AddressVerdict::Private),
        ("169.254.169.254", AddressVerdict::LinkLocal),
        ("::1", AddressVerdict::Loopback),
        ("fc00::1", AddressVerdict::Private),
        ("::ffff:127.0.0.1", AddressVerdict::Loopback),
    ];
    let server = Server::start(|_| Answer::text("inside")).await;
    for (address, verdict) in addresses {
        let lookup = FixedLookup::of(&[address]);
        let fetcher = Fetcher::with_lookup(FetchPolicy::server(), lookup.clone()).unwrap();
        let refused = fetcher
            .send(Request::get(server.https_url("rebind.example")))
            .await
            .unwrap_err();
        let host = "rebind.example".to_owned();
        assert_eq!(refused, FetchError::ForbiddenAddress { host, verdict });
        assert_eq!(lookup.asked(), 1);
    }
    assert_eq!(server.connections(), 0);
}

/// AA-8.12-01
#[tokio::test]
async fn one_forbidden_address_spoils_the_whole_answer() {
    let lookup = FixedLookup::of(&["127.0.0.1", "169.254.169.254"]);
    let server = Server::start(|_| Answer::text("inside")).await;
    let fetcher = Fetcher::with_lookup(FetchPolicy::client(), lookup).unwrap();
    let refused = fetcher
        .send(Request::get(server.https_url("mixed.example")))
        .await
        .unwrap_err();
    let verdict = AddressVerdict::LinkLocal;
    assert_eq!(
        refused,
        FetchError::ForbiddenAddress {
            host: "mixed.example".to_owned(),
            verdict
        }
    );
    assert_eq!(server.connections(), 0);
}

/// AA-8.12-02: the connection goes to the address that was judged, after one look-up. The server
/// here does not speak TLS, which shows that the handshake, and no plain request, came to it.
#[tokio::test]
async fn the_judged_address_is_the_one_that_is_called() {
    let lookup = FixedLookup::of(&["127.0.0.1"]);
    let server = Server::start(|_| Answer::text("not TLS")).await;
    let fetcher = Fetcher::with_lookup(FetchPolicy::client(), lookup.clone()).unwrap();
    let refused = fetcher
        .send(Request::get(server.https_url("internal.example")))
        .await
        .unwrap_err();
    assert!(matches!(refused, FetchError::Tls { .. }), "{refused}");
    assert_eq!((lookup.asked(), server.connections()), (1, 1));
}

/// AA-8.12-01: the resolver is never asked about these.
#[tokio::test]
async fn an_ip_literal_is_judged_like_an_answer() {
    let server = Server::start(|_| Answer::text("inside")).await;
    let lookup = FixedLookup::of(&["8.8.8.8"]);
    let fetcher = Fetcher::with_lookup(FetchPolicy::server(), lookup.clone()).unwrap();
    for host in [
        "127.0.0.1",
        "0x7f.1",
        "2130706433",
        "[::ffff:127.0.0.1]",
        "localhost.",
    ] {
        let refused = fetcher
            .send(Request::get(server.https_url(host)))
            .await
            .unwrap_err();
        let loopback = AddressVerdict::Loopback;
        assert!(
            matches!(refused, FetchError::ForbiddenAddress { verdict, .. } if verdict == loopback),
            "{host}: {refused}"
        );
    }
    assert_eq!((lookup.asked(), server.connections()), (0, 0));
}

/// AA-8.12-03, AA-8.12-06
#[tokio::test]
async fn plain_http_is_refused_without_a_connection() {
    let server = Server::start(|_| Answer::text("inside")).await;
    for policy in [FetchPolicy::server(), FetchPolicy::client()] {
        let refused = fetcher(policy)
            .send(Request::get(server.url("/")))
            .await
            .unwrap_err();
        assert!(matches!(refused, FetchError::NotHttps { .. }), "{refused}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn localhost_is_this_machine_whatever_the_resolver_says() {
    let server = Server::start(|_| Answer::text("here")).await;
    let [policy, _] = both_policies();
    let lookup = FixedLookup::of(&["8.8.8.8"]);
    let fetcher = Fetcher::with_lookup(policy, lookup.clone()).unwrap();
    let url = format!("http://bank.localhost:{}/", server.address.port())
        .parse()
        .unwrap();
    assert_eq!(fetcher.send(Request::get(url)).await.unwrap().body, "here");
    assert_eq!(lookup.asked(), 0);
}

#[tokio::test]
async fn a_name_without_addresses_is_a_dns_error() {
    let fetcher = Fetcher::with_lookup(FetchPolicy::server(), FixedLookup::of(&[])).unwrap();
    let refused = fetcher
        .send(Request::get(
            "https://none.example/?secret=1".parse().unwrap(),
        ))
        .await;
    assert_eq!(
        refused.unwrap_err(),
        FetchError::Dns {
            host: "none.example".to_owned()
        }
    );
}

/// AA-8.12-04: each target is judged like the first URL, whether it is an address or a name.
#[tokio::test]
async fn a_redirect_to_a_forbidden_address_is_refused() {
    let inside = Server::start(|_| Answer::text("inside")).await;
    let targets = [
        inside.https_url("127.0.0.1"),
        inside.https_url("rebind.example"),
        "https://10.0.0.1/".parse().unwrap(),
        "https://169.254.169.254/latest/meta-data".parse().unwrap(),
    ];
    for target in targets {
        let location = target.to_string();
        let outside = Server::start(move |_| Answer::redirect(&location)).await;
        let [policy, _] = both_policies();
        let fetcher = Fetcher::with_lookup(policy, FixedLookup::of(&["127.0.0.1"])).unwrap();
        let refused = fetcher
            .send(Request::get(outside.url("/")))
            .await
            .unwrap_err();
        assert!(
            matches!(refused, FetchError::ForbiddenAddress { .. }),
            "{target}: {refused}"
        );
    }
    assert_eq!(inside.connections(), 0);
}

/// AA-8.12-04, AA-8.12-06
#[tokio::test]
async fn three_redirects_are_followed_and_a_fourth_is_refused() {
    let server = Server::start(|path| match path {
        "/4" => Answer::redirect("/3"),
        "/3" => Answer::redirect("/2"),
        "/2" => Answer::redirect("/1"),
        "/1" => Answer::redirect("/0"),
        _ => Answer::text("arrived"),
    })
    .await;
    for policy in both_policies() {
        let fetcher = fetcher(policy);
        let arrived = fetcher.send(Request::get(server.url("/3"))).await.unwrap();
        assert_eq!(
            (arrived.body, arrived.url),
            ("arrived".into(), server.url("/0"))
        );
        let refused = fetcher
            .send(Request::get(server.url("/4")))
            .await
            .unwrap_err();
        assert!(
            matches!(refused, FetchError::TooManyRedirects { limit: 3, .. }),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_where_none_is_followed() {
    let server = Server::start(|_| Answer::redirect("/elsewhere")).await;
    let [policy, _] = both_policies();
    let never = fetcher(FetchPolicy {
        max_redirects: 0,
        ..policy.clone()
    });
    let response = never.send(Request::get(server.url("/"))).await.unwrap();
    assert_eq!(response.status, StatusCode::FOUND);
    assert_eq!(response.headers["location"], "/elsewhere");

    let post = Request {
        method: Method::POST,
        ..Request::get(server.url("/"))
    };
    assert_eq!(
        fetcher(policy).send(post).await.unwrap().status,
        StatusCode::FOUND
    );
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn credentials_stay_with_the_origin_they_were_meant_for() {
    let other = Server::start(|_| Answer::text("other")).await;
    let location = other.url("/").to_string();
    let server = Server::start(move |path| match path {
        "/here" => Answer::redirect("/there"),
        "/there" => Answer::redirect(&location),
        _ => Answer::text("unused"),
    })
    .await;
    let [policy, _] = both_policies();
    let mut request = Request::get(server.url("/here"));
    for name in ["authorization", "cookie", "x-api-key"] {
        request
            .headers
            .insert(name, HeaderValue::from_static("secret"));
    }
    request
        .headers
        .insert("accept", HeaderValue::from_static("text/plain"));

    assert_eq!(fetcher(policy).send(request).await.unwrap().body, "other");

    assert!(
        server
            .seen()
            .iter()
            .all(|seen| seen.matches("secret").count() == 3)
    );
    let [seen] = other.seen().try_into().unwrap();
    assert!(seen.contains("accept: text/plain\r\n"), "{seen}");
    assert!(!seen.contains("secret"), "{seen}");
}
