//! `/admin`: what administrators see, and that nobody else does.

use procura_people::presence::Method;
use serde_json::{Value, json};

use super::browser::{Browser, add_administrator, words};
use crate::support::Bank;
use crate::support::flows::{ALICE, BOB};

const ROOT: &str = "root@example.com";

async fn root(bank: &Bank) -> Browser<'_> {
    add_administrator(bank, ROOT).await;
    Browser::signed_in(bank, ROOT, Method::Password).await
}

const PAGES: [&str; 11] = [
    "/admin",
    "/admin/people",
    "/admin/apps",
    "/admin/agents",
    "/admin/capabilities",
    "/admin/capabilities/echo",
    "/admin/log",
    "/admin/log/verify",
    "/admin/log/export",
    "/admin/notices",
    "/admin/settings",
];

#[tokio::test]
async fn for_everybody_else_the_administration_does_not_exist() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!(["echo"])).await;
    let agent_page = format!("/admin/agents/{}", agent.id);
    let mut alice = Browser::signed_in(&bank, ALICE, Method::Passkey).await;
    let mut nobody = Browser::new(&bank);
    assert!(!alice.get("/").await.text.contains("/admin"));
    for path in PAGES.into_iter().chain([agent_page.as_str()]) {
        assert_eq!(alice.get(path).await.status, 404, "{path}");
        let answer = nobody.get(path).await;
        let login = answer.header("location").unwrap_or_default();
        assert!(login.starts_with("/login?next=%2Fadmin"), "{path}: {login}");
    }
    let revoke = format!("{agent_page}/revoke");
    assert_eq!(alice.post(&revoke, &[]).await.status, 404);
    assert_eq!(nobody.post(&revoke, &[]).await.status, 303);
    assert_eq!(
        alice.post("/admin/people", &[("bar", BOB)]).await.status,
        404
    );
    assert_eq!(bank.execute(&agent, "echo", json!({})).await.status, 200);
}

#[tokio::test]
async fn every_page_is_there_for_an_administrator() {
    let bank = Bank::start().await;
    let mut root = root(&bank).await;
    assert!(root.get("/").await.text.contains("href=\"/admin\""));
    for path in PAGES {
        let page = root.get(path).await;
        assert_eq!(page.status, 200, "{path}");
    }
}

#[tokio::test]
async fn agents_are_found_by_name_person_state_and_mode() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!([])).await;
    let worker = bank
        .autonomous_agent_of(&crate::support::signers::TestHost::new())
        .await;
    bank.revoke(&host, &agent).await;
    let mut root = root(&bank).await;
    let cases = [
        ("", true, true),
        ("?name=help", true, false),
        ("?name=WORK", false, true),
        ("?name=elper", false, false),
        ("?person=Alice@example.com", true, false),
        ("?status=revoked", true, false),
        ("?status=active", false, true),
        ("?mode=autonomous", false, true),
        ("?mode=autonomous&status=revoked", false, false),
    ];
    for (query, helper, works) in cases {
        let page = root.get(&format!("/admin/agents{query}")).await;
        assert_eq!(page.text.contains(&agent.id), helper, "{query}");
        assert_eq!(page.text.contains(&worker.id), works, "{query}");
    }
    let page = root.get("/admin/agents?person=nobody&name=h%22%3E").await;
    assert!(words(&page).contains("Nobody has this address."));
    assert!(page.text.contains("value=\"nobody\""));
    assert!(page.text.contains("value=\"h&#34;&#62;\""), "{}", page.text);
    let answer = root.get(&format!("/admin/agents?name={}", worker.id)).await;
    let target = format!("/admin/agents/{}", worker.id);
    assert_eq!(answer.header("location"), Some(target.as_str()));
}

