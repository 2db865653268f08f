//! Requests that make no sense, or mean harm: each is answered in the protocol's form, and none breaks
//! anything (§5.13).

use procura_server::{CallerKind, ENDPOINTS, Endpoint};
use serde_json::json;

use crate::support::Bank;
use crate::support::flows::{ALICE, wish};
use crate::support::http::Answer;
use crate::support::signers::{TestAgent, TestHost};

/// A bank with an approved agent, from which to send anything anywhere with a good token.
pub(super) struct Sender {
    pub(super) bank: Bank,
    pub(super) host: TestHost,
    pub(super) agent: TestAgent,
}

impl Sender {
    pub(super) async fn new() -> Self {
        let bank = Bank::start().await;
        let (host, agent) = bank.approved_agent(json!(["echo"])).await;
        Self { bank, host, agent }
    }

    fn token(&self, endpoint: &Endpoint) -> Option<String> {
        let Self { bank, host, agent } = self;
        match endpoint.caller {
            CallerKind::Anyone => None,
            CallerKind::Viewer | CallerKind::Agent => Some(agent.token(bank, &bank.issuer)),
            CallerKind::ExecutingAgent => Some(agent.token(bank, &bank.execute_url())),
            CallerKind::Host | CallerKind::ActiveHost | CallerKind::EndingHost => {
                Some(host.token(bank))
            }
            CallerKind::RegisteringHost => Some(host.registration_token(bank, &host.new_agent())),
        }
    }

    async fn post(&self, endpoint: &Endpoint, body: &[u8]) -> Answer {
        let token = self.token(endpoint);
        self.bank
            .post_bytes(endpoint.path, token.as_deref(), body.to_vec())
            .await
    }
}

/// The endpoints that read a body.
fn with_body() -> impl Iterator<Item = &'static Endpoint> {
    let posts = ENDPOINTS
        .iter()
        .filter(|endpoint| endpoint.method == "POST");
    posts.filter(|endpoint| endpoint.path != "/host/revoke")
}

/// Every error has this form, says nothing of the inside, and is not the server's fault.
pub(super) fn assert_refused(answer: &Answer, expected: (u16, &str), what: &str) {
    assert_eq!(answer.refusal(), expected, "{what}: {answer:?}");
    assert_eq!(
        answer.header("content-type"),
        Some("application/json"),
        "{what}"
    );
    let message = answer.text_of("message");
    assert!(
        !message.is_empty() && !message.contains("panick"),
        "{what}: {message}"
    );
}

// AA-5.13-01, AA-5.13-05
#[tokio::test]
async fn a_body_that_is_not_a_json_object_is_refused_everywhere() {
    let sender = Sender::new().await;
    let deep = "[".repeat(100_000);
    let deep_object = r#"{"a":"#.repeat(50_000);
    let bodies: [&[u8]; 16] = [
        b"",
        b" ",
        b"{",
        b"}",
        b"{} {}",
        b"nul",
        b"null",
        b"7",
        b"\"text\"",
        b"[]",
        b"[\"echo\"]",
        b"{'capability': 'echo'}",
        b"{\"a\": 1,}",
        b"{\"a\": \xff\xfe}",
        deep.as_bytes(),
        deep_object.as_bytes(),
    ];
    for endpoint in with_body() {
        for body in bodies {
            let answer = sender.post(endpoint, body).await;
            let shown = String::from_utf8_lossy(&body[..body.len().min(20)]);
            assert_refused(
                &answer,
                (400, "invalid_request"),
                &format!("{} {shown}", endpoint.path),
            );
        }
    }
}

// AA-5.13-05
#[tokio::test]
async fn a_list_is_no_object_even_where_its_items_would_fit() {
    let sender = Sender::new().await;
    let agent_id = &sender.agent.id;
    let bodies = [
        ("/capability/execute", json!(["echo", {}])),
        ("/agent/revoke", json!([agent_id])),
        ("/agent/introspect", json!(["x.y.z"])),
        (
            "/agent/request-capability",
            json!({ "capabilities": [["echo", null]] }),
        ),
        (
            "/agent/register",
            json!({ "name": "A", "capabilities": [["echo"]] }),
        ),
    ];
    for (path, body) in bodies {
        let endpoint = ENDPOINTS
            .iter()
            .find(|endpoint| endpoint.path == path)
            .unwrap();
        let answer = sender.post(endpoint, body.to_string().as_bytes()).await;
        assert_refused(&answer, (400, "invalid_request"), path);
    }
}

