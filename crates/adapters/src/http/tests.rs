mod actor;
mod answers;
mod attacks;
mod oauth;
mod patience;
mod person;
mod recorder;

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use procura_fetch::FetchPolicy;
use procura_keys::clock::{Clock, Timestamp};
use serde_json::{Map, Value, json};
use url::Url;

use self::recorder::{Recorder, Seen, answer};
use super::declared::{BodyForm, Declared};
use super::*;

/// A clock that stands still.
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(1_000_000)
    }
}

fn local() -> FetchPolicy {
    FetchPolicy {
        allow_loopback_http: true,
        ..FetchPolicy::server()
    }
}

fn settings(url: &str) -> UpstreamSettings {
    UpstreamSettings::new(Url::parse(url).unwrap())
}

fn upstream(settings: UpstreamSettings) -> Arc<Upstream> {
    Arc::new(Upstream::new(settings, &local(), Arc::new(Still)).unwrap())
}

fn backend(upstream: Arc<Upstream>, plan: Declared) -> HttpBackend {
    HttpBackend {
        upstream,
        plan: Box::new(plan),
        timeout: None,
    }
}

fn get(path: &str) -> Declared {
    Declared::new(Method::GET, path).unwrap()
}

async fn call(backend: &HttpBackend, arguments: Value) -> Result<Reply, BackendError> {
    let arguments = arguments.as_object().unwrap().clone();
    backend.call(a_call(&arguments)).await
}

fn a_call(arguments: &Map<String, Value>) -> Call<'_> {
    Call {
        capability: "c",
        arguments,
        in_pieces: false,
        agent_id: "agt_1",
        host_id: "hst_1",
        user_id: Some("usr_1"),
        call_id: "call_1",
        vault: &crate::EmptyVault,
    }
}

async fn value(backend: &HttpBackend, arguments: Value) -> Value {
    match call(backend, arguments).await {
        Ok(Reply::Value(value)) => value,
        Ok(_) => panic!("neither a job nor a stream was expected"),
        Err(error) => panic!("{error:?}"),
    }
}

async fn error(backend: &HttpBackend, arguments: Value) -> BackendError {
    match call(backend, arguments).await {
        Ok(_) => panic!("an error was expected"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn a_declared_request_carries_its_arguments_where_they_belong() {
    let service = Recorder::start(vec![answer(200, "application/json", r#"{"ok":true}"#)]).await;
    let plan = Declared::new(Method::POST, "/orders/${arguments.id}/lines")
        .unwrap()
        .with_query(
            json!({ "page": "${arguments.page}", "tag": "${arguments.tags}", "v": "2", "no": "${arguments.no}" })
                .as_object()
                .unwrap()
                .clone(),
        )
        .unwrap()
        .with_headers([
            ("X-Agent".to_owned(), "${agent_id}".to_owned()),
            ("X-None".to_owned(), "${arguments.no}".to_owned()),
        ])
        .unwrap()
        .with_body(
            BodyForm::Json,
            json!({ "amount": "${arguments.amount}", "note": "${arguments.note}", "by": "agent" }),
        )
        .unwrap();
    let backend = backend(upstream(settings(&service.url("/api/"))), plan);
    let arguments = json!({ "id": "a b", "page": 2, "tags": ["x", "y&z"], "amount": 12.5 });
    assert_eq!(value(&backend, arguments).await, json!({ "ok": true }));
    let Seen {
        line,
        headers,
        body,
    } = service.only();
    assert_eq!(
        line,
        "POST /api/orders/a%20b/lines?page=2&tag=x&tag=y%26z&v=2 HTTP/1.1"
    );
    assert_eq!(headers["x-agent"], "agt_1");
    assert_eq!(headers.get("x-none"), None);
    assert_eq!(body, r#"{"amount":12.5,"by":"agent"}"#);
}

#[tokio::test]
async fn forms_parts_and_text_are_written_as_their_types_demand() {
    let cases = [
        (
            BodyForm::Form,
            "application/x-www-form-urlencoded",
            "a=1%262&b=x&b=y",
        ),
        (
            BodyForm::Text,
            "text/plain; charset=utf-8",
            r#"{"a":"1&2","b":["x","y"]}"#,
        ),
    ];
    for (form, content_type, written) in cases {
        let service = Recorder::start(vec![answer(204, "", "")]).await;
        let plan = Declared::new(Method::POST, "/x").unwrap();
        let plan = plan.with_body(form, json!("${arguments}")).unwrap();
        let backend = backend(upstream(settings(&service.url(""))), plan);
        let nothing = value(&backend, json!({ "a": "1&2", "b": ["x", "y"] })).await;
        assert_eq!(nothing, Value::Null);
        let seen = service.only();
        assert_eq!(seen.headers["content-type"], content_type);
        assert_eq!(seen.body, written);
    }
}

#[tokio::test]
async fn parts_cannot_forge_other_parts() {
    let service = Recorder::start(vec![answer(204, "", "")]).await;
    let plan = Declared::new(Method::POST, "/x").unwrap();
    let plan = plan
        .with_body(BodyForm::Multipart, json!("${arguments}"))
        .unwrap();
    let backend = backend(upstream(settings(&service.url(""))), plan);
    let arguments = json!({ "a\"\r\nX: y": "1", "b": "--procura\r\n\r\nz" });
    value(&backend, arguments).await;
    let seen = service.only();
    let boundary = seen.headers["content-type"]
        .split("boundary=")
        .nth(1)
        .unwrap();
    assert_eq!(seen.body.matches(boundary).count(), 3);
    assert!(seen.body.contains("name=\"a%22%0D%0AX: y\"\r\n\r\n1\r\n"));
}

#[test]
fn a_declaration_with_a_mistake_is_refused() {
    let path = |path: &str| Declared::new(Method::GET, path).unwrap_err();
    assert!(matches!(path("orders"), DeclarationError::Path(_)));
    assert!(matches!(path("/orders?x=1"), DeclarationError::Path(_)));
    assert!(matches!(
        path("/a/${arguments}"),
        DeclarationError::NotInAPath(_)
    ));
    assert!(matches!(
        path("/a/${argument.x}"),
        DeclarationError::Placeholder { .. }
    ));
    for name in [
        "Authorization",
        "cookie",
        "Host",
        "X-Forwarded-For",
        "no such",
        "Transfer-Encoding",
    ] {
        let header = (name.to_owned(), "${arguments.x}".to_owned());
        let refused = get("/").with_headers([header]).unwrap_err();
        assert_eq!(refused, DeclarationError::Header(name.to_owned()));
    }
}

use super::declared::DeclarationError;
