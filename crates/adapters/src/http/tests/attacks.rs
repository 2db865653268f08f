//! No argument changes the host, leaves the path template, or touches a credential.

use std::sync::LazyLock;

use proptest::prelude::*;
use url::Position;

use super::*;

const ATTACKS: [&str; 31] = [
    "..",
    ".",
    "%2e%2e",
    "..%2f",
    "%2E.",
    "../../admin",
    "..\\admin",
    "a/b",
    "a\\b",
    "a%2Fb",
    "a%252Fb",
    "%00",
    "\0",
    "a\r\nHost: evil.example",
    "a\nAuthorization: Bearer stolen",
    "a\u{2028}b",
    "@evil.example",
    ":80@evil.example",
    "//evil.example/",
    "https://evil.example/",
    "?admin=true",
    "#fragment",
    "a&key=mine",
    "a;b",
    "x; session=stolen",
    "a b\tc",
    "\u{ff0e}\u{ff0e}",
    "\u{2025}",
    "\u{ff0f}etc",
    "ü",
    "",
];

fn plan() -> Declared {
    let query = json!({ "q": "${arguments.v}" })
        .as_object()
        .unwrap()
        .clone();
    Declared::new(Method::GET, "/users/${arguments.v}/x-${arguments.v}/end")
        .unwrap()
        .with_query(query)
        .unwrap()
        .with_headers([("X-V".to_owned(), "${arguments.v}".to_owned())])
        .unwrap()
}

fn shop() -> Arc<Upstream> {
    let mut settings = settings("https://shop.example/base");
    settings.credential = Credential::bearer(&Secret::new("secret".to_owned())).unwrap();
    upstream(settings)
}

/// Either a call is refused, or its URL is of the template's shape, on the upstream, and gives the argument back.
fn stays_inside(upstream: &Upstream, value: &str) {
    let arguments = json!({ "v": value });
    let Ok(outgoing) = plan().plan(a_call(arguments.as_object().unwrap())) else {
        return;
    };
    let Ok(url) = upstream.url(&outgoing) else {
        return;
    };
    assert_eq!(&url[..Position::BeforePath], "https://shop.example");
    let segments: Vec<_> = url.path_segments().unwrap().collect();
    assert_eq!(segments.len(), 5, "{url}");
    assert_eq!(
        (segments[0], segments[1], segments[4]),
        ("base", "users", "end")
    );
    assert!(segments[3].starts_with("x-"));
    let pairs: Vec<_> = url.query_pairs().collect();
    assert_eq!(pairs, [("q".into(), value.into())]);
    assert_eq!(url.fragment(), None);
    assert_eq!(outgoing.headers.keys().collect::<Vec<_>>(), ["x-v"]);
    assert!(!outgoing.headers["x-v"].as_bytes().contains(&b'\n'));
}

#[test]
fn known_attacks_stay_inside() {
    let upstream = shop();
    for attack in ATTACKS {
        stays_inside(&upstream, attack);
        stays_inside(&upstream, &format!("a{attack}"));
        stays_inside(&upstream, &format!("{attack}a"));
    }
}

#[test]
fn a_path_argument_with_a_slash_or_of_dots_is_refused() {
    let upstream = shop();
    for attack in ["..", ".", "a/b", "a\\b", "", "a\n", "../../admin"] {
        let arguments = json!({ "v": attack });
        let plan = get("/users/${arguments.v}");
        let url = plan
            .plan(a_call(arguments.as_object().unwrap()))
            .and_then(|outgoing| upstream.url(&outgoing));
        assert!(
            matches!(url, Err(BackendError::Arguments(_))),
            "{attack:?}: {url:?}"
        );
    }
}

proptest! {
    #[test]
    fn no_argument_leads_elsewhere(value in "\\PC*|[./\\\\%25eEfF@:?#&;=\r\n\t \u{0}-\u{7f}]{0,12}") {
        // Made once: it reads the certificates of the machine.
        static SHOP: LazyLock<Arc<Upstream>> = LazyLock::new(shop);
        stays_inside(&SHOP, &value);
    }
}

#[tokio::test]
async fn the_credential_is_the_servers_whatever_is_sent() {
    let secret = || Secret::new("server".to_owned());
    let key = http::HeaderName::from_static("x-api-key");
    for (credential, place) in [
        (
            Credential::bearer(&secret()).unwrap(),
            "authorization: Bearer server",
        ),
        (
            Credential::basic("me", &secret()).unwrap(),
            "authorization: Basic bWU6c2VydmVy",
        ),
        (
            Credential::header(key, &secret()).unwrap(),
            "x-api-key: server",
        ),
        (
            Credential::Cookie {
                name: "sid".to_owned(),
                value: secret(),
            },
            "cookie: sid=server",
        ),
    ] {
        let service = Recorder::start(vec![answer(200, "application/json", "1")]).await;
        let mut settings = settings(&service.url(""));
        settings.credential = credential;
        let plan = get("/x").with_headers([("X-Api-Key".to_owned(), "${arguments.v}".to_owned())]);
        let backend = backend(upstream(settings), plan.unwrap());
        value(&backend, json!({ "v": "mine" })).await;
        let (name, expected) = place.split_once(": ").unwrap();
        assert_eq!(service.only().headers[name], expected);
    }
    let service = Recorder::start(vec![answer(200, "application/json", "1")]).await;
    let mut settings = settings(&service.url(""));
    settings.credential = Credential::Query {
        name: "key".to_owned(),
        value: secret(),
    };
    value(&backend(upstream(settings), get("/x")), json!({})).await;
    assert_eq!(service.only().line, "GET /x?key=server HTTP/1.1");
}
