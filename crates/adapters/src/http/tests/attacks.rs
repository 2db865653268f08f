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

/// Takes percent-encoding off.
fn decoded(text: &str) -> String {
    let pair = format!("v={}", text.replace('+', "%2B"));
    let mut pairs = url::form_urlencoded::parse(pair.as_bytes());
    pairs.next().unwrap().1.into_owned()
}

/// Whether neither a path nor a header can hold it.
fn has_no_place(value: &str) -> bool {
    let visible = value.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    !visible || value.is_empty() || value.contains(['/', '\\']) || value == "." || value == ".."
}

/// Either a call is refused for a reason, or its URL is of the template's shape, on the upstream, and gives the argument
/// back wherever it stands.
fn stays_inside(upstream: &Upstream, value: &str) {
    let arguments = json!({ "v": value });
    let planned = plan().plan(a_call(arguments.as_object().unwrap()));
    let sent = planned.and_then(|outgoing| Ok((upstream.url(&outgoing)?, outgoing)));
    let Ok((url, outgoing)) = sent else {
        assert!(has_no_place(value), "refused without a reason: {value:?}");
        return;
    };
    assert!(!has_no_place(value), "{url}");
    assert_eq!(&url[..Position::BeforePath], "https://shop.example");
    let segments: Vec<_> = url.path_segments().unwrap().collect();
    assert_eq!(segments.len(), 5, "{url}");
    assert_eq!(
        (segments[0], segments[1], segments[4]),
        ("base", "users", "end")
    );
    assert_eq!(decoded(segments[2]), value);
    assert_eq!(decoded(segments[3]), format!("x-{value}"));
    let pairs: Vec<_> = url.query_pairs().collect();
    assert_eq!(pairs, [("q".into(), value.into())]);
    assert_eq!(url.fragment(), None);
    assert_eq!(outgoing.headers.keys().collect::<Vec<_>>(), ["x-v"]);
    assert_eq!(outgoing.headers["x-v"], value.trim_matches(' '));
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

    /// Whatever a plan makes of arguments, were it wrong itself.
    #[test]
    fn a_url_is_read_as_it_was_written_or_not_at_all(
        path in "(/[a-z.%25@:?#\\\\ \t\n\u{e4}]{0,6}){0,3}",
        query in "[a-z=&#?+ \t\n\u{e4}]{0,6}",
    ) {
        static SHOP: LazyLock<Arc<Upstream>> = LazyLock::new(shop);
        let mut outgoing = Outgoing::new(Method::GET, path.clone());
        outgoing.query.push(query.clone());
        if let Ok(url) = SHOP.url(&outgoing) {
            prop_assert_eq!(url.as_str(), match query.as_str() {
                "" => format!("https://shop.example/base{path}"),
                query => format!("https://shop.example/base{path}?{query}"),
            });
            prop_assert!(!path.contains(['?', '#', '\\']) && !query.contains('#'));
        }
    }

    #[test]
    fn no_argument_of_a_body_gets_out_of_it(value in "\\PC{0,12}|[\r\n&=%+\"-]{0,12}", form in 0..4_usize) {
        let forms = [BodyForm::Json, BodyForm::Form, BodyForm::Multipart, BodyForm::Text];
        let template = match forms[form] {
            BodyForm::Text => json!("${arguments.v}"),
            _ => json!({ "fixed": "1", "v": "${arguments.v}" }),
        };
        let plan = Declared::new(Method::POST, "/x").and_then(|plan| plan.with_body(forms[form], template));
        let arguments = json!({ "v": value });
        let outgoing = plan.unwrap().plan(a_call(arguments.as_object().unwrap())).unwrap();
        prop_assert!(outgoing.headers.is_empty() && outgoing.query.is_empty());
        let (content_type, bytes) = outgoing.body.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        match forms[form] {
            BodyForm::Text => prop_assert_eq!(text, value),
            BodyForm::Json => {
                let read: Value = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(read, json!({ "fixed": "1", "v": value }));
            }
            BodyForm::Form => {
                let pairs: Vec<_> = url::form_urlencoded::parse(text.as_bytes()).collect();
                prop_assert_eq!(pairs, [("fixed".into(), "1".into()), ("v".into(), value.as_str().into())]);
            }
            BodyForm::Multipart => {
                let boundary = content_type.to_str().unwrap().split_once("boundary=").unwrap().1;
                let parts: Vec<_> = text.split(&format!("--{boundary}")).collect();
                prop_assert_eq!(parts.len(), 4, "{}", text);
                let (head, body) = parts[2].split_once("\r\n\r\n").unwrap();
                prop_assert_eq!(body, format!("{value}\r\n"));
                prop_assert_eq!(head.lines().filter(|line| line.contains(':')).count(), 1, "{}", head);
            }
        }
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
