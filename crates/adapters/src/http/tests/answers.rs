use futures_util::StreamExt as _;

use super::recorder::answer_with;
use super::*;

async fn answered(status: u16, content_type: &str, body: &str) -> Result<Reply, BackendError> {
    let service = Recorder::start(vec![answer(status, content_type, body)]).await;
    let mut settings = settings(&service.url(""));
    settings.retries = 0;
    call(&backend(upstream(settings), get("/x")), json!({})).await
}

#[tokio::test]
async fn an_answer_becomes_a_value_by_its_type() {
    let cases = [
        (200, "application/json; charset=utf-8", "[1]", json!([1])),
        (201, "application/vnd.x+json", "{}", json!({})),
        (200, "text/plain", "hello", json!("hello")),
        (200, "application/xml", "<a/>", json!("<a/>")),
        (200, "", "{\"a\":1}", json!({"a": 1})),
        (
            200,
            "image/png",
            "\u{1}x",
            json!({"content_type": "image/png", "base64": "AXg="}),
        ),
        (204, "", "", json!(null)),
        (
            202,
            "application/json",
            "{\"queued\":true}",
            json!({"queued": true}),
        ),
    ];
    for (status, content_type, body, expected) in cases {
        match answered(status, content_type, body).await {
            Ok(Reply::Value(value)) => assert_eq!(value, expected, "{content_type}"),
            Ok(_) => panic!("{content_type}"),
            Err(error) => panic!("{content_type}: {error}"),
        }
    }
}

#[tokio::test]
async fn a_refusal_tells_the_status_and_nothing_of_the_inside() {
    let body = r#"{"message":"no such order","stack":"at db-3.internal"}"#;
    for status in [400, 404, 409, 422] {
        let refused = answered(status, "application/json", body).await.err();
        let detail = None;
        assert_eq!(
            refused,
            Some(BackendError::Refused {
                status: Some(status),
                detail
            })
        );
    }
    for status in [301, 302, 401, 403, 500, 501] {
        let failed = answered(status, "application/json", body).await.err();
        let Some(BackendError::Failed(why)) = failed else {
            panic!("{status}: {failed:?}")
        };
        assert!(!why.contains("db-3"), "{why}");
    }
}

#[tokio::test]
async fn what_a_service_says_with_a_refusal_is_shown_where_the_operator_lets_it() {
    let body = r#"{"message":"no such order"}"#;
    let service = Recorder::start(vec![answer(404, "application/problem+json", body)]).await;
    let mut settings = settings(&service.url(""));
    settings.show_refusals = true;
    let refused = error(&backend(upstream(settings), get("/x")), json!({})).await;
    let detail = Some(json!({ "message": "no such order" }));
    assert_eq!(
        refused,
        BackendError::Refused {
            status: Some(404),
            detail
        }
    );
}

#[tokio::test]
async fn too_often_is_passed_on_with_its_time() {
    let busy = answer_with(429, &[("retry-after", "7")], "");
    let service = Recorder::start(vec![busy]).await;
    let backend = backend(upstream(settings(&service.url(""))), get("/x"));
    let retry_after = Duration::from_secs(7);
    assert_eq!(
        error(&backend, json!({})).await,
        BackendError::Busy { retry_after }
    );
}

#[tokio::test]
async fn garbage_and_answers_past_the_limit_are_failures() {
    for (content_type, body) in [("application/json", "{oops"), ("text/plain", "123456789")] {
        let service = Recorder::start(vec![answer(200, content_type, body)]).await;
        let mut settings = settings(&service.url(""));
        settings.max_answer = 8;
        let failed = error(&backend(upstream(settings), get("/x")), json!({})).await;
        assert!(matches!(failed, BackendError::Failed(_)), "{failed:?}");
    }
}

async fn pieces(content_type: &str, body: &str) -> Vec<Result<Value, BackendError>> {
    match answered(200, content_type, body).await {
        Ok(Reply::Stream(pieces)) => pieces.collect().await,
        _ => panic!("no stream"),
    }
}

#[tokio::test]
async fn event_streams_and_json_lines_come_in_pieces() {
    let events = "\
        : hello\r\nevent: x\ndata: {\"n\":1}\n\ndata: two\ndata: lines\n\nid: 3\n\ndata\n\ndata: cut off";
    let expected = [json!({"n": 1}), json!("two\nlines"), json!("")];
    let got = pieces("text/event-stream", events).await;
    assert_eq!(
        got.into_iter().map(Result::unwrap).collect::<Vec<_>>(),
        expected
    );
    let got = pieces("application/x-ndjson", "{\"n\":1}\n\n2\n\"last\"").await;
    let expected = [json!({"n": 1}), json!(2), json!("last")];
    assert_eq!(
        got.into_iter().map(Result::unwrap).collect::<Vec<_>>(),
        expected
    );
    let got = pieces("application/x-ndjson", "1\n{oops\n3").await;
    assert_eq!((got[0].clone(), got[1].is_err()), (Ok(json!(1)), true));
}

#[tokio::test(start_paused = true)]
async fn a_job_is_followed_until_its_result() {
    let accepted = answer_with(202, &[("location", "/jobs/7"), ("retry-after", "3")], "");
    let service = Recorder::start(vec![
        accepted,
        answer(202, "application/json", r#"{"status":"queued"}"#),
        answer(200, "application/json", r#"{"status":"running"}"#),
        answer_with(303, &[("location", "/reports/7")], ""),
        answer(200, "application/json", r#"{"lines":12}"#),
    ])
    .await;
    let backend = backend(upstream(settings(&service.url("/api"))), get("/x"));
    let Ok(Reply::Job(job)) = call(&backend, json!({})).await else {
        panic!("no job")
    };
    assert_eq!(job.await, Ok(json!({ "lines": 12 })));
    let asked: Vec<_> = service.seen().into_iter().map(|seen| seen.line).collect();
    assert_eq!(asked[1], "GET /jobs/7 HTTP/1.1");
    assert_eq!(asked[4], "GET /reports/7 HTTP/1.1");
}

#[tokio::test(start_paused = true)]
async fn a_job_fails_when_the_service_says_so_or_leads_elsewhere() {
    let accepted = answer_with(202, &[("location", "/jobs/7")], "");
    for end in [
        answer(
            200,
            "application/json",
            r#"{"status":"failed","why":"db-3"}"#,
        ),
        answer_with(303, &[("location", "http://127.0.0.1:1/reports/7")], ""),
        answer(500, "", ""),
    ] {
        let service = Recorder::start(vec![accepted.clone(), end]).await;
        let backend = backend(upstream(settings(&service.url(""))), get("/x"));
        let Ok(Reply::Job(job)) = call(&backend, json!({})).await else {
            panic!("no job")
        };
        assert!(matches!(job.await, Err(BackendError::Failed(_))));
    }
}

#[tokio::test]
async fn a_job_at_another_service_is_not_followed() {
    let accepted = answer_with(202, &[("location", "http://127.0.0.1:1/jobs/7")], "");
    let service = Recorder::start(vec![accepted]).await;
    let backend = backend(upstream(settings(&service.url(""))), get("/x"));
    assert_eq!(value(&backend, json!({})).await, Value::Null);
}