// AA-5.13-05
#[tokio::test]
async fn a_member_that_appears_twice_is_refused_at_any_depth() {
    let sender = Sender::new().await;
    let bodies = [
        r#"{"capability":"echo","capability":"echo"}"#,
        r#"{"capability":"echo","arguments":{"amount":1,"amount":1000}}"#,
        r#"{"capability":"echo","arguments":{"a":[{"b":1,"\u0062":2}]}}"#,
    ];
    for body in bodies {
        let token = sender.agent.token(&sender.bank, &sender.bank.execute_url());
        let body = body.as_bytes().to_vec();
        let answer = sender
            .bank
            .post_bytes("/capability/execute", Some(&token), body)
            .await;
        assert_refused(&answer, (400, "invalid_request"), "twice");
        assert!(answer.text_of("message").contains("twice"), "{answer:?}");
    }
}

// AA-5.13-05
#[tokio::test]
async fn numbers_that_no_computer_holds_are_refused_and_large_ones_are_not() {
    let sender = Sender::new().await;
    let cases = [
        ("1e999", 400),
        ("-1e999", 400),
        ("NaN", 400),
        ("Infinity", 400),
        ("0x10", 400),
        ("01", 400),
        ("1e308", 200),
        ("123456789012345678901234567890", 200),
        ("-0.0", 200),
        ("1e-999", 200),
    ];
    for (number, status) in cases {
        let body = format!(r#"{{"capability":"echo","arguments":{{"n":{number}}}}}"#);
        let token = sender.agent.token(&sender.bank, &sender.bank.execute_url());
        let answer = sender
            .bank
            .post_bytes("/capability/execute", Some(&token), body.into_bytes())
            .await;
        assert_eq!(answer.status, status, "{number}: {answer:?}");
    }
}

#[tokio::test]
async fn a_body_may_have_a_mebibyte_and_no_byte_more() {
    let sender = Sender::new().await;
    let limit = 1024 * 1024;
    let filled = |size: usize| {
        let frame = r#"{"capability":"echo","arguments":{"a":""}}"#;
        let filling = "x".repeat(size - frame.len());
        frame
            .replace("\"\"", &format!("\"{filling}\""))
            .into_bytes()
    };
    for (size, expected) in [(limit, (200, "-")), (limit + 1, (413, "invalid_request"))] {
        let token = sender.agent.token(&sender.bank, &sender.bank.execute_url());
        let body = filled(size);
        assert_eq!(body.len(), size);
        let answer = sender
            .bank
            .post_bytes("/capability/execute", Some(&token), body)
            .await;
        assert_eq!(answer.refusal(), expected, "{size}");
    }
    for endpoint in with_body() {
        for size in [limit + 1, 8 * limit] {
            let answer = sender.post(endpoint, &vec![b' '; size]).await;
            assert_refused(&answer, (413, "invalid_request"), endpoint.path);
        }
    }
}

// AA-5.13-05
#[tokio::test]
async fn a_body_has_to_be_announced_as_json() {
    let sender = Sender::new().await;
    let body = br#"{"capability":"echo"}"#.to_vec();
    let types = [
        (None, 400),
        (Some("text/plain"), 400),
        (Some("application/x-www-form-urlencoded"), 400),
        (Some("application/jsonp"), 400),
        (Some(""), 400),
        (Some("application/json"), 200),
        (Some("application/json; charset=utf-8"), 200),
        (Some("Application/JSON"), 200),
    ];
    for (content_type, status) in types {
        let token = sender.agent.token(&sender.bank, &sender.bank.execute_url());
        let mut headers = vec![("authorization", format!("Bearer {token}"))];
        headers.extend(content_type.map(|value| ("content-type", value.to_owned())));
        let answer = sender
            .bank
            .raw("POST", "/capability/execute", &headers, Some(body.clone()))
            .await;
        assert_eq!(answer.status, status, "{content_type:?}: {answer:?}");
    }
}

// AA-5.13-01
#[tokio::test]
async fn another_method_or_path_is_answered_in_the_same_form() {
    let sender = Sender::new().await;
    for endpoint in ENDPOINTS {
        for method in [
            "GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW",
        ] {
            if method == endpoint.method {
                continue;
            }
            let answer = sender.bank.raw(method, endpoint.path, &[], None).await;
            let what = format!("{method} {}", endpoint.path);
            assert_refused(&answer, (405, "method_not_allowed"), &what);
            let allowed = answer.header("allow").unwrap_or_default();
            assert!(
                allowed.contains(endpoint.method),
                "{what} allows {allowed:?}"
            );
        }
    }
    let paths = [
        "/agent",
        "/agent/",
        "/agent/register/",
        "/Agent/Register",
        "//agent/register",
        "/agent/../agent/register",
        "/agent%2Fregister",
        "/capability/fly",
        "/.well-known/agent-configuration/",
        "/%00",
        "/%FF",
    ];
    for path in paths {
        for method in ["GET", "POST"] {
            let answer = sender.bank.raw(method, path, &[], None).await;
            assert_refused(&answer, (404, "not_found"), path);
        }
    }
}

// AA-8.10-03, AA-8.10-05
#[tokio::test]
async fn hostile_texts_are_cleaned_and_change_nothing_but_words() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let cases = [
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("'; drop table agents; --", "'; drop table agents; --"),
        ("a\u{0}b\u{1b}[31m", "a b [31m"),
        ("admin\u{202e}gnp.exe", "admingnp.exe"),
        ("{{7*7}} ${jndi:ldap://x}", "{{7*7}} ${jndi:ldap://x}"),
        ("\u{200b}  A\r\n\tB  ", "A B"),
        ("../../etc/passwd", "../../etc/passwd"),
    ];
    for (sent, kept) in cases {
        let body =
            json!({ "name": sent, "host_name": sent, "reason": sent, "binding_message": sent });
        let (agent, answer) = bank.register(&host, &body).await;
        assert_eq!(answer.status, 200, "{sent:?}: {answer:?}");
        assert_eq!(answer.body["name"], kept);
        assert_eq!(answer.body["status"], "pending");
        let alice = bank
            .person(ALICE, procura_people::presence::Method::Password)
            .await;
        let (_, view) = bank.read(&alice, &answer).await.unwrap();
        assert_eq!(
            (view.agent.as_str(), view.reason.as_deref()),
            (kept, Some(kept))
        );
        assert_eq!(bank.status(&host, &agent).await.body["name"], kept);
    }
}

