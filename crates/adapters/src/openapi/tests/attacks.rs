//! Whatever the arguments of a derived capability are, its request stays on its upstream, within its path template, and
//! away from the credential.

use std::sync::{Arc, LazyLock};

use procura_keys::clock::{Clock, Timestamp};
use proptest::prelude::*;
use url::{Position, Url};

use super::*;
use crate::http::{PersonCredential, PersonPlace, Secret, Upstream, UpstreamSettings};

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(0)
    }
}

/// A service whose credential is a pair of the query, which arguments come closest to.
fn shop() -> Upstream {
    let mut settings = UpstreamSettings::new(Url::parse("https://shop.example/v1").unwrap());
    settings.credential = Credential::Query {
        name: "key".to_owned(),
        value: Secret::new("secret".to_owned()),
    };
    Upstream::new(settings, &FetchPolicy::server(), Arc::new(Still)).unwrap()
}

/// Made once: it reads the certificates of the machine.
pub(super) static SHOP: LazyLock<Upstream> = LazyLock::new(shop);

/// An operation with a parameter of every style in every place, all of them free to be anything.
fn everywhere() -> Derived {
    let parameter = |name: &str, place: &str, style: &str, explode: bool| json!({ "name": name, "in": place, "style": style, "explode": explode, "allowReserved": explode });
    let mut parameters = Vec::new();
    for explode in [false, true] {
        for style in ["simple", "label", "matrix"] {
            parameters.push(parameter(
                &format!("{style}{explode}"),
                "path",
                style,
                explode,
            ));
        }
        for style in ["form", "spaceDelimited", "pipeDelimited", "deepObject"] {
            parameters.push(parameter(
                &format!("q{style}{explode}"),
                "query",
                style,
                explode,
            ));
        }
        parameters.push(parameter(
            &format!("X-{explode}"),
            "header",
            "simple",
            explode,
        ));
        parameters.push(parameter(&format!("c{explode}"), "cookie", "form", explode));
    }
    let operation = json!({ "parameters": parameters });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(only_of("get", PATH, operation, json!({})))
}

/// A call of that operation.
pub(super) fn everywhere_planned(arguments: Value) -> Result<Outgoing, BackendError> {
    static EVERYWHERE: LazyLock<Derived> = LazyLock::new(everywhere);
    planned(&EVERYWHERE, arguments)
}

