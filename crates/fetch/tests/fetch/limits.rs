//! Bodies that are too large, servers that say nothing, and streams (Agent Auth §8.12).

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use http::{HeaderValue, Method, StatusCode};
use procura_fetch::policy::TOTAL_TIMEOUT;
use procura_fetch::{FetchError, FetchPolicy, Request};

use crate::support::{Answer, Server, both_policies, fetcher, impatient};

#[tokio::test]
async fn an_exchange_carries_method_headers_and_body_there_and_status_and_body_back() {
    let server = Server::start(|_| {
        Answer::whole("HTTP/1.1 403 Forbidden\r\nx-reason: no\r\ncontent-length: 2\r\n\r\n{}")
    })
    .await;
    let [policy, _] = both_policies();
    let mut request = Request {
        method: Method::POST,
        body: Some("hello".into()),
        ..Request::get(server.url("/register?x=y"))
    };
    request
        .headers
        .insert("authorization", HeaderValue::from_static("Bearer token"));

    let response = fetcher(policy).send(request).await.unwrap();

    assert_eq!(response.status, StatusCode::FORBIDDEN);
    assert_eq!(response.headers["x-reason"], "no");
    assert_eq!(response.body, "{}");
    assert_eq!(response.url, server.url("/register?x=y"));
    let [seen] = server.seen().try_into().unwrap();
    assert!(
        seen.starts_with("POST /register?x=y HTTP/1.1\r\n"),
        "{seen}"
    );
    assert!(seen.contains("authorization: Bearer token\r\n"), "{seen}");
    assert!(seen.ends_with("\r\n\r\nhello"), "{seen}");
}

/// AA-8.12-05, AA-8.12-06
#[tokio::test]
async fn a_chunked_body_is_dropped_once_it_passes_the_limit() {
    for policy in both_policies() {
        // The server never ends its body: only the limit can end the exchange.
        let server = Server::start(|path| {
            let size = if path == "/fits" { 1000 } else { 1001 };
            let body = "x".repeat(size);
            let bytes = format!(
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{size:x}\r\n{body}\r\n"
            );
            if path == "/fits" {
                Answer::whole(bytes + "0\r\n\r\n")
            } else {
                Answer::then_silence(bytes)
            }
        })
        .await;
        let fetcher = fetcher(policy);
        let fits = fetcher
            .send(Request::get(server.url("/fits")))
            .await
            .unwrap();
        assert_eq!(fits.body.len(), 1000);
        let refused = fetcher
            .send(Request::get(server.url("/large")))
            .await
            .unwrap_err();
        assert!(
            matches!(refused, FetchError::TooLarge { limit: 1000, .. }),
            "{refused}"
        );
    }
}

/// AA-8.12-05: no byte of the body is needed to refuse it.
#[tokio::test]
async fn a_body_announced_as_too_large_is_refused_unread() {
    let server =
        Server::start(|_| Answer::then_silence("HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n"))
            .await;
    for policy in both_policies() {
        let refused = fetcher(policy)
            .send(Request::get(server.url("/")))
            .await
            .unwrap_err();
        assert!(
            matches!(refused, FetchError::TooLarge { limit: 1000, .. }),
            "{refused}"
        );
    }
}

/// The length in an answer to HEAD is that of a body which does not follow.
#[tokio::test]
async fn the_length_in_an_answer_to_head_is_no_reason_to_refuse() {
    let server =
        Server::start(|_| Answer::whole("HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n")).await;
    let [policy, _] = both_policies();
    let request = Request {
        method: Method::HEAD,
        ..Request::get(server.url("/"))
    };
    assert_eq!(fetcher(policy).send(request).await.unwrap().body.len(), 0);
}

