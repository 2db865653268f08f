use super::*;

#[tokio::test(start_paused = true)]
async fn only_calls_that_may_be_repeated_are_repeated() {
    for (method, expected) in [
        (Method::GET, 3),
        (Method::PUT, 3),
        (Method::DELETE, 3),
        (Method::POST, 1),
        (Method::PATCH, 1),
    ] {
        let service = Recorder::start(vec![answer(503, "", "")]).await;
        let plan = Declared::new(method.clone(), "/x").unwrap();
        let failed = error(
            &backend(upstream(settings(&service.url(""))), plan),
            json!({}),
        )
        .await;
        assert!(matches!(failed, BackendError::Failed(_)));
        assert_eq!(service.seen().len(), expected, "{method}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_passes_is_not_noticed() {
    let good = answer(200, "application/json", "1");
    let service = Recorder::start(vec![None, answer(502, "", ""), good]).await;
    let backend = backend(upstream(settings(&service.url(""))), get("/x"));
    assert_eq!(value(&backend, json!({})).await, json!(1));
}

#[tokio::test]
async fn a_service_that_fails_again_and_again_is_left_alone() {
    let service = Recorder::start(vec![answer(500, "", "")]).await;
    let backend = backend(upstream(settings(&service.url(""))), get("/x"));
    for _ in 0..5 {
        assert!(matches!(
            error(&backend, json!({})).await,
            BackendError::Failed(_)
        ));
    }
    let retry_after = Duration::from_secs(10);
    assert_eq!(
        error(&backend, json!({})).await,
        BackendError::Unavailable { retry_after }
    );
    assert_eq!(service.seen().len(), 5);
}

#[tokio::test]
async fn calls_that_a_service_refuses_do_not_open_the_circuit() {
    let service = Recorder::start(vec![answer(404, "", "")]).await;
    let backend = backend(upstream(settings(&service.url(""))), get("/x"));
    for _ in 0..10 {
        assert!(matches!(
            error(&backend, json!({})).await,
            BackendError::Refused { .. }
        ));
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_hangs_is_given_up() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut backend = backend(upstream(settings(&url)), get("/x"));
    backend.timeout = Some(Duration::from_secs(3));
    let failed = error(&backend, json!({})).await;
    let BackendError::Failed(why) = failed else {
        panic!("{failed:?}")
    };
    assert!(why.contains("did not answer in time"), "{why}");
}

#[test]
fn an_upstream_has_to_be_in_reach_and_nothing_but_a_place() {
    for url in [
        "http://127.0.0.1/?q=1",
        "http://a:b@127.0.0.1/",
        "ftp://127.0.0.1/",
        "http://10.0.0.1/",
        "http://shop.example/",
        "http://169.254.169.254/",
    ] {
        let refused = Upstream::new(settings(url), &local(), Arc::new(Still));
        assert!(refused.is_err(), "{url}");
    }
}