#[tokio::test]
async fn hostile_names_and_identifiers_find_nothing() {
    let sender = Sender::new().await;
    let Sender { bank, host, agent } = &sender;
    let hostile = [
        "' or 1=1 --",
        "../echo",
        "%",
        "*",
        "\u{0}",
        "echo\u{0}",
        "${agent_id}",
        "é",
        "\u{1f4a9}",
    ];
    for name in hostile {
        let answer = bank.execute(agent, name, json!({})).await;
        assert!(matches!(answer.status, 400 | 404), "{name:?}: {answer:?}");
        let answer = bank.request(agent, json!([name])).await;
        assert_eq!(answer.status, 400, "{name:?}: {answer:?}");
        let body = json!({ "agent_id": name });
        let answer = bank
            .post("/agent/revoke", Some(&host.token(bank)), &body)
            .await;
        assert_refused(&answer, (404, "agent_not_found"), name);
        let token = agent.token_with(bank, &bank.execute_url(), |claims| {
            claims["sub"] = json!(name);
        });
        let answer = bank.execute_by(&token, "echo", json!({})).await;
        assert_refused(&answer, (401, "invalid_jwt"), name);
    }
    assert_eq!(bank.execute(agent, "echo", json!({})).await.status, 200);
}

// AA-5.13-01
#[tokio::test]
async fn a_path_or_query_that_is_no_text_is_refused_in_the_same_form() {
    let sender = Sender::new().await;
    let Sender { bank, host, agent } = &sender;
    let queries = [
        "?agent_id=%FF",
        "?agent_id=%",
        "?agent_id=%zz",
        "?%00=1",
        "?&&&",
        "?agent_id=a&agent_id=b",
    ];
    for query in queries {
        let path = format!("/agent/status{query}");
        let answer = bank.get(&path, Some(&host.token(bank))).await;
        assert!(matches!(answer.status, 400 | 404), "{query}: {answer:?}");
        answer.text_of("message");
    }
    for name in ["%FF", "%00", "job_", "job_%41", &"x".repeat(8_000)] {
        let path = format!("/capability/status/{name}");
        assert_refused(&bank.get(&path, None).await, (401, "invalid_jwt"), name);
        let token = agent.token(bank, &bank.issuer);
        assert_refused(
            &bank.get(&path, Some(&token)).await,
            (404, "job_not_found"),
            name,
        );
    }
}

#[tokio::test]
async fn registering_with_everything_at_its_longest_works() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let mut body = wish(json!(["echo"]));
    body["name"] = json!("é".repeat(200));
    body["host_name"] = json!("你".repeat(200));
    for member in ["reason", "binding_message", "login_hint"] {
        body[member] = json!("ü".repeat(500));
    }
    let (_, answer) = bank.register(&host, &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}