/// AA-8.12-05, AA-8.12-06
#[tokio::test]
async fn a_server_that_stalls_before_or_within_its_answer_runs_out_of_time() {
    let server = Server::start(|path| match path {
        "/mute" => Answer::then_silence(""),
        _ => Answer::then_silence("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"),
    })
    .await;
    for policy in both_policies().each_ref().map(impatient) {
        for path in ["/mute", "/half?secret=1"] {
            let refused = fetcher(policy.clone())
                .send(Request::get(server.url(path)))
                .await
                .unwrap_err();
            assert!(matches!(refused, FetchError::TimedOut { .. }), "{refused}");
            assert!(!refused.to_string().contains("secret"), "{refused}");
        }
    }
}

/// AA-8.12-05: connecting has a time of its own, and the handshake is part of it.
#[tokio::test]
async fn a_server_that_never_finishes_the_handshake_runs_out_of_the_time_to_connect() {
    let server = Server::start(|_| Answer::then_silence("")).await;
    let policy = FetchPolicy {
        connect_timeout: Duration::from_millis(100),
        ..FetchPolicy::client()
    };
    let started = Instant::now();
    let refused = fetcher(policy)
        .send(Request::get(server.https_url("127.0.0.1")))
        .await;
    assert!(
        matches!(refused, Err(FetchError::TimedOut { .. })),
        "{refused:?}"
    );
    assert!(
        started.elapsed() < TOTAL_TIMEOUT,
        "only the time for the whole exchange ended it"
    );
}

#[tokio::test]
async fn a_connection_closed_in_the_middle_is_a_protocol_error() {
    let server =
        Server::start(|_| Answer::whole("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")).await;
    let [policy, _] = both_policies();
    let refused = fetcher(policy)
        .send(Request::get(server.url("/?secret=1")))
        .await
        .unwrap_err();
    assert!(matches!(refused, FetchError::Protocol { .. }), "{refused}");
    assert!(!refused.to_string().contains("secret"), "{refused}");
}

#[tokio::test]
async fn a_closed_port_is_a_connect_error() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let [policy, _] = both_policies();
    let url = format!("http://{address}/?secret=1").parse().unwrap();
    let refused = fetcher(policy).send(Request::get(url)).await.unwrap_err();
    assert!(matches!(&refused, FetchError::Connect { .. }), "{refused}");
    assert!(!refused.to_string().contains("secret"), "{refused}");
}

#[tokio::test]
async fn a_stream_hands_on_what_has_come_and_ends_when_the_server_falls_silent() {
    let server = Server::start(|_| {
        Answer::then_silence(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: one\n\n",
        )
    })
    .await;
    let [policy, _] = both_policies();
    let idle = Duration::from_millis(100);
    let policy = FetchPolicy {
        stream_idle_timeout: idle,
        ..policy
    };

    let mut response = fetcher(policy)
        .stream(Request::get(server.url("/events")))
        .await
        .unwrap();

    assert_eq!(response.headers["content-type"], "text/event-stream");
    assert_eq!(
        response.body.next().await.unwrap().unwrap(),
        "data: one\n\n"
    );
    let end = response.body.next().await.unwrap();
    assert!(matches!(end, Err(FetchError::TimedOut { .. })));
    assert!(response.body.next().await.is_none());
}

#[tokio::test]
async fn a_stream_is_bounded_as_a_whole() {
    let server = Server::start(|_| {
        let body = "x".repeat(5000);
        Answer::then_silence(format!("HTTP/1.1 200 OK\r\n\r\n{body}"))
    })
    .await;
    let [policy, _] = both_policies();
    let response = fetcher(policy)
        .stream(Request::get(server.url("/events")))
        .await
        .unwrap();
    let pieces: Vec<_> = response.body.collect().await;
    let (last, before) = pieces.split_last().unwrap();
    assert!(matches!(
        last,
        Err(FetchError::TooLarge { limit: 1000, .. })
    ));
    assert!(
        before
            .iter()
            .map(|piece| piece.as_ref().unwrap().len())
            .sum::<usize>()
            <= 1000
    );
}
