//! `GET /capability/list` (§5.2).

use serde_json::{Value, json};

use crate::support::http::{Answer, members};
use crate::support::signers::TestHost;
use crate::support::{Bank, extended};

const ALL: [&str; 6] = [
    "check_balance",
    "echo",
    "export_statement",
    "list_accounts",
    "transfer_domestic",
    "watch_balance",
];

/// A capability that another service carries out.
pub(crate) const ELSEWHERE: &str = r#"
[[capability]]
name = "pay_tax"
description = "Pay taxes"
approval = "session"
location = "https://tax.example/agent/execute"
"#;

fn names(answer: &Answer) -> Vec<&str> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let listed = answer.body["capabilities"].as_array().unwrap();
    listed
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect()
}

fn statuses(answer: &Answer) -> Vec<(&str, &Value)> {
    let listed = answer.body["capabilities"].as_array().unwrap();
    listed
        .iter()
        .map(|one| (one["name"].as_str().unwrap(), &one["grant_status"]))
        .collect()
}

// AA-5.2-01, AA-5.2-02, AA-5.2-08, AA-5.2-13, AA-2.12-01
#[tokio::test]
async fn anybody_sees_names_and_descriptions_and_no_more() {
    let bank = Bank::start().await;
    let answer = bank.get("/capability/list", None).await;
    assert_eq!(names(&answer), ALL);
    assert_eq!(answer.body["has_more"], false);
    assert_eq!(answer.body["next_cursor"], Value::Null);
    for listed in answer.body["capabilities"].as_array().unwrap() {
        assert_eq!(members(listed), ["description", "name"]);
    }
}

// AA-5.2-02, AA-5.2-13
#[tokio::test]
async fn a_server_that_offers_nothing_lists_nothing() {
    let config = "[provider]\nname = \"empty\"\ndescription = \"Nothing\"\n";
    let bank = Bank::start_with(config).await;
    let answer = bank.get("/capability/list", None).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["capabilities"], json!([]));
}

// AA-5.2-03, AA-2.12-05
#[tokio::test]
async fn a_host_sees_what_is_offered_before_it_has_an_agent() {
    let bank = Bank::start().await;
    let (known, _) = bank.approved_agent(json!(["echo"])).await;
    let pending = TestHost::new();
    bank.register(&pending, &json!({ "name": "A" })).await;
    for host in [TestHost::new(), pending, known] {
        let answer = bank.get("/capability/list", Some(&host.token(&bank))).await;
        assert_eq!(names(&answer), ALL);
        assert!(statuses(&answer).iter().all(|(_, status)| status.is_null()));
    }
}

// AA-5.2-04, AA-2.12-05
#[tokio::test]
async fn an_agent_sees_of_each_capability_whether_it_holds_it() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!(["echo", "check_balance"])).await;
    bank.request(&agent, json!(["list_accounts"])).await;
    let token = agent.token(&bank, &bank.issuer);
    let answer = bank.get("/capability/list", Some(&token)).await;
    let held = |name: &str| ["echo", "check_balance"].contains(&name);
    let expected = |name: &str| if held(name) { "granted" } else { "not_granted" };
    assert_eq!(names(&answer), ALL);
    for (name, status) in statuses(&answer) {
        assert_eq!(status, expected(name), "{name}");
    }
}

// AA-4.5-11
#[tokio::test]
async fn what_the_token_excludes_does_not_count_as_held() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!(["echo", "check_balance"])).await;
    let token = agent.token_for(&bank, &bank.issuer, &["echo"]);
    let answer = bank.get("/capability/list", Some(&token)).await;
    let granted = statuses(&answer)
        .into_iter()
        .filter(|(_, status)| *status == "granted");
    assert_eq!(granted.map(|(name, _)| name).collect::<Vec<_>>(), ["echo"]);
}

// AA-5.2-06, AA-5.2-07, AA-5.2-08
#[tokio::test]
async fn pages_follow_each_other_until_none_is_left() {
    let bank = Bank::start().await;
    let mut found = Vec::new();
    let mut path = "/capability/list?limit=4".to_owned();
    for last in [false, true] {
        let answer = bank.get(&path, None).await;
        found.extend(names(&answer).into_iter().map(str::to_owned));
        assert_eq!(answer.body["has_more"], !last);
        assert_eq!(answer.body["next_cursor"].is_null(), last);
        if !last {
            let cursor = answer.text_of("next_cursor");
            path = format!("/capability/list?limit=4&cursor={cursor}");
        }
    }
    assert_eq!(found, ALL);
}

// AA-5.2-05
#[tokio::test]
async fn a_query_keeps_what_has_all_its_words() {
    let bank = Bank::start().await;
    let cases: [(&str, &[&str]); 5] = [
        ("balance", &["check_balance", "watch_balance"]),
        ("send+MONEY", &["transfer_domestic"]),
        ("check_balance", &["check_balance"]),
        ("balance+money", &[]),
        ("", &ALL),
    ];
    for (query, expected) in cases {
        let answer = bank
            .get(&format!("/capability/list?query={query}"), None)
            .await;
        assert_eq!(names(&answer), expected, "{query}");
    }
}

// AA-5.13-05
#[tokio::test]
async fn a_limit_or_cursor_that_means_nothing_is_refused() {
    let bank = Bank::start().await;
    let wrong = [
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=many",
        "limit=1.5",
        "cursor=%21",
        "limit=1&limit=2",
    ];
    for query in wrong {
        let answer = bank.get(&format!("/capability/list?{query}"), None).await;
        assert_eq!(answer.refusal(), (400, "invalid_request"), "{query}");
    }
}

// AA-2.12-02
#[tokio::test]
async fn a_capability_that_runs_elsewhere_says_where() {
    let bank = Bank::start_with(&extended(ELSEWHERE)).await;
    let answer = bank.get("/capability/list?query=taxes", None).await;
    let location = "https://tax.example/agent/execute";
    assert_eq!(answer.body["capabilities"][0]["location"], location);
}

// AA-5.2-10, AA-5.2-11
#[tokio::test]
async fn a_server_may_show_capabilities_to_hosts_and_agents_only() {
    let bank = Bank::start_changed("[provider]", "[provider]\npublic_capabilities = false").await;
    for path in ["/capability/list", "/capability/describe?name=echo"] {
        let answer = bank.get(path, None).await;
        assert_eq!(answer.refusal(), (401, "authentication_required"), "{path}");
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.starts_with("AgentAuth discovery="), "{challenge}");
        let token = TestHost::new().token(&bank);
        assert_eq!(bank.get(path, Some(&token)).await.status, 200, "{path}");
    }
}