#[tokio::test]
async fn lists_go_on_page_by_page() {
    let bank = Bank::start().await;
    let host = crate::support::signers::TestHost::new();
    let mut agents = Vec::new();
    for _ in 0..52 {
        agents.push(bank.autonomous_agent_of(&host).await.id);
    }
    agents.sort_unstable();
    let mut root = root(&bank).await;
    for list in [
        "/admin/agents?status=active",
        "/admin/agents?name=worker",
        "/admin/capabilities/echo",
    ] {
        let mut path = list.to_owned();
        let mut seen = Vec::new();
        loop {
            let page = root.get(&path).await;
            seen.extend(
                agents
                    .iter()
                    .filter(|id| page.text.contains(&format!("/admin/agents/{id}\"")))
                    .cloned(),
            );
            let Some((_, rest)) = page.text.split_once("<div class=\"pages\">") else {
                break;
            };
            let (_, rest) = rest.split_once("href=\"").unwrap();
            path = rest.split('"').next().unwrap().replace("&#38;", "&");
        }
        seen.sort_unstable();
        assert_eq!(seen, agents, "{list}");
    }
}

#[tokio::test]
async fn apps_are_found_and_stopped() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!(["echo"])).await;
    let mut root = root(&bank).await;
    let page = root
        .get("/admin/apps?name=lap&person=alice@example.com&status=active")
        .await;
    let (_, rest) = page.text.split_once("href=\"/admin/apps/hst_").unwrap();
    let path = format!("/admin/apps/hst_{}", rest.split('"').next().unwrap());
    assert!(words(&root.get(&path).await).contains("alice@example.com"));
    let answer = root.post(&format!("{path}/revoke"), &[]).await;
    assert_eq!(
        answer.header("location"),
        Some(format!("{path}?done=app").as_str())
    );
    let refused = bank.execute(&agent, "echo", json!({})).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    let record = bank.records_of("host.revoked").await.remove(0);
    let actor = record["actor"].as_str().unwrap();
    assert!(actor.starts_with("administrator:usr_"), "{actor}");
    // Once more, as when a page was left open.
    assert_eq!(root.post(&format!("{path}/revoke"), &[]).await.status, 409);
    assert_eq!(root.get("/admin/apps/hst_0").await.status, 404);
}

#[tokio::test]
async fn an_agent_is_stopped_by_an_administrator() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!(["check_balance"])).await;
    let mut root = root(&bank).await;
    let path = format!("/admin/agents/{}", agent.id);
    let page = words(&root.get(&path).await);
    for expected in ["Helper", "check_balance", "Laptop", "alice@example.com"] {
        assert!(page.contains(expected), "{expected}: {page}");
    }
    assert_eq!(root.post(&format!("{path}/revoke"), &[]).await.status, 303);
    let refused = bank.execute(&agent, "echo", json!({})).await;
    assert_eq!(refused.refusal(), (403, "agent_revoked"));
}

#[tokio::test]
async fn people_are_found_and_barred_but_not_oneself() {
    let bank = Bank::start().await;
    let mut alice = Browser::signed_in(&bank, ALICE, Method::Password).await;
    let mut root = root(&bank).await;
    let page = words(&root.get("/admin/people?email=ALI").await);
    assert!(page.contains(ALICE) && !page.contains(ROOT), "{page}");
    let answer = root.post("/admin/people", &[("bar", ALICE)]).await;
    assert_eq!(answer.header("location"), Some("/admin/people?done=barred"));
    assert_eq!(alice.get("/").await.header("location"), Some("/login"));
    assert_eq!(
        root.post("/admin/people", &[("bar", ROOT)]).await.status,
        409
    );
    assert_eq!(
        root.post("/admin/people", &[("bar", "x")]).await.status,
        409
    );
    assert_eq!(root.get("/admin").await.status, 200);
}