pub(super) fn value() -> impl Strategy<Value = Value> {
    let text = "\\PC{0,6}|[./\\\\%25eEfF@:?#&;=,\r\n\t \u{0}-\u{7f}]{0,6}|key|\\.\\.";
    let leaf = prop_oneof![
        text.prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ];
    leaf.prop_recursive(2, 8, 3, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map(text, inner, 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn stays_inside(arguments: &Value) -> Result<(), TestCaseError> {
    let Ok(outgoing) = everywhere_planned(arguments.clone()) else {
        return Ok(());
    };
    let Ok(url) = SHOP.url(&outgoing) else {
        return Ok(());
    };
    prop_assert_eq!(&url[..Position::BeforePath], "https://shop.example");
    let segments: Vec<_> = url.path().split('/').collect();
    prop_assert_eq!(segments.len(), PATH.split('/').count() + 1);
    prop_assert_eq!((segments[1], segments[2]), ("v1", "a"));
    prop_assert!(segments.iter().skip(1).all(|segment| !segment.is_empty()));
    prop_assert!(
        url.query_pairs()
            .all(|(name, _)| !name.eq_ignore_ascii_case("key"))
    );
    prop_assert_eq!(url.fragment(), None);
    let own = ["x-false", "x-true"];
    prop_assert!(
        outgoing
            .headers
            .keys()
            .all(|name| own.contains(&name.as_str()))
    );
    prop_assert!(
        outgoing
            .cookies
            .iter()
            .all(|pair| !pair.contains([';', ' ', '\r', '\n']))
    );
    Ok(())
}

proptest! {
    #[test]
    fn no_argument_of_any_style_leads_elsewhere(values in prop::collection::vec(value(), 18)) {
        let given = NAMES.iter().map(|name| (*name).to_owned()).zip(values);
        stays_inside(&Value::Object(given.collect()))?;
    }

    #[test]
    fn no_argument_in_one_place_leads_elsewhere(value in value(), place in 0..18_usize) {
        let mut arguments: Map<_, _> = NAMES[..6].iter().map(|name| ((*name).to_owned(), json!("1"))).collect();
        arguments.insert(NAMES[place].to_owned(), value);
        stays_inside(&Value::Object(arguments))?;
    }
}

#[test]
fn an_object_that_is_spread_over_the_query_cannot_set_the_credential() {
    let derived = everywhere();
    for name in ["key", "KEY", "k%65y"] {
        let mut arguments: Map<_, _> = Map::new();
        for name in &NAMES[..6] {
            arguments.insert((*name).to_owned(), json!("1"));
        }
        arguments.insert("qformtrue".to_owned(), json!({ name: "mine" }));
        let url =
            planned(&derived, Value::Object(arguments)).and_then(|outgoing| shop().url(&outgoing));
        match url {
            Err(error) => assert!(matches!(error, BackendError::Arguments(_)), "{error}"),
            Ok(url) => assert!(url.query_pairs().all(|(name, _)| name != "key"), "{url}"),
        }
    }
}

const PATH: &str =
    "/a/{simplefalse}/{labelfalse}/{matrixfalse}/{simpletrue}/x{labeltrue}/{matrixtrue}/end";

/// The arguments of that operation, those of the path first.
pub(super) const NAMES: [&str; 18] = [
    "simplefalse",
    "labelfalse",
    "matrixfalse",
    "simpletrue",
    "labeltrue",
    "matrixtrue",
    "qformfalse",
    "qspaceDelimitedfalse",
    "qpipeDelimitedfalse",
    "qdeepObjectfalse",
    "X-false",
    "cfalse",
    "qformtrue",
    "qspaceDelimitedtrue",
    "qpipeDelimitedtrue",
    "qdeepObjecttrue",
    "X-true",
    "ctrue",
];

#[tokio::test]
async fn neither_the_place_of_a_credential_nor_who_acts_is_an_argument() {
    let header = http::HeaderName::from_static("x-key");
    let secret = || Secret::new("s".to_owned());
    let of_person = |place| {
        Credential::Person(PersonCredential {
            service: "shop".to_owned(),
            place,
        })
    };
    let pair = || ("key".to_owned(), secret());
    let (name, value) = pair();
    let (cookie, cookie_value) = pair();
    for (credential, place, name) in [
        (
            Credential::header(header.clone(), &secret()).unwrap(),
            "header",
            "X-Key",
        ),
        (Credential::Query { name, value }, "query", "key"),
        (
            Credential::Cookie {
                name: cookie,
                value: cookie_value,
            },
            "cookie",
            "key",
        ),
        (of_person(PersonPlace::Header(header)), "header", "X-Key"),
        (
            of_person(PersonPlace::Query("key".to_owned())),
            "query",
            "key",
        ),
        (
            of_person(PersonPlace::Cookie("key".to_owned())),
            "cookie",
            "key",
        ),
        (of_person(PersonPlace::Bearer), "header", "Authorization"),
        (Credential::None, "header", "Procura-Actor"),
    ] {
        let parameter = |name| json!({ "name": name, "in": place, "schema": { "type": "string" } });
        let operation = json!({ "parameters": [parameter(name), parameter("other")] });
        let paths = json!({ "/x": { "get": operation } });
        let documents = read(&description("3.1.0", paths, json!({}))).await;
        let outcome = derived_with(&documents, &[], &credential);
        let members = outcome.offered[0].input["properties"].as_object().unwrap();
        let names: Vec<_> = members.keys().collect();
        assert_eq!(names, ["other"], "{place} {name}");
        let arguments = json!({ name: "mine", "other": "theirs" });
        let outgoing = planned(&outcome.offered[0], arguments).unwrap();
        assert!(!outgoing.headers.contains_key(name));
        assert!(
            outgoing
                .query
                .iter()
                .chain(&outgoing.cookies)
                .all(|pair| pair == "other=theirs")
        );
    }
}