#[tokio::test]
async fn the_log_is_filtered_and_gone_through() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!(["echo"])).await;
    for _ in 0..60 {
        bank.execute(&agent, "echo", json!({})).await;
    }
    bank.execute(&agent, "transfer_domestic", json!({})).await;
    let mut root = root(&bank).await;
    let page = root
        .get("/admin/log?capability=transfer_domestic&outcome=capability_not_granted")
        .await;
    assert!(words(&page).contains("capability.refused"));
    assert_eq!(page.text.matches("<tr><td").count(), 1, "{}", page.text);
    let page = root.get("/admin/log?event=capability.started").await;
    assert_eq!(page.text.matches("<tr><td").count(), 50);
    let (_, rest) = page
        .text
        .split_once("event=capability.started&#38;before=")
        .unwrap();
    let before = rest.split('"').next().unwrap();
    let older = root
        .get(&format!(
            "/admin/log?event=capability.started&before={before}"
        ))
        .await;
    assert_eq!(older.text.matches("<tr><td").count(), 10);
    let of_agent = root
        .get(&format!(
            "/admin/log?agent={}&event=agent.registered",
            agent.id
        ))
        .await;
    assert_eq!(of_agent.text.matches("<tr><td").count(), 1);
    let nothing = root.get("/admin/log?event=no.such").await;
    assert!(words(&nothing).contains("No record is like this."));
}

#[tokio::test]
async fn the_log_is_exported_whole_or_in_part() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!(["echo"])).await;
    bank.execute(&agent, "echo", json!({ "formula": "=1+1" }))
        .await;
    let mut root = root(&bank).await;
    let records = bank.records().await;
    let export = root.get("/admin/log/export?format=jsonl").await;
    assert_eq!(
        export.header("content-type"),
        Some("application/jsonl; charset=utf-8")
    );
    let lines: Vec<Value> = export
        .text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines, records);
    let csv = root
        .get("/admin/log/export?format=csv&event=capability.started")
        .await;
    assert_eq!(
        csv.header("content-disposition"),
        Some("attachment; filename=\"audit-log.csv\"")
    );
    let lines: Vec<_> = csv.text.split("\r\n").collect();
    assert!(
        lines[0].starts_with("sequence,at,event,outcome,actor,"),
        "{}",
        csv.text
    );
    assert!(lines[1].contains("\"capability.started\""), "{}", csv.text);
    assert_eq!(lines.len(), 3, "{}", csv.text);
}

#[tokio::test]
async fn the_chain_is_checked() {
    let bank = Bank::start().await;
    bank.approved_agent(json!([])).await;
    let mut root = root(&bank).await;
    let count = bank.records().await.len();
    let page = words(&root.get("/admin/log/verify").await);
    assert!(page.contains("The audit log is intact"), "{page}");
    assert!(page.contains(&format!("All {count} records")), "{page}");
}

#[tokio::test]
async fn capabilities_show_what_they_take_and_who_holds_them() {
    let bank = Bank::start().await;
    let (_, agent) = bank
        .approved_agent(
            json!([{ "name": "transfer_domestic", "constraints": { "amount": { "max": 5 } } }]),
        )
        .await;
    let mut root = root(&bank).await;
    let page = words(&root.get("/admin/capabilities").await);
    assert!(page.contains("transfer_domestic"), "{page}");
    assert!(page.contains("a person with a passkey"), "{page}");
    let page = root.get("/admin/capabilities/transfer_domestic").await;
    assert!(page.text.contains(&agent.id));
    assert!(words(&page).contains("amount: at most 5"));
    let gone = words(&root.get("/admin/capabilities/gone").await);
    assert!(
        gone.contains("The server does not offer this any more."),
        "{gone}"
    );
}

#[tokio::test]
async fn settings_are_shown_without_secrets() {
    let secret = "a-secret-of-at-least-thirty-two-characters";
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), secret).unwrap();
    let path = file.path().display().to_string();
    let sections = format!(
        "[[introspection.caller]]\nname = \"gateway\"\nsecret_file = {path:?}\n\
         [[sign_in.openid]]\nid = \"acme\"\nname = \"Acme\"\nissuer = \"http://localhost:1\"\n\
         client_id = \"procura\"\nclient_secret_file = {path:?}\nsign_up = true\ndomains = [\"example.com\"]"
    );
    let bank = Bank::start_with(&crate::support::extended(&sections)).await;
    let mut root = root(&bank).await;
    let page = root.get("/admin/settings").await;
    let said = words(&page);
    for expected in [
        "gateway",
        "Ways to ask",
        "device_authorization, ciba",
        "switched off",
        "12h",
        "Acme (http://localhost:1)",
        "Acme (example.com)",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    assert!(!page.text.contains(secret) && !page.text.contains(&path));
}
